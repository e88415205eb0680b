// The built-in template `compact`: the shortest prompt, for models trained on it.
// Knows the shared sections; its text is a fixed format that trained models rely on.

import { checkPromptInput, hashTexts } from './prompt-input.js';
import { renderInputSections, renderUserSections } from './sections.js';
import type { PromptTemplate } from './template.js';

const INSTRUCTION = 'Judge the responses as this user would.';
const FORMAT_REVISION = 'compact/1';

/** The template `compact`: one line of instruction, the user's sections, the query and the responses. */
export function compactTemplate(): PromptTemplate {
  return {
    name: 'compact',
    hash: hashTexts([FORMAT_REVISION, INSTRUCTION]),
    render(input) {
      checkPromptInput(input);
      return [
        { role: 'system', content: `${INSTRUCTION}\n\n${renderUserSections(input.user)}` },
        { role: 'user', content: renderInputSections(input.context, input.responses) },
      ];
    },
  };
}
