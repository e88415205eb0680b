// The chat template that a user gives in place of a model's own: a file, or the text itself.
// Reads; renders nothing.

import { readFile } from 'node:fs/promises';
import { messageOf, PgenrmError } from '../errors.js';
import type { GivenChatTemplate } from '../prompt/chat/chat-template.js';

/**
 * The chat template that `choice` names: text that holds `{{` or `{%` is the template, anything else the path of its file.
 * Errors: `TEMPLATE_INVALID` where the file cannot be read, is no UTF-8 text or is blank.
 */
export async function readGivenTemplate(choice: string): Promise<GivenChatTemplate> {
  if (/\{[{%]/.test(choice)) return { name: 'the given chat template', source: choice };
  const refuse = (why: string, cause?: unknown): PgenrmError =>
    new PgenrmError(
      'TEMPLATE_INVALID',
      `the chat template ${choice} must be a file with a Jinja template: ${why}`,
      cause === undefined ? {} : { cause },
    );
  let bytes: Buffer;
  try {
    bytes = await readFile(choice);
  } catch (error) {
    throw refuse(messageOf(error), error);
  }
  let source: string;
  try {
    source = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw refuse('it is not UTF-8 text', error);
  }
  if (source.trim() === '') throw refuse('it is empty');
  return { name: `the chat template ${choice}`, source };
}
