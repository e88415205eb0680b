// Reads the parts that rows of every format share: turns, replies, scores, inline histories.
// Knows no format; a part that does not fit is reported with its field and what was expected.

import { PgenrmError } from '../errors.js';
import type { HistoryEvent, Turn } from '../preference/preference.js';

/** One row as it stands in the file. */
export type RawRow = Record<string, unknown>;

/** A context and the replies to it, in the order of the file. */
export interface Exchange {
  readonly context: readonly Turn[];
  readonly replies: readonly string[];
}

/** A named part of a row. */
export interface Part {
  readonly field: string;
  readonly value: unknown;
}

const ROLES: ReadonlyMap<string, Turn['role']> = new Map([
  ['user', 'user'],
  ['human', 'user'],
  ['prompter', 'user'],
  ['assistant', 'assistant'],
  ['model', 'assistant'],
  ['bot', 'assistant'],
  ['gpt', 'assistant'],
  ['system', 'system'],
  ['developer', 'system'],
]);

/** Reports that a row does not fit; caught where rows are read and kept as the row's problem. */
export function misfit(reason: string): never {
  throw new PgenrmError('INPUT_MALFORMED', reason);
}

/** Whether a value is a JSON object. */
export function isRawRow(value: unknown): value is RawRow {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a field is missing or null; parquet writes missing fields as null. */
export function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

/** What a value is, in a few words for a message. */
export function describe(value: unknown): string {
  if (isAbsent(value)) return 'nothing';
  if (typeof value === 'string') return value.trim() === '' ? 'an empty string' : 'a string';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (!isRawRow(value)) return `the ${typeof value} ${String(value)}`;
  const keys = Object.keys(value).slice(0, 8);
  return keys.length === 0 ? 'an empty object' : `an object with ${keys.join(', ')}`;
}

/** The first of some fields that is there. */
export function firstPresent(row: RawRow, fields: readonly string[]): Part | undefined {
  const field = fields.find((name) => !isAbsent(row[name]));
  return field === undefined ? undefined : { field, value: row[field] };
}

/** An id or name as a string; numbers are written out. Absent where it is missing or blank. */
export function nameAt(row: RawRow, field: string): string | undefined {
  const value = row[field];
  if (isAbsent(value)) return undefined;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return value.trim() === '' ? undefined : value;
  return misfit(`${field}: expected a string or a number, came ${describe(value)}`);
}

/** Free text; absent where it is missing or blank. */
export function textAt(row: RawRow, field: string): string | undefined {
  const value = row[field];
  if (isAbsent(value)) return undefined;
  if (typeof value !== 'string') misfit(`${field}: expected a string, came ${describe(value)}`);
  return value.trim() === '' ? undefined : value;
}

/** A rating; absent where it is missing or not a finite number. */
export function scoreOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** The content of a turn: a string, or a list of text parts. */
function contentAt(value: unknown, field: string): string {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) misfit(`${field}: expected a string, came ${describe(value)}`);
  const texts = value.map((part: unknown, index) => {
    if (isRawRow(part) && typeof part.text === 'string') return part.text;
    return misfit(`${field}[${index}]: expected a text part, came ${describe(part)}; only text is read`);
  });
  return texts.join('');
}

function turnAt(value: unknown, field: string): Turn {
  if (!isRawRow(value)) misfit(`${field}: expected a turn {role, content}, came ${describe(value)}`);
  const name = value.role;
  const role = typeof name === 'string' ? ROLES.get(name.toLowerCase()) : undefined;
  if (role === undefined) {
    const came = typeof name === 'string' ? `"${name}"` : describe(name);
    misfit(`${field}.role: expected user, assistant, model or system, came ${came}`);
  }
  return { role, content: contentAt(value.content, `${field}.content`) };
}

/** A conversation so far: a string is one user turn, a list holds turns. */
function turnsAt({ field, value }: Part): readonly Turn[] {
  if (typeof value === 'string') return [{ role: 'user', content: value }];
  if (!Array.isArray(value)) {
    misfit(`${field}: expected a string or a list of turns {role, content}, came ${describe(value)}`);
  }
  return value.map((turn: unknown, index) => turnAt(turn, `${field}[${index}]`));
}

/** A conversation written as one text with Human and Assistant headings, or nothing. */
function dialogueTurns(text: unknown): readonly Turn[] | undefined {
  if (typeof text !== 'string' || !/^\s*Human:/.test(text)) return undefined;
  const pieces = `\n\n${text.trimStart()}`.split(/\n\n(Human|Assistant):/).slice(1);
  const turns: Turn[] = [];
  for (let at = 0; at + 1 < pieces.length; at += 2) {
    turns.push({
      role: pieces[at] === 'Human' ? 'user' : 'assistant',
      content: (pieces[at + 1] ?? '').trim(),
    });
  }
  return turns;
}

function sameTurn(a: Turn | undefined, b: Turn | undefined): boolean {
  return a !== undefined && b !== undefined && a.role === b.role && a.content === b.content;
}

