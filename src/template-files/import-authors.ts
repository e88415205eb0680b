// Imports the prompt texts of the P-GenRM authors from a user's copy of their Python file.
// Reads the file; `python-template.ts` knows what stands in it.

import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { messageOf, PgenrmError } from '../errors.js';
import type { TemplateFile } from '../prompt/template/imported-template.js';
import { type ImportAuthorsOptions, templateFromPython } from '../prompt/template/python-template.js';

/**
 * Reads the authors' `PROMPTS.py` without running it and gives the template file to write as JSON.
 *
 * Throws `INPUT_NOT_FOUND` where the file cannot be read, and `TEMPLATE_INVALID`, saying what and where, for a
 * missing constant, a missing or unknown slot, a brace without a partner or a string that is not constant.
 */
export async function importAuthorsTemplate(
  path: string,
  options: ImportAuthorsOptions = {},
): Promise<TemplateFile> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new PgenrmError('INPUT_NOT_FOUND', `the template source cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return templateFromPython(bytes, basename(path), options);
}
