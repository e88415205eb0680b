// The built-in templates, and which of them a model is prompted with.
// Knows names; reads no files.

import { PgenrmError } from '../../errors.js';
import { compactTemplate } from './compact-template.js';
import { standardTemplate } from './standard-template.js';
import type { PromptTemplate } from './template.js';

/** GGUF metadata key by which a model names the template that it was trained on. */
export const TEMPLATE_METADATA_KEY = 'pgenrm.template';

/** The built-in templates by name. */
export const BUILT_IN_TEMPLATES: ReadonlyMap<string, PromptTemplate> = new Map(
  [compactTemplate(), standardTemplate()].map((template) => [template.name, template]),
);

/**
 * The template that a model asks for by its metadata key `pgenrm.template`, else `standard`.
 * Throws `TEMPLATE_INVALID` where this version does not have the one that it asks for.
 */
export function modelTemplate(modelMetadata?: ReadonlyMap<string, string>): PromptTemplate {
  const wished = modelMetadata?.get(TEMPLATE_METADATA_KEY);
  const template = BUILT_IN_TEMPLATES.get(wished ?? 'standard');
  if (template === undefined) {
    throw new PgenrmError(
      'TEMPLATE_INVALID',
      `the model asks for the template '${wished}' (GGUF key ${TEMPLATE_METADATA_KEY}), which this version does not have (built in: ${builtInNames()}); name a template explicitly`,
    );
  }
  return template;
}

/** The names of the built-in templates, for messages. */
export function builtInNames(): string {
  return [...BUILT_IN_TEMPLATES.keys()].join(', ');
}
