// What the built-in templates share: an instruction before the user's sections, the query and the responses after.
// Knows the order of the sections, not what an instruction says.

import { type EventForm, renderInputSections, renderUserSections } from '../sections.js';
import { hashTexts } from './hash-texts.js';
import { checkPromptInput } from './prompt-input.js';
import type { PromptTemplate } from './template.js';

/** What tells one built-in template from another. */
export interface InstructedForm {
  readonly name: string;
  /** Names the form of the sections; part of the hash. */
  readonly revision: string;
  readonly instruction: string;
  readonly events: EventForm;
  /** Outer white space of responses is left out, as the prompts that a model was trained on have it. */
  readonly trimmed: boolean;
}

/** A template of one instruction. */
export function instructedTemplate({
  name,
  revision,
  instruction,
  events,
  trimmed,
}: InstructedForm): PromptTemplate {
  return {
    name,
    hash: hashTexts([revision, instruction]),
    render(input) {
      checkPromptInput(input);
      const responses = trimmed ? input.responses.map((response) => response.trim()) : input.responses;
      return [
        { role: 'system', content: `${instruction}\n\n${renderUserSections(input.user, events)}` },
        { role: 'user', content: renderInputSections(input.context, responses) },
      ];
    },
  };
}
