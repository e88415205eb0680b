// The baselines of each row of opened preference data, and the file that keeps them beside the chains.
// Knows rows and their choices; nothing of models. What is not known of a row is left out, never guessed.

import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { PreferenceData, PreferenceRow } from '../../data/preference-data.js';
import { PgenrmError } from '../../errors.js';
import { writeAtomically } from '../../output/atomic-file.js';
import { historySplitsOf } from '../../run/identity.js';
import { rowKey } from '../chains/chains-file.js';
import type { ChainsIdentity } from '../chains/chains-types.js';
import { promptName } from '../controls/peers.js';
import { type Choice, RATER_BASELINES, type RaterBaseline, raterBaselines } from './rater-baselines.js';

/** What the baselines say of one row: 1 right, 0.5 undecided, 0 wrong. */
export interface RowBaselines {
  readonly values: Readonly<Record<RaterBaseline, number>>;
  /** Style with peers' weights in place of the user's own, and the share of them that is undecided; absent without peers. */
  readonly swapped?: { readonly value: number; readonly tied: number } | undefined;
}

/** The baselines of rows by their key (the row's number and its id, with a space between); rows that are no labelled pair have none. */
export type BaselinesByRow = ReadonlyMap<string, RowBaselines>;

/** What the baselines were made of. */
export type BaselinesOf = Pick<ChainsIdentity['data'], 'fingerprint' | 'split' | 'users' | 'historySplits'>;

/** What of opened data the baselines are made of; the split is known where it was opened. */
export function baselinesSource(data: PreferenceData): Omit<BaselinesOf, 'split'> {
  const { fingerprint, users } = data;
  return { fingerprint, users: users?.fingerprint ?? null, historySplits: historySplitsOf(data) };
}

const VALUE = z.number().min(0).max(1);
const FILE = z.object({
  pgenrmBaselines: z.literal(1),
  of: z.object({
    fingerprint: z.string(),
    split: z.string().nullable(),
    users: z.string().nullable(),
    historySplits: z.string().nullable(),
  }),
  rows: z.record(
    z.string(),
    z.object({
      values: z.object({
        longer: VALUE,
        others: VALUE,
        ownStyle: VALUE,
        allStyle: VALUE,
        bothStyles: VALUE,
      }),
      swapped: z.object({ value: VALUE, tied: VALUE }).optional(),
    }),
  ),
});

/**
 * Judges every labelled pair of the data by {@link raterBaselines}. Known choices are the users' histories without the rows that
 * are judged; a row without user is a user of its own. Memory: the texts of all rows. Errors: as `data.rows()`.
 */
export async function baselinesOfRows(
  data: PreferenceData,
  seed: number,
  signal?: AbortSignal,
): Promise<BaselinesByRow> {
  const asked = new Map<string, Choice>();
  const histories = new Map<string, PreferenceRow['user']['history']>();
  for await (const row of data.rows()) {
    signal?.throwIfAborted();
    if (row.kind !== 'row') continue;
    const { userId, user, item, label } = row;
    if (userId !== undefined && user.history.length > (histories.get(userId)?.length ?? -1))
      histories.set(userId, user.history);
    if (label === undefined || item.candidates.length !== 2) continue;
    const [chosen, rejected] = [item.candidates[label]!, item.candidates[1 - label]!];
    const prompt = promptName(item.context, row.promptId);
    const name = userId === undefined ? `row ${row.number} ${row.id}` : `user ${userId}`;
    asked.set(rowKey(row.number, row.id), { user: name, chosen, rejected, prompt, test: true });
  }
  const judged = new Set([...asked.values()].map(choiceKey));
  const known = [...histories].flatMap(([userId, history]) =>
    history.map(({ context, promptId, chosen, rejected }): Choice => {
      const prompt = promptName(context, promptId);
      return { user: `user ${userId}`, chosen, rejected, prompt, test: false };
    }),
  );
  const { values, swapped } = raterBaselines(
    [...known.filter((choice) => !judged.has(choiceKey(choice))), ...asked.values()],
    seed,
  );
  return new Map(
    [...asked.keys()].map((key, at) => {
      const named = RATER_BASELINES.map((name) => [name, values[name][at]!] as const);
      const [value, tied] = [swapped.values[at]!, swapped.tied[at]!];
      const row = { values: Object.fromEntries(named) as Record<RaterBaseline, number> };
      return [key, Number.isNaN(value) ? row : { ...row, swapped: { value, tied } }];
    }),
  );
}

function choiceKey({ user, prompt, chosen, rejected }: Choice): string {
  return JSON.stringify([user, prompt, chosen, rejected]);
}

/** Writes them in one step. Errors: `OUTPUT_FAILED`. */
export async function writeBaselines(path: string, of: BaselinesOf, rows: BaselinesByRow): Promise<void> {
  const { fingerprint, split, users, historySplits } = of;
  const content = { pgenrmBaselines: 1, of: { fingerprint, split, users, historySplits } };
  await writeAtomically(path, `${JSON.stringify({ ...content, rows: Object.fromEntries(rows) })}\n`);
}

/**
 * Reads what {@link writeBaselines} wrote; null where there is no file. Errors: `RUN_MISMATCH` where the file is of other data than
 * `of`, or not as it was written.
 */
export async function readBaselines(path: string, of: BaselinesOf): Promise<BaselinesByRow | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const refuse = (why: string): never => {
    throw new PgenrmError(
      'RUN_MISMATCH',
      `${path} ${why}; delete it, or run pgenrm eval on the data again with --resume, which writes it anew`,
    );
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refuse('is no JSON');
  }
  const checked = FILE.safeParse(value);
  if (!checked.success) return refuse(`is not as pgenrm eval writes it: ${z.prettifyError(checked.error)}`);
  const { of: made, rows } = checked.data;
  const names = ['fingerprint', 'split', 'users', 'historySplits'] as const;
  const other = names.find((name) => made[name] !== of[name]);
  if (other !== undefined) return refuse(`was made of other data than the chains beside it (${other})`);
  return new Map(Object.entries(rows));
}
