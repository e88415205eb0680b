// Checks on what a template is asked to render.
// Knows nothing of any one template.

import { PgenrmError } from '../../errors.js';
import type { PromptInput } from './template.js';

/** Throws `INVALID_OPTION` unless there are two responses or more and a context. */
export function checkPromptInput(input: PromptInput): void {
  if (input.responses.length < 2) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `expected two or more responses to compare, got ${input.responses.length}`,
    );
  }
  if (input.context.length === 0) {
    throw new PgenrmError('INVALID_OPTION', 'expected a context of at least one turn, got none');
  }
}
