// Applies a chat template to messages and keeps template text and contents apart.
// Knows nothing of what the messages say, nor of tokens; `chat-skeleton.ts` renders.

import { PgenrmError } from '../../errors.js';
import type { PromptPiece } from '../../generator/generator.js';
import type { ChatMessage } from '../template/template.js';
import {
  type ChatSkeleton,
  type ChatTemplateOptions,
  renderSkeleton,
  type SkeletonPart,
} from './chat-skeleton.js';
import { openedThought } from './opened-thought.js';

export type { ChatSkeleton, ChatTemplateOptions } from './chat-skeleton.js';

/** A model's chat template, ready to apply. */
export interface ChatTemplate {
  /** How the system message reaches the model: by its own role, or in front of the user message. */
  readonly systemRole: 'own' | 'merged';
  /** The mark of the thought in which every rendered prompt ends, such as `<think>`; null where it ends in none. */
  readonly opensThought: string | null;
  /**
   * Renders one system and one user message up to the point where the assistant's answer begins: template text is trusted,
   * message contents are not.
   */
  apply(messages: readonly ChatMessage[]): PromptPiece[];
}

/** A chat template that was given in place of the model's own. */
export interface GivenChatTemplate {
  /** What errors call it. */
  readonly name: string;
  /** Jinja. */
  readonly source: string;
}

/**
 * Has a chat template rendered: where the template may come from anybody, in a place that can be ended. Errors as
 * {@link createChatTemplate}; rejects with the signal's reason where it aborts.
 */
export type SkeletonRenderer = (
  source: string,
  options: ChatTemplateOptions,
  signal?: AbortSignal,
) => Promise<ChatSkeleton>;

/**
 * Compiles a chat template, here and now. Blank: a plain one, the system text and the user text divided by a blank line.
 *
 * A template that refuses, drops or misplaces a system message gets the system text in front of the user
 * message, divided by a blank line. Contents never pass through the template: it is rendered once around
 * placeholders, so a template cannot alter them beyond trimming. Templates that print today's date are given
 * 26 July 2024, and `enable_thinking` is false, so that a prompt is the same on every day and asks for no
 * hidden reasoning. Throws `MODEL_UNUSABLE` where the template does not parse, cannot hold a user message or asks for
 * more steps or space than any chat template needs; `TEMPLATE_INVALID` where `options.name` names it.
 */
export function createChatTemplate(source: string, options: ChatTemplateOptions): ChatTemplate {
  return chatTemplateOf(renderSkeleton(source, options));
}

/** The chat template of a skeleton that was rendered before, here or elsewhere. */
export function chatTemplateOf({ systemRole, parts }: ChatSkeleton): ChatTemplate {
  return {
    systemRole,
    opensThought: openedThought(textAfterMessages(parts)),
    apply(messages) {
      const texts = contentsByRole(messages);
      const contents =
        systemRole === 'own' ? texts : { system: '', user: `${texts.system}\n\n${texts.user}` };
      return parts.map((part) =>
        'text' in part
          ? { text: part.text, trusted: true }
          : { text: trimmed(contents[part.role], part.start, part.end), trusted: false },
      );
    },
  };
}

function textAfterMessages(parts: readonly SkeletonPart[]): string {
  const last = parts.at(-1);
  return last !== undefined && 'text' in last ? last.text : '';
}

function contentsByRole(messages: readonly ChatMessage[]): Record<ChatMessage['role'], string> {
  const [system, user] = messages;
  if (messages.length !== 2 || system?.role !== 'system' || user?.role !== 'user') {
    const roles = messages.map((message) => message.role).join(', ');
    throw new PgenrmError('INTERNAL', `expected a system and a user message, got: ${roles || 'none'}`);
  }
  return { system: system.content, user: user.content };
}

function trimmed(text: string, start: boolean, end: boolean): string {
  const left = start ? text.trimStart() : text;
  return end ? left.trimEnd() : left;
}