/** Turns that all conversations share at the start, the last turn of each left out. */
function commonPrefix(conversations: readonly (readonly Turn[])[]): readonly Turn[] {
  const first = conversations[0] ?? [];
  const most = Math.min(...conversations.map((turns) => turns.length)) - 1;
  let length = 0;
  while (length < most && conversations.every((turns) => sameTurn(turns[length], first[length]))) length += 1;
  return first.slice(0, Math.max(length, 0));
}

/** A prompt followed by the turns inside the replies, which may hold the prompt once more. */
function joinPrompt(prompt: readonly Turn[], inside: readonly Turn[]): readonly Turn[] {
  const skip = inside.length - prompt.length;
  const starts = skip >= 0 && prompt.every((turn, index) => sameTurn(turn, inside[index]));
  const ends = skip >= 0 && prompt.every((turn, index) => sameTurn(turn, inside[skip + index]));
  return starts || ends ? inside : [...prompt, ...inside];
}

function replyText(turns: readonly Turn[], field: string): string {
  const [turn] = turns;
  if (turn === undefined || turns.length > 1) {
    misfit(`${field}: expected one reply after the turns that all replies share, came ${turns.length} turns`);
  }
  if (turn.role !== 'assistant') {
    misfit(`${field}: expected a turn of the assistant (or model), came one of the ${turn.role}`);
  }
  return turn.content;
}

function checkReply(text: string, field: string): string {
  if (text.trim() === '') misfit(`${field}: expected the text of a reply, came an empty string`);
  return text;
}

function checkContext(context: readonly Turn[], field: string): readonly Turn[] {
  const last = context.at(-1);
  if (last === undefined) misfit(`${field}: expected turns that end with the user's query, came none`);
  if (last.role !== 'user') {
    misfit(`${field}: expected the user's query as the last turn, came a turn of the ${last.role}`);
  }
  if (last.content.trim() === '') misfit(`${field}: the user's query, its last turn, is empty`);
  return context;
}

/**
 * Reads a context and two or more replies to it.
 * Replies are strings, turns, or lists of turns; lists may hold the context, which is then what all of them
 * share. A row without a prompt whose replies are texts headed Human and Assistant is read likewise.
 */
export function exchangeAt(prompt: Part | undefined, parts: readonly Part[], promptName: string): Exchange {
  const missing = parts.find((part) => isAbsent(part.value));
  if (missing) misfit(`${missing.field}: expected a reply, came nothing`);
  const lists = parts.map(({ field, value }) => {
    if (Array.isArray(value)) return turnsAt({ field, value });
    return prompt === undefined ? dialogueTurns(value) : undefined;
  });
  const allLists = lists.every((turns) => turns !== undefined);
  const inside = allLists ? commonPrefix(lists) : [];
  const replies = parts.map(({ field, value }, index) => {
    const turns = lists[index];
    if (turns !== undefined) return checkReply(replyText(turns.slice(inside.length), field), field);
    if (typeof value === 'string') return checkReply(value, field);
    if (!isRawRow(value)) misfit(`${field}: expected a string or a turn, came ${describe(value)}`);
    return checkReply(replyText([turnAt(value, field)], field), field);
  });
  if (prompt === undefined && inside.length === 0) {
    misfit(`${promptName}: expected the user's query, came nothing`);
  }
  const context = prompt === undefined ? inside : joinPrompt(turnsAt(prompt), inside);
  return { context: checkContext(context, prompt?.field ?? promptName), replies };
}

/** Reads one implicit signal: a prompt, context, query or question, and the chosen and rejected replies. */
function eventAt(value: unknown, field: string): HistoryEvent {
  if (!isRawRow(value)) {
    misfit(`${field}: expected {prompt, chosen, rejected}, came ${describe(value)}`);
  }
  const found = firstPresent(value, ['context', 'prompt', 'query', 'question']);
  const prompt = found && { field: `${field}.${found.field}`, value: found.value };
  const parts = ['chosen', 'rejected'].map((name) => ({ field: `${field}.${name}`, value: value[name] }));
  const { context, replies } = exchangeAt(prompt, parts, `${field}.prompt`);
  const chosenScore = scoreOf(value.chosen_score);
  const rejectedScore = scoreOf(value.rejected_score);
  return {
    context,
    chosen: replies[0] ?? '',
    rejected: replies[1] ?? '',
    ...(chosenScore === undefined ? {} : { chosenScore }),
    ...(rejectedScore === undefined ? {} : { rejectedScore }),
  };
}

/** An inline history, oldest first; absent where the field is missing, which is not the same as empty. */
export function historyAt(row: RawRow, field: string): readonly HistoryEvent[] | undefined {
  const value = row[field];
  if (isAbsent(value)) return undefined;
  if (!Array.isArray(value)) {
    misfit(`${field}: expected a list of {prompt, chosen, rejected}, came ${describe(value)}`);
  }
  return value.map((event: unknown, index) => eventAt(event, `${field}[${index}]`));
}
