// What a prompt template is.
// Knows nothing of any one template, nor of chat templates, tokens or chains.

import type { Turn, User } from '../../preference/preference.js';
import { hashTexts } from './hash-texts.js';

/** One message of the conversation that a prompt is. */
export interface ChatMessage {
  readonly role: 'system' | 'user';
  readonly content: string;
}

/** What a template writes out: one user, one context, the responses in the order of presentation. */
export interface PromptInput {
  readonly user: User;
  readonly context: readonly Turn[];
  /** Two or more. */
  readonly responses: readonly string[];
}

/**
 * Turns a user, a context and responses into chat messages.
 *
 * Everything that stands before the query is the same for all items of one user. `render` throws
 * `TEMPLATE_INVALID` where the template cannot hold the number of responses, and `INVALID_OPTION` for fewer
 * than two responses or an empty context.
 */
export interface PromptTemplate {
  readonly name: string;
  /** SHA-256 of the template's defining texts, hexadecimal. */
  readonly hash: string;
  render(input: PromptInput): ChatMessage[];
}

/** A template whose hash names the chat template too that is given in place of the model's own. */
export function withChatTemplate(template: PromptTemplate, chatTemplate: string): PromptTemplate {
  return {
    name: template.name,
    hash: hashTexts([template.hash, chatTemplate]),
    render: (input) => template.render(input),
  };
}
