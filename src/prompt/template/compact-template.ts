// The built-in template `compact`: the shortest prompt, for models trained on it.
// Knows the shared sections; its text is a fixed format that trained models rely on.

import { instructedTemplate } from './instructed-template.js';
import type { PromptTemplate } from './template.js';

const INSTRUCTION = 'Judge the responses as this user would.';
const FORMAT_REVISION = 'compact/2';

/** The template `compact`: one line of instruction, the user's sections, the query and the responses. */
export function compactTemplate(): PromptTemplate {
  return instructedTemplate({
    name: 'compact',
    revision: FORMAT_REVISION,
    instruction: INSTRUCTION,
    events: 'numbered',
    trimmed: true,
  });
}
