// Template files: the JSON that the importer writes, and the template that comes of it.
// Knows the slots of an imported template; knows nothing of where its texts came from.

import { messageOf, PgenrmError } from '../../errors.js';
import { neutralizeMarkers } from '../markers.js';
import { renderContext, renderCriteria, renderEvents } from '../sections.js';
import { fillFormatText, parseFormatText } from './format-text.js';
import { hashTexts } from './hash-texts.js';
import { checkPromptInput } from './prompt-input.js';
import type { PromptTemplate } from './template.js';

/** The slots that the system text of an imported template must have. */
export const SYSTEM_SLOTS = ['few_shots'] as const;
/** The slots that the user text of an imported template must have. */
export const USER_SLOTS = ['user_input', 'response_1', 'response_2'] as const;

/** A template file. Texts hold slots as `{few_shots}`; literal braces are doubled. */
export interface TemplateFile {
  readonly pgenrmTemplate: 1;
  readonly name: string;
  readonly system: string;
  readonly user: string;
  /** The file that the texts were taken from, by name and SHA-256 of its bytes. */
  readonly source: { readonly file: string; readonly sha256: string };
}

/**
 * Reads a template file's text. `path` is for messages.
 *
 * Throws `TEMPLATE_INVALID` where it is not JSON, lacks a field, or a text lacks a slot or has an unknown one.
 */
export function parseTemplateFile(text: string, path: string): PromptTemplate {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new PgenrmError(
      'TEMPLATE_INVALID',
      `${path}: expected a template file in JSON, got text that does not parse: ${messageOf(error)}; for a Python file run \`pgenrm template import\` first`,
      { cause: error },
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new PgenrmError(
      'TEMPLATE_INVALID',
      `${path}: expected a JSON object with the key "pgenrmTemplate"`,
    );
  }
  const fields = value as Readonly<Record<string, unknown>>;
  if (fields.pgenrmTemplate !== 1) {
    throw new PgenrmError(
      'TEMPLATE_INVALID',
      `${path}: expected "pgenrmTemplate": 1, got ${JSON.stringify(fields.pgenrmTemplate) ?? 'nothing'}`,
    );
  }
  const name = textField(fields, 'name', path);
  const system = textField(fields, 'system', path);
  const user = textField(fields, 'user', path);
  return importedTemplate({ name, system, user }, { system: `${path}, "system"`, user: `${path}, "user"` });
}

/**
 * The template of an imported pair of texts; it compares exactly two responses.
 *
 * `few_shots` takes the history events and, where criteria were stated, a blank line and the marked criteria
 * section after them. `labels` name the texts in messages. Throws `TEMPLATE_INVALID` as {@link parseTemplateFile} does.
 */
export function importedTemplate(
  texts: Pick<TemplateFile, 'name' | 'system' | 'user'>,
  labels: { readonly system: string; readonly user: string },
): PromptTemplate {
  const system = parseFormatText(texts.system, SYSTEM_SLOTS, labels.system);
  const user = parseFormatText(texts.user, USER_SLOTS, labels.user);
  return {
    name: texts.name,
    hash: hashTexts(['imported/1', texts.system, texts.user]),
    render(input) {
      checkPromptInput(input);
      if (input.responses.length !== 2) {
        throw new PgenrmError(
          'TEMPLATE_INVALID',
          `the imported template '${texts.name}' compares exactly two responses, got ${input.responses.length}; take a built-in template for more`,
        );
      }
      const criteria = renderCriteria(input.user);
      const events = renderEvents(input.user.history);
      const shots = criteria === '' ? events : `${events}\n\n${criteria}`;
      return [
        { role: 'system', content: fillFormatText(system, { few_shots: shots }) },
        {
          role: 'user',
          content: fillFormatText(user, {
            user_input: neutralizeMarkers(renderContext(input.context)),
            response_1: neutralizeMarkers(input.responses[0]!),
            response_2: neutralizeMarkers(input.responses[1]!),
          }),
        },
      ];
    },
  };
}

function textField(fields: Readonly<Record<string, unknown>>, key: string, path: string): string {
  const value = fields[key];
  if (typeof value === 'string' && value.trim() !== '') return value;
  throw new PgenrmError('TEMPLATE_INVALID', `${path}: expected "${key}" to be a non-empty string`);
}
