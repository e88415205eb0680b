// PRISM as published: conversations with several rated replies a turn, and the survey of their users.
// A turn with two or more replies is one draft; what the user said after a conversation never enters it.

import type { Turn } from '../../preference/preference.js';
import type { RawRow } from './fields.js';
import { describe, isAbsent, isFlagged, isRawRow, misfit, scoreOf, textAt } from './fields.js';
import type { Format, RowDraft } from './format.js';
import { COMMON_FIELDS, identityOf } from './format.js';

interface Reply {
  readonly content: string;
  readonly score: number | undefined;
  readonly chosen: boolean;
}

interface PrismTurn {
  query?: string;
  /** Replies that are not empty. */
  readonly replies: Reply[];
  /** The user chose an empty reply, so none of the others is their choice. */
  choseNothing: boolean;
}

/** Groups the utterances of `conversation_history` by their turn number. */
function turnsOf(row: RawRow): readonly (readonly [number, PrismTurn])[] {
  const list = row.conversation_history;
  if (!Array.isArray(list)) {
    misfit(`conversation_history: expected a list of utterances, came ${describe(list)}`);
  }
  const turns = new Map<number, PrismTurn>();
  list.forEach((utterance: unknown, index) => {
    const field = `conversation_history[${index}]`;
    if (!isRawRow(utterance)) misfit(`${field}: expected an utterance, came ${describe(utterance)}`);
    const { role } = utterance;
    const number = scoreOf(utterance.turn);
    const content = utterance.content ?? '';
    if (number === undefined) misfit(`${field}.turn: expected a number, came ${describe(utterance.turn)}`);
    if (typeof content !== 'string') misfit(`${field}.content: expected a string, came ${describe(content)}`);
    const turn = turns.get(number) ?? { replies: [], choseNothing: false };
    turns.set(number, turn);
    if (role === 'user') {
      if (turn.query !== undefined) misfit(`${field}: turn ${number} has a second utterance of the user`);
      turn.query = content;
    } else if (role === 'model' || role === 'assistant') {
      const reply = { content, score: scoreOf(utterance.score), chosen: isFlagged(utterance.if_chosen) };
      if (content.trim() !== '') turn.replies.push(reply);
      else if (reply.chosen) turn.choseNothing = true;
    } else {
      misfit(`${field}.role: expected user or model, came ${JSON.stringify(role)}`);
    }
  });
  return [...turns].sort(([a], [b]) => a - b);
}

/** Index of the reply the user chose: marked as chosen, or else alone with the highest score. */
function chosenIndex(replies: readonly Reply[]): number | undefined {
  const marked = replies.flatMap((reply, index) => (reply.chosen ? [index] : []));
  if (marked.length > 0) {
    const texts = new Set(marked.map((index) => replies[index]?.content));
    return texts.size === 1 ? marked[0] : undefined;
  }
  const best = Math.max(...replies.map((reply) => reply.score ?? Number.NEGATIVE_INFINITY));
  const holders = replies.flatMap((reply, index) => (reply.score === best ? [index] : []));
  return holders.length === 1 ? holders[0] : undefined;
}

function readConversation(row: RawRow): readonly RowDraft[] {
  const identity = identityOf(row);
  if (identity.conversation === undefined) misfit('conversation_id: expected an id, came nothing');
  const attributes = ratingsOf(row.choice_attributes);
  const context: Turn[] = [];
  const drafts: RowDraft[] = [];
  let skipped: string | undefined;
  for (const [number, { query = '', replies, choseNothing }] of turnsOf(row)) {
    // A turn without query or replies is no choice and loses none of the others.
    if (query.trim() === '' || replies.length === 0) {
      skipped ??= `turn ${number}: ${replies.length === 0 ? 'the replies are missing or empty' : "the user's query is missing or empty"}`;
      continue;
    }
    context.push({ role: 'user', content: query });
    const chosen = choseNothing ? undefined : replies.length === 1 ? 0 : chosenIndex(replies);
    if (replies.length > 1) {
      drafts.push({
        ...identity,
        id: `${identity.conversation}/${number}`,
        context: [...context],
        candidates: replies.map((reply) => reply.content),
        ...(chosen === undefined ? {} : { chosen }),
        scores: replies.map((reply) => reply.score),
        ...(Object.keys(attributes).length === 0 ? {} : { choiceAttributes: attributes }),
      });
    }
    const marked = replies.findIndex((reply) => reply.chosen);
    const next = choseNothing ? undefined : replies[chosen ?? Math.max(0, marked)];
    if (next !== undefined) context.push({ role: 'assistant', content: next.content });
  }
  if (drafts.length === 0)
    misfit(skipped ?? 'conversation_history: expected a turn with two or more replies, came none');
  return drafts;
}

