// Imports the prompt texts of the P-GenRM authors from a user's copy of their Python file.
// Knows the names of the two constants; the texts themselves are the user's and never part of the package.

import { PgenrmError } from '../../errors.js';
import { sha256Hex } from '../../hashing/sha256.js';
import { importedTemplate, type TemplateFile } from './imported-template.js';
import { readPythonConstants } from './python-constants.js';

/** The constant that holds the system text, with the slot `{few_shots}`. */
export const SYSTEM_CONSTANT = 'USER_PREFERENCE_ANALYSIS_PROMPT';
/** The constant that holds the user text, with the slots `{user_input}`, `{response_1}`, `{response_2}`. */
export const USER_CONSTANT = 'USER_PROMPT_TEMPLATE';

/** Options of an import. */
export interface ImportAuthorsOptions {
  /** Name of the template; default `imported`. */
  readonly name?: string;
}

/**
 * Reads the bytes of the authors' `PROMPTS.py` without running it and gives the template file to write as JSON; `file` is
 * its name. Throws `TEMPLATE_INVALID`, saying what and where, for a missing constant, a missing or unknown slot, a brace
 * without a partner or a string that is not constant.
 */
export function templateFromPython(
  bytes: Uint8Array,
  file: string,
  options: ImportAuthorsOptions = {},
): TemplateFile {
  let source: string;
  try {
    source = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new PgenrmError('TEMPLATE_INVALID', `${file}: expected UTF-8 text, got other bytes`, {
      cause: error,
    });
  }
  const wanted = [SYSTEM_CONSTANT, USER_CONSTANT];
  const constants = readPythonConstants(source, wanted, file);
  for (const name of wanted) {
    if (!constants.has(name)) {
      throw new PgenrmError(
        'TEMPLATE_INVALID',
        `${file}: the constant ${name} is missing; expected ${wanted.join(' and ')}, each assigned a string at the top level`,
      );
    }
  }
  const template: TemplateFile = {
    pgenrmTemplate: 1,
    name: options.name ?? 'imported',
    system: constants.get(SYSTEM_CONSTANT)!,
    user: constants.get(USER_CONSTANT)!,
    source: { file, sha256: sha256Hex(bytes) },
  };
  // Compiled once so that bad slots are told now and not at the first prompt.
  importedTemplate(template, { system: `${file}, ${SYSTEM_CONSTANT}`, user: `${file}, ${USER_CONSTANT}` });
  return template;
}
