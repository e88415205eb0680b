// Learns the weight of the individual level on stored chains of validation rows, none of which may be evaluated.
// Knows chains files and the aggregation of scores; nothing of reports.

import { PgenrmError } from '../../errors.js';
import { levelName, type ScalingLevel } from '../../scaling/level.js';
import type { StoredChains } from '../chains/chains-file.js';
import type { ChainsRow } from '../chains/chains-record.js';
import { checkLevels } from './check-levels.js';
import { type AggregateSettings, judgmentsAt, rowOutcome } from './level-outcome.js';

/** The weights that are tried: 0, 0.05, ... 1. */
const SHARES = Array.from({ length: 21 }, (_, index) => index / 20);

/** A learned weight and what it rests on. */
export interface LearnedShare {
  /** Weight of the individual level, from 0 to 1. */
  readonly individualShare: number;
  /** The chains file of the validation rows, and its run. */
  readonly path: string;
  readonly run: string;
  /** The level at which it was learned. */
  readonly level: string;
  /** Labelled validation rows of which both levels have a usable chain. */
  readonly rows: number;
  /** Accuracy on those rows, ties as half, from 0 to 1: with this weight and with the paper's 0.5. */
  readonly accuracy: number;
  readonly accuracyAtHalf: number;
}

/**
 * The weight, in steps of 0.05, with the best accuracy on the validation rows (ties as half); of equal ones that which is
 * nearest to 0.5, then the smaller.
 *
 * Memory: some bytes for each row of both files. Errors: `INVALID_OPTION` for a level without similar users or larger
 * than what is stored; `RUN_MISMATCH` where another model or template wrote the validation chains, and where a row is in
 * both files; `INPUT_MALFORMED` where no labelled validation row has usable chains of both levels.
 */
export async function learnShare(
  validation: StoredChains,
  evaluated: StoredChains,
  level: ScalingLevel,
  settings: AggregateSettings,
  signal?: AbortSignal,
): Promise<LearnedShare> {
  const { path, header } = validation;
  if (level.prototype === 0)
    throw new PgenrmError(
      'INVALID_OPTION',
      `a weight between the levels cannot be learned at ${levelName(level)}, which asks no similar users; add a level with pro-N`,
    );
  checkLevels(path, header, [level]);
  checkSameModel(validation, evaluated);
  const taken = new Set<string>();
  for await (const row of evaluated.rows()) {
    signal?.throwIfAborted();
    taken.add(sameRow(row));
  }
  const correct = SHARES.map(() => 0);
  let rows = 0;
  for await (const row of validation.rows()) {
    signal?.throwIfAborted();
    if (row.status === 'invalid') continue;
    if (taken.has(sameRow(row)))
      throw new PgenrmError(
        'RUN_MISMATCH',
        `row ${row.row} (${row.id}) of ${path} is among the rows evaluated (${evaluated.path}): a weight learned on it would flatter them; give chains of other rows, such as those of a validation split`,
      );
    const { label } = row;
    if (label === undefined || !hasBothLevels(row, settings, level)) continue;
    rows += 1;
    for (const [index, individualShare] of SHARES.entries()) {
      const aggregate = { ...settings.aggregate, individualShare };
      correct[index]! += rowOutcome(judgmentsAt({ ...settings, aggregate }, row, level), label).half;
    }
  }
  if (rows === 0)
    throw new PgenrmError(
      'INPUT_MALFORMED',
      `${path} has no labelled row with usable chains of both levels at ${levelName(level)}: there is nothing to learn a weight from`,
    );
  const best = bestOf(correct);
  return {
    individualShare: SHARES[best]!,
    path,
    run: header.run,
    level: levelName(level),
    rows,
    accuracy: correct[best]! / rows,
    accuracyAtHalf: correct[SHARES.indexOf(0.5)]! / rows,
  };
}

function bestOf(correct: readonly number[]): number {
  const most = Math.max(...correct);
  const equal = [...correct.keys()].filter((index) => most - correct[index]! <= 1e-9);
  return equal.reduce((best, index) => (fromHalf(index) < fromHalf(best) - 1e-9 ? index : best));
}

function fromHalf(index: number): number {
  return Math.abs(SHARES[index]! - 0.5);
}

function hasBothLevels(row: ChainsRow, settings: AggregateSettings, level: ScalingLevel): boolean {
  return judgmentsAt(settings, row, level).some(
    ({ outcome }) => outcome.individual.usable > 0 && outcome.prototype.usable > 0,
  );
}

/** Equal for the same row, also where it stands in another file at another place. */
function sameRow({ id, user, lengths, label }: ChainsRow): string {
  return JSON.stringify([id, user, lengths, label]);
}

function checkSameModel(validation: StoredChains, evaluated: StoredChains): void {
  for (const part of ['model', 'template'] as const) {
    const [one, other] = [validation, evaluated].map(({ header }) => JSON.stringify(header.identity[part]));
    if (one === other) continue;
    throw new PgenrmError(
      'RUN_MISMATCH',
      `${validation.path} was written with another ${part} (${one}) than ${evaluated.path} (${other}); learn the weight from chains of the same ${part}`,
    );
  }
}
