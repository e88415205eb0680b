// The file of a build's chains: one line a training row, read again by every later stage.
// Knows lines and the rows that they belong to; not how chains are written.

import { z } from 'zod';
import type { EvaluationChain } from '../chain/read-chain.js';
import type { PreferenceData, PreferenceRow, RowProblem } from '../data/preference-data.js';
import { PgenrmError } from '../errors.js';
import { jsonLines } from '../output/json-lines.js';
import type { HistoryEvent } from '../preference/preference.js';
import { missingRows, rowsAsked } from '../run/rows.js';
import type { BuildSettings } from './build-options.js';

const CHAIN_LINE = z.object({
  /** Number of the row in the file, from 1. */
  row: z.number().int(),
  id: z.string(),
  userId: z.string().exactOptional(),
  /** `lost`: no chain could be read; `failed`: none could be written; `invalid`: the row fits no shape. */
  status: z.enum(['usable', 'lost', 'failed', 'invalid']),
  /** Why it is not usable. */
  reason: z.string().exactOptional(),
  /** The chain, where one was written. */
  text: z.string().exactOptional(),
  /** What the chain says, as it was read beside its prompt; of a usable one alone. */
  reading: z
    .object({
      personaText: z.string(),
      analysisText: z.string(),
      rubric: z.array(z.object({ name: z.string(), weight: z.number().nullable() })),
    })
    .exactOptional(),
  /** New tokens over all tries, and how many tries there were. */
  tokens: z.number().int(),
  attempts: z.number().int(),
});

/** What is kept of one row's chain. */
export type ChainLine = z.infer<typeof CHAIN_LINE>;

/** Where the lines are and of which rows. */
export interface ChainFile {
  readonly path: string;
  readonly data: PreferenceData;
  readonly settings: Pick<BuildSettings, 'limit'>;
}

/** Rows that a build takes. */
export function rowsToTake({ data, settings }: Pick<ChainFile, 'data' | 'settings'>): number {
  return rowsAsked(data, settings.limit ?? undefined);
}

/** What a bank takes of a chain. */
export type ChainReading = Pick<EvaluationChain, 'personaText' | 'analysisText' | 'rubric'>;

/** A row with its chain; rows that are not usable are left out. */
export interface ChainedRow {
  /** The row's user without the row's own choice, whatever the data says. */
  readonly row: PreferenceRow;
  readonly reading: ChainReading;
}

/** The rows with usable chains, in their order. Errors: `RUN_MISMATCH` where the lines are not of these rows. */
export async function* chainedRows(file: ChainFile): AsyncGenerator<ChainedRow, void, undefined> {
  const lines = chainLines(file.path);
  try {
    for await (const row of takenRows(file.data, 0, rowsToTake(file))) {
      const { value: line } = await lines.next();
      if (!line || line.id !== idOf(row)) {
        throw new PgenrmError(
          'RUN_MISMATCH',
          `${file.path} does not hold the chain of row ${row.number}; start anew with --force`,
        );
      }
      if (row.kind !== 'row' || line.reading === undefined) continue;
      yield { row, reading: line.reading };
    }
  } finally {
    await lines.return();
  }
}

/** The lines of the file. Errors: `RUN_MISMATCH`. */
export async function* chainLines(path: string): AsyncGenerator<ChainLine, void, undefined> {
  for await (const { value, index } of jsonLines(path)) {
    const checked = CHAIN_LINE.safeParse(value);
    if (!checked.success || (checked.data.status === 'usable') !== (checked.data.reading !== undefined)) {
      throw new PgenrmError(
        'RUN_MISMATCH',
        `${path}, line ${index + 1} is not as a build writes it; start anew with --force`,
      );
    }
    yield checked.data;
  }
}

/** Rows `from` (counted from 0) up to `to`, each user without the row's own choice. */
export async function* takenRows(
  data: PreferenceData,
  from: number,
  to: number,
): AsyncGenerator<PreferenceRow | RowProblem, void, undefined> {
  if (from >= to) return;
  for await (const row of missingRows(data, to, (_, index) => index < from))
    yield row.kind === 'row' ? withoutOwnChoice(row) : row;
}

function withoutOwnChoice(row: PreferenceRow): PreferenceRow {
  const { candidates, context } = row.item;
  const query = context.at(-1)?.content;
  const own = ({ context: asked, chosen, rejected }: HistoryEvent): boolean =>
    row.label !== undefined &&
    asked.at(-1)?.content === query &&
    candidates.includes(chosen) &&
    candidates.includes(rejected);
  if (!row.user.history.some(own)) return row;
  return { ...row, user: { ...row.user, history: row.user.history.filter((event) => !own(event)) } };
}

/** What names a row in its line. */
export function idOf(row: PreferenceRow | RowProblem): string {
  return row.kind === 'row' ? row.id : `#${row.number}`;
}
