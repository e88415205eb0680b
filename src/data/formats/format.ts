// What a format of preference data is: how it is recognised and how its rows become drafts.
// Knows nothing of files, of users' histories or of the order in which candidates are shown.

import type { HistoryEvent, Turn } from '../../preference/preference.js';
import type { Part, RawRow } from './fields.js';
import { describe, firstPresent, isAbsent, misfit, nameAt, scoreOf, textAt } from './fields.js';
import { exchangeAt, historyAt, repliesAt } from './turns.js';

/** The shapes of preference data that are read. */
export const FORMAT_NAMES = ['personal-reward-bench', 'prism', 'trl', 'reward-bench', 'lamp-qa'] as const;

/** One of {@link FORMAT_NAMES}. */
export type FormatName = (typeof FORMAT_NAMES)[number];

/** A row that was read, before its user's history is known. */
export interface RowDraft {
  /** The id that the row carries; not yet unique. */
  readonly id?: string;
  readonly userId?: string;
  /** The split's name as in {@link canonicalSplit}. */
  readonly split?: string;
  /** The conversation that the row is part of; no row is history for another row of its conversation. */
  readonly conversation?: string;
  readonly subset?: string;
  /** The licence that the row says it stands under. */
  readonly license?: string;
  /** Names the prompt: rows of one prompt share it. */
  readonly promptId?: string;
  readonly context: readonly Turn[];
  /** The replies in the order of the file. */
  readonly candidates: readonly string[];
  /** Index of the reply that the user prefers; absent where the row has no label. */
  readonly chosen?: number;
  /** The user's ratings of the candidates, in the same order. */
  readonly scores?: readonly (number | undefined)[];
  /** A history that the row carries itself; it takes the place of any other. */
  readonly history?: readonly HistoryEvent[];
  /** An explicit signal that the row carries itself; it takes the place of the users file's. */
  readonly criteria?: string;
  /** What the row tells of the user's past writing, in words: an implicit signal that is no choice. */
  readonly writings?: string;
  /** How much attributes weighed in the user's choice here, 0 to 100: explicit for later conversations. */
  readonly choiceAttributes?: Readonly<Record<string, number>>;
}

/** One format. */
export interface Format {
  readonly name: FormatName;
  /** The fields that are read; all others stay unread. */
  readonly fields: readonly string[];
  /** What a row must have, in words for a message. */
  readonly needs: string;
  /** Whether a row has the fields by which the format is known. */
  fits(row: RawRow): boolean;
  /**
   * Reads one row of the file; a row that holds several choices gives several drafts.
   * @throws PgenrmError INPUT_MALFORMED where the row does not fit.
   */
  read(row: RawRow): readonly RowDraft[];
}

/** Fields that rows of every format may carry. */
export const COMMON_FIELDS = [
  'conversation_id',
  'id',
  'user_id',
  'prompt_id',
  'split',
  'subset',
  'license',
  'history',
  'stated_criteria',
  'chosen',
  'rejected',
  'responses',
  'candidates',
  'system',
  'system_prompt',
  'chosen_score',
  'rejected_score',
  'score_chosen',
  'score_rejected',
] as const;

/** The one name of a split: lower case, and `validation` for `val` and `dev`. */
export function canonicalSplit(name: string): string {
  const lower = name.trim().toLowerCase();
  return lower === 'val' || lower === 'dev' || lower === 'valid' ? 'validation' : lower;
}

/** The one name of the kind of a split: `train` of `train`, `train_prefs` and `train-00000-of-00003`. */
export function splitKind(name: string): string {
  const [first = name] = name.split(/[_\-./ ]/);
  const kind = canonicalSplit(first);
  return SPLIT_KINDS.has(kind) ? kind : name;
}

const SPLIT_KINDS: ReadonlySet<string> = new Set(['train', 'validation', 'test']);

/** Whether a split is the one asked for, by its own name or by its kind. Both are canonical. */
export function isSplit(split: string | undefined, asked: string): boolean {
  return split !== undefined && (split === asked || splitKind(split) === asked);
}

