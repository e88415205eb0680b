// What is judged: a user, a query, responses. Made of rows of data, changed by hand.
// Knows rows; nothing of engines.
import type { HistoryEvent, JudgeInput, PreferenceRow, Turn } from 'pgenrm';

export interface JudgeTask {
  readonly id: string;
  readonly userId: string;
  readonly criteria: string;
  readonly history: readonly HistoryEvent[];
  readonly context: readonly Turn[];
  readonly responses: readonly string[];
  /** The response that the user prefers, where the data says so. */
  readonly label: number | null;
}

export function taskOf({ id, userId, user, item, label }: PreferenceRow): JudgeTask {
  return {
    id,
    userId: userId ?? user.id ?? '',
    criteria: user.criteria ?? '',
    history: user.history,
    context: item.context,
    responses: item.candidates,
    label: label ?? null,
  };
}

export function inputOf({ id, userId, criteria, history, context, responses }: JudgeTask): JudgeInput {
  return {
    id,
    user: {
      ...(userId === '' ? {} : { id: userId }),
      history,
      ...(criteria.trim() === '' ? {} : { criteria }),
    },
    context,
    candidates: responses,
  };
}

/** The user's query: the last turn. */
export function queryOf({ context }: Pick<JudgeTask, 'context'>): string {
  return context.at(-1)?.content ?? '';
}

/** Name of a response: A, B, and so on. */
export function responseName(index: number): string {
  return index < 26 ? String.fromCharCode(65 + index) : `${index + 1}`;
}
