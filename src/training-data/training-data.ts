// Makes the training data of P-GenRM's stages of preference data: judges rows, keeps what may be learned, writes a trainer's file.
// Knows the run: journal, lock, identity; what a row gives and how a file looks are other files'.

import type { PreferenceData } from '../data/preference-data.js';
import { PgenrmError } from '../errors.js';
import { checkRange } from '../options/option-range.js';
import { isFile, RunFile } from '../output/run-file.js';
import type { JudgeOptions } from '../reward-model/judgment.js';
import type { RewardModel } from '../reward-model/reward-model.js';
import { sharedIdentity } from '../run/identity.js';
import { judgeRows, lineOf } from '../run/judge-rows.js';
import { missingRows, rowsAsked, throwDamage } from '../run/rows.js';
import { judgedLine, lineStatus } from './judged-line.js';
import { sourceLicense } from './license.js';
import type { LineStatus, Stage, TrainingLine } from './stages.js';
import { checkStage, type TrainerFormat, writeTrainerFile } from './trainer-file.js';
import { countsText, examplesOf, rowsPath, Tally, takeUp } from './training-rows.js';

/** Chains a presentation order, of which the best one is kept. */
export const TRIES_RANGE = { integer: true, min: 1, max: 64 } as const;

/** What to write. */
export interface TrainingDataOptions {
  readonly data: PreferenceData;
  /** The one that the data was opened with. */
  readonly split?: string;
  /** The teacher of `psi` and `cre`; of `curriculum` the judge whose mistakes are hard. */
  readonly model: RewardModel;
  readonly stage: Stage;
  readonly format: TrainerFormat;
  /** Path of the trainer's file; what is known of each row so far stands in `OUT.rows.jsonl`. */
  readonly out: string;
  /** Chains a presentation order, 1 to 64; default 4. */
  readonly tries?: number;
  /** As of a judgment; `individual` is the tries times the responses. */
  readonly judge?: Omit<JudgeOptions, 'individual' | 'prototypes' | 'adaptive' | 'signal' | 'onEvent'>;
  /** Licence of rows that name none of their own; default that of a known data set, else `unknown`. */
  readonly license?: string;
  /** Take data of a non-commercial licence; default false. */
  readonly allowNonCommercial?: boolean;
  /** Only the first n rows. */
  readonly limit?: number;
  readonly concurrency?: number;
  /** Begin anew where rows of another run stand. */
  readonly force?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** What was written. */
export interface TrainingDataSummary {
  readonly out: string;
  /** `stopped`: the signal came first; the trainer's file is not written, and the same call goes on. */
  readonly status: 'finished' | 'stopped';
  /** Rows by what became of them. */
  readonly counts: Readonly<Record<LineStatus, number>>;
  /** Examples in the file. */
  readonly examples: number;
  /** Chains of kept rows that were written anew because the teacher's text needed mending. */
  readonly rewritten: number;
  /** In `trl-preference`: examples of kept rows that are left out because no chain prefers another response. */
  readonly withoutPair: number;
  /** Of rows that name none of their own. */
  readonly license: string;
}

/**
 * Writes the training data of a stage. A run that was stopped or killed at any moment goes on when it is called again;
 * the trainer's file appears whole, in one rename. Memory: all examples at once for `verl` and for `curriculum`.
 *
 * Errors: `INVALID_OPTION` (among them: a non-commercial licence that was not allowed), `INPUT_MALFORMED` (no row may know
 * anything of its user; no row is kept: the counts say why), `RUN_MISMATCH` (rows of another run stand there),
 * `OUTPUT_FAILED`, and those of the generator.
 */
export async function writeTrainingData(options: TrainingDataOptions): Promise<TrainingDataSummary> {
  const { data, split, model, stage, format, out, tries = 4, judge = {}, signal, force = false } = options;
  const { allowNonCommercial = false } = options;
  checkRange('tries', tries, TRIES_RANGE);
  checkStage(stage, format);
  const license = sourceLicense(data.format, options);
  const count = rowsAsked(data, options.limit);
  const { mayHaveHistory, mayHaveCriteria } = data.signals;
  if (!mayHaveHistory && !mayHaveCriteria) {
    throw new PgenrmError(
      'INPUT_MALFORMED',
      `${data.path} says nothing of its users: expected user ids with earlier choices, histories or stated criteria; add a users file`,
    );
  }
  model.settings(judge);
  const identity = {
    ...sharedIdentity(data, split, model),
    options: {
      stage,
      tries,
      license,
      allowNonCommercial,
      judge: JSON.stringify(judge),
      selection: JSON.stringify(data.selection ?? null),
    },
  };
  await using rows = await RunFile.open(rowsPath(out), force ? 'overwrite' : 'resume', '');
  if (!force && !(await rows.goesOn()) && (await isFile(out)))
    throw new PgenrmError(
      'INVALID_OPTION',
      `${out} exists and is of no run that can be gone on with; replace it by --force, or choose another output`,
    );
  const tally = new Tally();
  if (await rows.goesOn()) {
    const end = await takeUp(rows.path, identity, tally, count);
    if (end === null) await rows.begin({ pgenrmTrainingData: 1, identity });
    else await rows.goOn(end);
  } else {
    await rows.begin({ pgenrmTrainingData: 1, identity });
  }
  const done = tally.lines;
  options.onProgress?.(done, count);
  const { stopped } = await judgeRows({
    rows: missingRows(data, count, (_, index) => index < done),
    rowOf: (row) => row,
    lineOf: (row, stop) =>
      lineOf<TrainingLine>(
        row,
        {
          invalid: (problem) => ({
            row: problem.number,
            id: String(problem.number),
            status: 'invalid',
            detail: problem.reason,
          }),
          failed: (failed, error) => ({ ...lineStatus(failed, 'failed'), detail: error.message }),
          judged: (judged) =>
            judgedLine(judged, {
              model,
              stage,
              tries,
              allowNonCommercial,
              judge: { ...judge, signal: stop },
            }),
        },
        null,
        stop,
      ),
    async write(line) {
      await rows.append(line);
      tally.add(line);
      options.onProgress?.(tally.lines, count);
    },
    concurrency: model.concurrencyFor(2 * tries, options.concurrency),
    reorder: 1,
    signal,
  });
  const pairs = format === 'trl-preference';
  const examples = pairs ? tally.pairs : tally.examples;
  const summary = {
    out,
    counts: tally.counts,
    examples,
    rewritten: tally.rewritten,
    withoutPair: pairs ? tally.examples - tally.pairs : 0,
    license,
  };
  if (stopped) return { ...summary, status: 'stopped' };
  throwDamage(data, count);
  await rows.close();
  if (tally.examples > 0 && examples === 0) {
    throw new PgenrmError(
      'INPUT_MALFORMED',
      `none of ${tally.examples} examples has a chain that prefers another response, to be the lesser of a pair; raise the tries or the temperature, or write --format trl. ${out} was not written`,
    );
  }
  if (tally.examples === 0) {
    throw new PgenrmError(
      'INPUT_MALFORMED',
      `none of ${tally.lines} rows may be learned (${countsText(tally.counts)}); check the teacher and its template, raise the tries, or give criteria. ${out} was not written`,
    );
  }
  await writeTrainerFile({
    out,
    stage,
    format,
    license,
    source: data.format,
    examples: () => examplesOf(rows.path, count, pairs),
  });
  return { ...summary, status: 'finished' };
}