/** The split of a row, or nothing where it has none that can be read. */
export function splitOf(row: RawRow): string | undefined {
  const { split } = row;
  if (typeof split !== 'string' && typeof split !== 'number') return undefined;
  return canonicalSplit(String(split)) || undefined;
}

/** Whether a row has replies: a labelled pair, or a list without label. */
export function hasReplies(row: RawRow): boolean {
  const pair = !isAbsent(row.chosen) && !isAbsent(row.rejected);
  return pair || Array.isArray(row.responses) || Array.isArray(row.candidates);
}

function replyParts(row: RawRow): { readonly parts: readonly Part[]; readonly labelled: boolean } {
  if (!isAbsent(row.chosen) || !isAbsent(row.rejected)) {
    const chosen = repliesAt({ field: 'chosen', value: row.chosen });
    if (chosen.length > 1) {
      misfit(
        `chosen: expected one reply, came a list of ${chosen.length}; a row with several right ones has no one label`,
      );
    }
    return { parts: [...chosen, ...repliesAt({ field: 'rejected', value: row.rejected })], labelled: true };
  }
  const list = firstPresent(row, ['responses', 'candidates']);
  if (list === undefined) misfit('expected chosen and rejected, or responses (or candidates); came neither');
  if (!Array.isArray(list.value) || list.value.length < 2) {
    misfit(`${list.field}: expected a list of two or more replies, came ${describe(list.value)}`);
  }
  const parts = list.value.map((value: unknown, index) => ({ field: `${list.field}[${index}]`, value }));
  return { parts, labelled: false };
}

/** The fields that say what a row is and whose. */
export function identityOf(
  row: RawRow,
): Pick<RowDraft, 'id' | 'userId' | 'split' | 'conversation' | 'subset' | 'license' | 'promptId'> {
  const conversation = nameAt(row, 'conversation_id');
  const id = conversation ?? nameAt(row, 'id');
  const userId = nameAt(row, 'user_id');
  const split = splitOf(row);
  const subset = nameAt(row, 'subset');
  const license = typeof row.license === 'string' ? row.license.trim() : '';
  const promptId = nameAt(row, 'prompt_id');
  return {
    ...(id === undefined ? {} : { id }),
    ...(userId === undefined ? {} : { userId }),
    ...(split === undefined ? {} : { split }),
    ...(conversation === undefined ? {} : { conversation }),
    ...(subset === undefined ? {} : { subset }),
    ...(license === '' ? {} : { license }),
    ...(promptId === undefined ? {} : { promptId }),
  };
}

/** The context behind the text of a system column, where the row has one and the context does not begin with it. */
function withSystem(row: RawRow, context: readonly Turn[]): readonly Turn[] {
  const system = textAt(row, 'system') ?? textAt(row, 'system_prompt');
  if (system === undefined) return context;
  const [first] = context;
  if (first?.role === 'system' && first.content.trim() === system.trim()) return context;
  return [{ role: 'system', content: system }, ...context];
}

/** Reads a row that is one exchange: a pair `chosen`, `rejected`, or a list of replies without label. */
export function readExchangeRow(row: RawRow, promptFields: readonly string[]): RowDraft {
  const { parts, labelled } = replyParts(row);
  const prompt = firstPresent(row, promptFields);
  const { context, replies } = exchangeAt(prompt, parts, promptFields[0] ?? 'prompt');
  const history = historyAt(row, 'history');
  const criteria = textAt(row, 'stated_criteria');
  const ratings = ['chosen', 'rejected'].map(
    (reply) => scoreOf(row[`${reply}_score`]) ?? scoreOf(row[`score_${reply}`]),
  );
  const scores = replies.length === 2 ? ratings : [];
  return {
    ...identityOf(row),
    context: withSystem(row, context),
    candidates: replies,
    ...(labelled ? { chosen: 0 } : {}),
    ...(labelled && scores.some((score) => score !== undefined) ? { scores } : {}),
    ...(history === undefined ? {} : { history }),
    ...(criteria === undefined ? {} : { criteria }),
  };
}