/** The numbers of an object of ratings; other members are left out. */
function ratingsOf(value: unknown): Record<string, number> {
  if (!isRawRow(value)) return {};
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, rating]) => {
      const score = scoreOf(rating);
      return score === undefined ? [] : [[name, score]];
    }),
  );
}

/** Ratings in one line, highest first; equal ones by name. */
function writeRatings(ratings: Readonly<Record<string, number>>): string {
  return Object.entries(ratings)
    .sort(([nameA, a], [nameB, b]) => b - a || (nameA < nameB ? -1 : 1))
    .map(([name, rating]) => `${name} ${Math.round(rating)}`)
    .join(', ');
}

/** What a survey row says of the user's wishes, in words; absent where it says nothing. */
export function surveyCriteria(row: RawRow): string | undefined {
  const lines: string[] = [];
  const wishes = textAt(row, 'system_string');
  if (wishes !== undefined) lines.push(`How an assistant should be, in the user's words: ${wishes.trim()}`);
  const self = textAt(row, 'self_description');
  if (self !== undefined) lines.push(`The user's values, in their words: ${self.trim()}`);
  const { other, ...stated } = ratingsOf(row.stated_prefs);
  const otherText = isRawRow(row.stated_prefs) ? row.stated_prefs.other_text : undefined;
  if (other !== undefined && typeof otherText === 'string' && otherText.trim() !== '') {
    stated[`"${otherText.trim()}"`] = other;
  }
  if (Object.keys(stated).length > 0) {
    lines.push(`How much the user says these matter (0 to 100): ${writeRatings(stated)}`);
  }
  return lines.length === 0 ? undefined : lines.join('\n');
}

/** How much attributes weighed in a user's choices, as the mean over conversations; absent without any. */
export function choiceCriteria(
  conversations: readonly Readonly<Record<string, number>>[],
): string | undefined {
  const sums = new Map<string, { total: number; count: number }>();
  for (const attributes of conversations) {
    for (const [name, rating] of Object.entries(attributes)) {
      const sum = sums.get(name) ?? { total: 0, count: 0 };
      sums.set(name, { total: sum.total + rating, count: sum.count + 1 });
    }
  }
  if (sums.size === 0) return undefined;
  const means = Object.fromEntries([...sums].map(([name, sum]) => [name, sum.total / sum.count]));
  return `How much these weighed in the user's past choices (mean, 0 to 100): ${writeRatings(means)}`;
}

/**
 * PRISM conversations: `conversation_history` of utterances {turn, role, content, score, if_chosen}.
 * Every turn with two or more replies is a row of its own, id `conversation_id/turn`; its context is the path
 * of chosen replies before it. `open_feedback` and `performance_attributes` are judgments of the replies to
 * compare and are not read; `choice_attributes` speak only for the user's other conversations.
 */
export const prism: Format = {
  name: 'prism',
  fields: [...COMMON_FIELDS, 'conversation_history', 'choice_attributes'],
  needs: 'conversation_id, user_id, conversation_history; survey.jsonl is read as the users file',
  fits: (row) => !isAbsent(row.conversation_history),
  read: readConversation,
};
