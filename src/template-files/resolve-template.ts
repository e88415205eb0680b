// Finds a prompt template by name or in a file.
// Reads the file; what stands in it is for `prompt` to read.

import { readFile } from 'node:fs/promises';
import { messageOf, PgenrmError } from '../errors.js';
import { BUILT_IN_TEMPLATES, builtInNames, modelTemplate } from '../prompt/template/built-in.js';
import { parseTemplateFile } from '../prompt/template/imported-template.js';
import type { PromptTemplate } from '../prompt/template/template.js';

/**
 * Finds a template: a built-in by name, or an imported one by the path of its JSON file.
 *
 * Without `choice` the model's metadata key `pgenrm.template` decides where present, else `standard` is taken.
 * Throws `TEMPLATE_INVALID` where the name is unknown and no such file exists, or the file is not a template.
 */
export async function resolveTemplate(
  choice?: string,
  modelMetadata?: ReadonlyMap<string, string>,
): Promise<PromptTemplate> {
  if (choice === undefined) return modelTemplate(modelMetadata);
  const builtIn = BUILT_IN_TEMPLATES.get(choice);
  if (builtIn !== undefined) return builtIn;
  let text: string;
  try {
    text = await readFile(choice, 'utf8');
  } catch (error) {
    throw new PgenrmError(
      'TEMPLATE_INVALID',
      `no template '${choice}': expected a built-in name (${builtInNames()}) or the path of a template file, and the file cannot be read: ${messageOf(error)}`,
      { cause: error },
    );
  }
  return parseTemplateFile(text, choice);
}
