// Makes a prompt that fits: the most recent events that have room, the oldest left out first.
// Knows templates, chat templates and generators by their interfaces only.

import { PgenrmError } from '../errors.js';
import type { Generator, Prompt } from '../generator/generator.js';
import type { HistoryEvent } from '../preference/preference.js';
import type { ChatTemplate } from './chat/chat-template.js';
import type { PromptInput, PromptTemplate } from './template/template.js';

/** A prompt to fit. */
export interface FitPromptOptions extends PromptInput {
  readonly template: PromptTemplate;
  readonly chat: ChatTemplate;
  readonly generator: Pick<Generator, 'countTokens'>;
  /** Most tokens that the prompt may have; at least 1. */
  readonly maxPromptTokens: number;
  /** Most history events to use, the most recent ones; default: all. */
  readonly maxEvents?: number;
  readonly signal?: AbortSignal;
}

/** A prompt that fits. */
export interface FittedPrompt {
  readonly prompt: Prompt;
  /** The prompt as one text. */
  readonly promptText: string;
  readonly promptTokens: number;
  /** History events that the prompt holds. */
  readonly usedEvents: number;
  /** Events within `maxEvents` that were left out for lack of room. */
  readonly droppedEvents: number;
}

// A text of this many characters a token or fewer is taken to fit until measured.
const CHARS_PER_TOKEN = 3;
// Guesses by the measured characters a token before the search halves its range instead.
const MAX_GUESSES = 4;

/**
 * Renders and measures a prompt with as many of the most recent events as fit `maxPromptTokens`.
 *
 * Throws `CONTEXT_OVERFLOW`, naming need and limit, where it does not fit even with no history, and
 * `INVALID_OPTION` for limits that are not whole numbers in range. Rejects with the signal's reason where it aborts.
 */
export async function fitPrompt(options: FitPromptOptions): Promise<FittedPrompt> {
  const { maxPromptTokens, maxEvents, user, generator, signal } = options;
  const watched = signal === undefined ? {} : { signal };
  checkCount('maxPromptTokens', maxPromptTokens, 1);
  if (maxEvents !== undefined) checkCount('maxEvents', maxEvents, 0);
  const limit = Math.min(user.history.length, maxEvents ?? user.history.length);
  const chars = recentChars(user.history, limit);

  let fits = -1;
  let fitting: { readonly prompt: Prompt; readonly promptTokens: number } | null = null;
  let tooMany = limit + 1;
  let need = 0;
  let guess = eventsWithin(chars, maxPromptTokens * CHARS_PER_TOKEN);
  for (let tries = 0; tooMany - fits > 1; tries++) {
    const inRange = Math.min(Math.max(guess, fits + 1), tooMany - 1);
    const prompt = promptWith(options, inRange);
    need = await generator.countTokens(prompt, watched);
    if (need <= maxPromptTokens) {
      fits = inRange;
      fitting = { prompt, promptTokens: need };
    } else {
      tooMany = inRange;
    }
    const charsPerToken = (chars[inRange]! + 1) / need;
    const room = maxPromptTokens - need;
    guess =
      tries < MAX_GUESSES
        ? eventsWithin(chars, chars[inRange]! + room * charsPerToken)
        : Math.floor((fits + tooMany) / 2);
  }
  if (fitting === null) {
    throw new PgenrmError(
      'CONTEXT_OVERFLOW',
      `the prompt needs ${need} tokens with no history at all, and ${maxPromptTokens} are free for it; raise the context size, lower the new tokens a chain, or shorten the query and the responses`,
    );
  }
  const promptText = fitting.prompt.map(({ text }) => text).join('');
  return { ...fitting, promptText, usedEvents: fits, droppedEvents: limit - fits };
}

function promptWith(options: FitPromptOptions, events: number): Prompt {
  const { template, chat, user, context, responses } = options;
  const history = user.history.slice(user.history.length - events);
  const messages = template.render({ user: { ...user, history }, context, responses });
  return chat.apply(messages);
}

/** Characters of the k most recent events, for k from 0 to limit. Shape [limit + 1]. */
function recentChars(history: readonly HistoryEvent[], limit: number): Float64Array {
  const sums = new Float64Array(limit + 1);
  for (let k = 1; k <= limit; k++) {
    const event = history[history.length - k]!;
    const query = event.context.reduce((sum, turn) => sum + turn.content.length, 0);
    sums[k] = sums[k - 1]! + query + event.chosen.length + event.rejected.length;
  }
  return sums;
}

/** Most events whose characters stay within a budget. */
function eventsWithin(chars: Float64Array, budget: number): number {
  let low = 0;
  let high = chars.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (chars[middle]! <= budget) low = middle;
    else high = middle - 1;
  }
  return low;
}

function checkCount(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `${name}: expected a whole number of at least ${least}, got ${value}`,
    );
  }
}
