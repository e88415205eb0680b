// What the built-in templates share: an instruction before the user's sections, the query and the responses after.
// Knows the order of the sections, not what an instruction says.

import { checkPromptInput, hashTexts } from './prompt-input.js';
import { renderInputSections, renderUserSections } from './sections.js';
import type { PromptTemplate } from './template.js';

/** A template of one instruction; `revision` names the form of its sections and is part of the hash. */
export function instructedTemplate(name: string, revision: string, instruction: string): PromptTemplate {
  return {
    name,
    hash: hashTexts([revision, instruction]),
    render(input) {
      checkPromptInput(input);
      return [
        { role: 'system', content: `${instruction}\n\n${renderUserSections(input.user)}` },
        { role: 'user', content: renderInputSections(input.context, input.responses) },
      ];
    },
  };
}
