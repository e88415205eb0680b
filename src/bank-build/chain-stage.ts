// The first stage of a build: the reward model writes one chain a training row, kept as lines that a later session goes on from.
// Knows rows and judgments; prompts, seeds and reading are the reward model's.

import { existsSync } from 'node:fs';
import { isRowError, type PgenrmError } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';
import { jsonLines } from '../output/json-lines.js';
import { LineFile } from '../output/line-file.js';
import type { JudgeOptions } from '../reward-model/judgment.js';
import { RewardModel } from '../reward-model/reward-model.js';
import { judgeRows } from '../run/judge-rows.js';
import { type DataRow, inputOf } from '../run/rows.js';
import type { BuildSettings, JudgeSource } from './build-options.js';
import { type ChainFile, type ChainLine, idOf, rowsToTake, takenRows } from './chain-lines.js';
import { FailureBound } from './failure-bound.js';

/** Where the chains go and what they are made of. */
export interface ChainStage extends ChainFile {
  readonly settings: BuildSettings;
  readonly judge: JudgeSource;
  /** Default: those that `loadKernels` picks. */
  readonly kernels: Kernels | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (done: number, total: number) => void;
}

/**
 * Writes the chains that are missing. A row whose chain cannot be read or written gets a line that says so, and the
 * stage goes on; it ends where the generator fails row after row (see {@link FailureBound}).
 *
 * Errors: those of the generator; `OUTPUT_FAILED`. Stops at the signal.
 */
export async function writeChains(stage: ChainStage): Promise<void> {
  const { path, settings, judge, kernels, signal, onProgress } = stage;
  let done = 0;
  let end = 0;
  if (existsSync(path)) {
    for await (const line of jsonLines(path)) {
      done += 1;
      end = line.end;
    }
  }
  const total = rowsToTake(stage);
  onProgress(done, total);
  if (done >= total) return;
  await using lines = await LineFile.open(path, existsSync(path) ? end : undefined);
  await using generator = await judge.load();
  signal?.throwIfAborted();
  const model = await RewardModel.over(generator, {
    template: judge.template,
    ...(judge.chatTemplate === undefined ? {} : { chatTemplate: judge.chatTemplate }),
    ...(signal === undefined ? {} : { signal }),
    ownsGenerator: false,
    ...(kernels === undefined ? {} : { kernels }),
  });
  const options = judgeOptions(settings);
  // What no row could be judged with is refused before the first one.
  model.settings(options);
  const concurrency = model.concurrencyFor(1, settings.concurrency ?? undefined);
  const bound = new FailureBound(done > 0);
  const append = async (known: readonly ChainLine[]): Promise<void> => {
    for (const line of known) await lines.append(JSON.stringify(line));
  };
  const { stopped } = await judgeRows({
    rows: takenRows(stage.data, done, total),
    rowOf: (row) => row,
    lineOf: (row, stop) => rowChain(model, { ...options, signal: stop }, settings.attempts, row),
    async write({ line, error }) {
      await append(bound.take(line, error));
      done += 1;
      onProgress(done, total);
    },
    concurrency,
    reorder: 1,
    signal,
  });
  if (stopped) throw signal?.reason;
  await append(bound.end());
}

function judgeOptions({ seed, sampling, maxTokens, historyEvents }: BuildSettings): JudgeOptions {
  return {
    seed,
    ...sampling,
    ...(maxTokens === null ? {} : { maxTokens }),
    ...(historyEvents === null ? {} : { historyEvents }),
  };
}

/** A row's line, and the error where no chain could be written. */
interface RowChain {
  readonly line: ChainLine;
  readonly error: PgenrmError | null;
}

async function rowChain(
  model: RewardModel,
  options: JudgeOptions,
  attempts: number,
  row: DataRow,
): Promise<RowChain> {
  const base = { row: row.number, id: idOf(row) };
  if (row.kind === 'problem') {
    return { line: { ...base, status: 'invalid', reason: row.reason, tokens: 0, attempts: 0 }, error: null };
  }
  const { userId } = row;
  const named = { ...base, ...(userId === undefined ? {} : { userId }) };
  const input = inputOf(row);
  let tokens = 0;
  let reason = '';
  let text = '';
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    try {
      const { chains } = await model.judge(input, { ...options, attempt });
      const [chain] = chains;
      tokens += chain!.tokens;
      text = chain!.text;
      const { usable, personaText, analysisText, rubric, lost } = chain!.reading;
      if (usable && analysisText.trim() !== '') {
        const reading = { personaText, analysisText, rubric: [...rubric] };
        return {
          line: { ...named, status: 'usable', text, reading, tokens, attempts: attempt },
          error: null,
        };
      }
      reason = lost ?? 'noAnalysis';
    } catch (error) {
      if (options.signal?.aborted === true || !isRowError(error)) throw error;
      const told = `${error.code}: ${error.message}`;
      return { line: { ...named, status: 'failed', reason: told, tokens, attempts: attempt }, error };
    }
  }
  return { line: { ...named, status: 'lost', reason, text, tokens, attempts }, error: null };
}
