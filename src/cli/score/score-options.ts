// The options of `pgenrm score` as the parts of a run take them.
// Knows names on both sides; neither commander nor what the options do.

import { PgenrmError } from '../../errors.js';
import type {
  GrammarChoice,
  JudgeOptions,
  RetrieveBy,
  ScorePreference,
} from '../../reward-model/judgment.js';
import type { LoadOptions } from '../../reward-model/reward-model.js';
import type { AggregateMethod } from '../../scaling/aggregate-levels.js';
import type { NeighbourWeights } from '../../scaling/neighbour-weights.js';
import type { EngineFlags } from '../options/engine-flags.js';
import { type GuidedFlags, guidedOptions } from '../options/guided-flags.js';
import type { DataOptions } from '../options/judged-data.js';
import type { LogLevel } from '../terminal/console-streams.js';

/** The options as commander reads them. */
export interface ScoreOptions extends EngineFlags, GuidedFlags, DataOptions {
  readonly limit?: number;
  readonly ind: number;
  readonly pro: number;
  readonly bank?: string;
  readonly embedder?: string;
  readonly retrieveBy: RetrieveBy;
  readonly adaptive?: number;
  readonly aggregate: AggregateMethod;
  readonly neighbourWeights: NeighbourWeights;
  readonly individualShare?: number;
  readonly seed: number;
  readonly temperature: number;
  readonly topP: number;
  readonly minP: number;
  readonly maxTokens?: number;
  readonly historyEvents?: number;
  readonly grammar: GrammarChoice;
  readonly prefer: ScorePreference;
  readonly model: string;
  readonly template?: string;
  readonly chatTemplate?: string;
  readonly generator?: 'native' | 'portable';
  readonly gpu: NonNullable<LoadOptions['gpu']>;
  readonly concurrency?: number;
  readonly reorder: number;
  readonly out: string;
  readonly chains?: true;
  readonly resume?: true;
  readonly force?: true;
  readonly retryFailed?: true;
  readonly quiet?: true;
  readonly jsonProgress?: true;
  readonly logLevel: LogLevel;
}

/** Refuses options that need each other. Errors: `INVALID_OPTION`. */
export function checkTogether({ pro, bank, embedder, individualShare }: ScoreOptions): void {
  if (pro === 0 && individualShare !== undefined)
    throw new PgenrmError(
      'INVALID_OPTION',
      '--individual-share has no part in a run without --pro N; add it',
    );
  if (pro > 0 && bank === undefined) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `--pro ${pro} needs a prototype bank; name it with --bank BANK (made by pgenrm bank build)`,
    );
  }
  if (pro === 0 && bank !== undefined) {
    throw new PgenrmError('INVALID_OPTION', '--bank has no part in a run without --pro N; add it');
  }
  if (bank === undefined && embedder !== undefined) {
    throw new PgenrmError('INVALID_OPTION', '--embedder is that of a bank; name the bank with --bank');
  }
}

/** How each row is judged. */
export function judgeOptions(options: ScoreOptions): JudgeOptions {
  const { ind, seed, temperature, topP, minP, maxTokens, historyEvents, grammar, prefer } = options;
  return {
    individual: ind,
    ...(options.pro === 0 ? {} : { prototypes: options.pro, retrieveBy: options.retrieveBy }),
    ...(options.adaptive === undefined ? {} : { adaptive: options.adaptive }),
    aggregate: {
      method: options.aggregate,
      neighbourWeights: options.neighbourWeights,
      ...(options.individualShare === undefined ? {} : { individualShare: options.individualShare }),
    },
    seed,
    temperature,
    topP,
    minP,
    grammar,
    ...guidedOptions(options),
    prefer,
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(historyEvents === undefined ? {} : { historyEvents }),
  };
}
