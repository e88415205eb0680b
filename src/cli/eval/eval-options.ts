// The options of `pgenrm eval` as the parts of an evaluation take them, and which of them go together.
// Knows names on both sides; nothing of what the options do.

import type { Command } from 'commander';
import { PgenrmError } from '../../errors.js';
import type { SampleOptions } from '../../evaluation/chains/sample-chains.js';
import { CONTROL_CHOICES, type Control } from '../../evaluation/controls/personal.js';
import type { EvaluateOptions } from '../../evaluation/evaluate.js';
import { checkChoice, checkRange, JUDGE_RANGES } from '../../options/option-range.js';
import { levelName, parseLevel, type ScalingLevel } from '../../scaling/level.js';
import { checkBankOptions } from '../options/bank-options.js';
import { chainOptions } from '../options/guided-options.js';
import { type FlagName, type FlagValues, GUIDED, MODEL, READING, SAMPLING } from '../options/table/table.js';

/** The flags of the command. */
export const EVAL_FLAGS = [
  ...(['eval:from', 'levels', 'eval:out', 'ties', 'aggregate', 'neighbourWeights'] as const),
  ...(['individualShare', 'learnShare', 'eval:adaptive', 'resamples', 'intervalSeed'] as const),
  ...(['protocol', 'users', 'test:split', 'format', 'group', 'rowsPerUser', 'sample', 'limit'] as const),
  ...READING,
  ...([
    'bank',
    'embedder',
    'retrieveBy',
    'bankOverlap',
    'control',
    'donors',
    'historyBudget',
    'historyBy',
  ] as const),
  ...SAMPLING,
  ...GUIDED,
  ...MODEL,
  ...(['concurrency', 'reorder', 'run:queue', 'texts'] as const),
  ...(['resume', 'force', 'json', 'quiet', 'jsonProgress'] as const),
] as const satisfies readonly FlagName[];

/** The options as commander reads them. */
export type EvalOptions = FlagValues<typeof EVAL_FLAGS>;

/** Options that work with stored chains too. */
const WITHOUT_MODEL: ReadonlySet<string> = new Set([
  'from',
  'levels',
  'ties',
  'aggregate',
  'neighbourWeights',
  'individualShare',
  'learnShare',
  'adaptive',
  'readout',
  'resamples',
  'intervalSeed',
  'out',
  'json',
  'quiet',
  'jsonProgress',
]);

/**
 * Refuses options that do not go together: data and stored chains, sampling options without sampling, a prototype level
 * without bank. Errors: `INVALID_OPTION`.
 */
export function checkEvalOptions(
  data: string | undefined,
  levels: readonly ScalingLevel[] | null,
  options: EvalOptions,
  command: Command,
): void {
  if ((data === undefined) === (options.from === undefined)) {
    throw refused(
      'give either preference data to sample chains for, or stored chains with --from, not both or none',
    );
  }
  if (options.learnShare !== undefined && levels?.every(({ prototype }) => prototype === 0))
    throw refused('--learn-share has no part where no level has pro-N; add one to --levels');
  if (options.from !== undefined) {
    const sampling = command.options.find(
      (option) =>
        !WITHOUT_MODEL.has(option.attributeName()) &&
        command.getOptionValueSource(option.attributeName()) === 'cli',
    );
    if (sampling === undefined) return;
    throw refused(`${sampling.long} has no part in computing from stored chains (--from); leave it out`);
  }
  controlsOf(options.control);
  if (options.out === undefined) throw refused('name the folder for chains and report with --out FOLDER');
  const similar = levels?.some(({ prototype }) => prototype > 0);
  checkBankOptions(
    // An embedder that finds alike events is none of a bank.
    options.historyBy === 'alike' ? { bank: options.bank } : options,
    similar,
  );
  if (options.bank === undefined && controlsOf(options.control).includes('random'))
    throw refused('--control random draws users of a bank; name one with --bank, and a level with pro-N');
  const { historyBy, historyEvents, historyBudget } = options;
  if (options.queue !== undefined) {
    const local = similar
      ? 'a level with pro-N'
      : historyBudget !== undefined
        ? '--history-budget'
        : historyBy === 'alike'
          ? '--history-by alike'
          : null;
    if (local !== null)
      throw refused(`${local} needs a model on this machine, and --queue has others judge; leave one out`);
  }
  if (historyBy === 'alike' && historyEvents === undefined && historyBudget === undefined)
    throw refused('--history-by alike needs a limit: --history-events or --history-budget');
}

function refused(message: string): PgenrmError {
  return new PgenrmError('INVALID_OPTION', message);
}

/** The levels of a list such as `1,ind-8,ind-8+pro-4`, each once; null where none is given. Errors: `INVALID_OPTION`. */
export function levelsOf(list: string | undefined): ScalingLevel[] | null {
  if (list === undefined) return null;
  const levels = list.split(',').map(parseLevel);
  const names = levels.map(levelName);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw refused(`level ${twice} is listed twice; list it once`);
  return levels;
}

/** The risks of a list such as `0.01,0.05`; null where none is given. Errors: `INVALID_OPTION`. */
export function risksOf(list: string | undefined): number[] | null {
  if (list === undefined) return null;
  const risks = list.split(',').map((word) => (word.trim() === '' ? Number.NaN : Number(word)));
  for (const risk of risks) checkRange('--adaptive', risk, JUDGE_RANGES.adaptive);
  return [...new Set(risks)];
}

/** The controls of a list such as `swapped,none`, each once; none where there is no list. Errors: `INVALID_OPTION`. */
export function controlsOf(list: string | undefined): Control[] {
  const words = list?.split(',').map((word) => word.trim()) ?? [];
  for (const word of words) checkChoice('--control', word, CONTROL_CHOICES);
  return CONTROL_CHOICES.filter((control) => words.includes(control));
}

/** Levels where none are named: one chain, and all that a row has. */
export function usualLevels(largest: ScalingLevel): ScalingLevel[] {
  const { individual, prototype } = largest;
  return [
    { individual: 1, prototype: 0 },
    ...(individual > 1 ? [{ individual, prototype: 0 }] : []),
    ...(prototype > 0 ? [largest] : []),
  ];
}

/** How each row is judged. */
export function evalJudgeOptions(options: EvalOptions): NonNullable<SampleOptions['judge']> {
  return {
    ...chainOptions(options),
    ...(options.bank === undefined ? {} : { retrieveBy: options.retrieveBy }),
  };
}

/** How figures are computed. */
export function figureOptions(options: EvalOptions): Omit<EvaluateOptions, 'kernels' | 'levels'> {
  const { ties, aggregate, individualShare, neighbourWeights, resamples, intervalSeed } = options;
  const adaptive = risksOf(options.adaptive);
  return {
    ...(ties === undefined ? {} : { ties }),
    aggregate: { method: aggregate, ...(individualShare === undefined ? {} : { individualShare }) },
    neighbourWeights,
    // Chains that are sampled now have the readout that is asked for.
    ...(options.from === undefined || options.readout === undefined ? {} : { readout: options.readout }),
    ...(adaptive === null ? {} : { adaptive }),
    resamples,
    seed: intervalSeed,
  };
}
