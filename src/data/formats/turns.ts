// Reads conversations: turns, lists of turns in the ways they are published, a context with its replies, histories.
// Knows no format; a part that does not fit is reported with its field and what was expected.

import type { HistoryEvent, Turn } from '../../preference/preference.js';
import type { Part, RawRow } from './fields.js';
import { describe, firstPresent, isAbsent, isRawRow, misfit, scoreOf } from './fields.js';

/** A context and the replies to it, in the order of the file. */
export interface Exchange {
  readonly context: readonly Turn[];
  readonly replies: readonly string[];
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
  ['function_call', 'assistant'],
]);

const TOOL_ROLES: ReadonlySet<string> = new Set([
  'tool',
  'function',
  'observation',
  'tool_response',
  'ipython',
]);

/** Begins the turn of what a tool answered; it stands in the conversation as a turn of the system. */
const TOOL_RESULT = '[tool result] ';
const TOOL_CALL = '[tool call] ';

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

/** Calls of tools in an assistant's turn, a line each: the name and the arguments as they stand. */
function toolCallsOf(turn: RawRow): string {
  const calls: unknown[] = Array.isArray(turn.tool_calls) ? turn.tool_calls : [turn.function_call];
  const lines = calls.flatMap((call) => {
    if (!isRawRow(call)) return [];
    const { name, arguments: given } = isRawRow(call.function) ? call.function : call;
    if (typeof name !== 'string') return [];
    const written = typeof given === 'string' ? given : JSON.stringify(given ?? {});
    return [`${TOOL_CALL}${name} ${written}`];
  });
  return lines.join('\n');
}

/** One turn: `role` and `content`, or `from` and `value` (ShareGPT). */
function turnAt(value: unknown, field: string): Turn {
  if (!isRawRow(value)) misfit(`${field}: expected a turn {role, content}, came ${describe(value)}`);
  const [roleName, contentName] =
    'role' in value || !('from' in value) ? ['role', 'content'] : ['from', 'value'];
  const name = value[roleName];
  const lower = typeof name === 'string' ? name.trim().toLowerCase() : '';
  const fromTool = TOOL_ROLES.has(lower);
  const role = fromTool ? 'system' : ROLES.get(lower);
  if (role === undefined) {
    const came = typeof name === 'string' ? `"${name}"` : describe(name);
    misfit(`${field}.${roleName}: expected user, assistant, model, system or tool, came ${came}`);
  }
  const calls = role === 'assistant' ? toolCallsOf(value) : '';
  const given = value[contentName];
  const content = isAbsent(given) && calls !== '' ? '' : contentAt(given, `${field}.${contentName}`);
  if (fromTool) return { role, content: `${TOOL_RESULT}${content}` };
  return { role, content: [content, calls].filter((text) => text !== '').join('\n') };
}

/** Whether a text is a list of turns, or one turn, written as JSON or as Python prints it. */
function looksPacked(value: unknown): value is string {
  return (
    typeof value === 'string' && /^\s*(?:\[\s*)?\{\s*["'](?:role|from|content|value)["']\s*:/.test(value)
  );
}

/** The turns that a text holds. */
function unpacked({ field, value }: Part): Part {
  try {
    return { field, value: JSON.parse(value as string) };
  } catch {
    return misfit(
      `${field}: a list of turns is written as text that is not JSON (as Python prints it); write the list itself, or JSON`,
    );
  }
}

/** Texts that hold lists of turns as those lists. A reply alone that looks like one is a text, and stays it. */
function unpackTurns(
  prompt: Part | undefined,
  replies: readonly Part[],
): { readonly prompt: Part | undefined; readonly replies: readonly Part[] } {
  const opened = prompt !== undefined && looksPacked(prompt.value) ? unpacked(prompt) : prompt;
  const isText = typeof opened?.value === 'string';
  const all = !isText && replies.every(({ value }) => looksPacked(value));
  return { prompt: opened, replies: all ? replies.map(unpacked) : replies };
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
  if (last.role === 'system' && last.content.startsWith(TOOL_RESULT)) return context;
  if (last.role !== 'user') {
    misfit(
      `${field}: expected the user's query (or a tool's result) as the last turn, came a turn of the ${last.role}`,
    );
  }
  if (last.content.trim() === '') misfit(`${field}: the user's query, its last turn, is empty`);
  return context;
}

/**
 * Reads a context and two or more replies to it.
 * Replies are strings, turns, or lists of turns; lists may hold the context, which is then what all of them
 * share. A row without a prompt whose replies are texts headed Human and Assistant is read likewise.
 */
export function exchangeAt(
  givenPrompt: Part | undefined,
  givenParts: readonly Part[],
  promptName: string,
): Exchange {
  const { prompt, replies: parts } = unpackTurns(givenPrompt, givenParts);
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

/** The replies of a field: one, or a list of texts. */
export function repliesAt({ field, value }: Part): readonly Part[] {
  const isList = Array.isArray(value) && value.every((entry) => typeof entry === 'string');
  if (!isList || value.length === 0) return [{ field, value }];
  return value.map((text: unknown, index) => ({ field: `${field}[${index}]`, value: text }));
}

/** Reads one implicit signal: a prompt, context, query or question, and the chosen and rejected replies. */
function eventAt(value: unknown, field: string): HistoryEvent {
  if (!isRawRow(value)) {
    misfit(`${field}: expected {prompt, chosen, rejected}, came ${describe(value)}`);
  }
  const found = firstPresent(value, ['context', 'prompt', 'query', 'question', 'conversations']);
  const prompt = found && { field: `${field}.${found.field}`, value: found.value };
  const parts = ['chosen', 'rejected'].flatMap((name) =>
    repliesAt({ field: `${field}.${name}`, value: value[name] }),
  );
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
