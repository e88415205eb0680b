// The options of `pgenrm score` as the parts of a run take them.
// Knows names on both sides; neither commander nor what the options do.

import { PgenrmError } from '../../errors.js';
import type { JudgeOptions } from '../../reward-model/judgment.js';
import { chainOptions } from '../options/guided-options.js';
import { type FlagName, type FlagValues, GUIDED, MODEL, READING, SAMPLING } from '../options/table/table.js';

/** The flags of the command. */
export const SCORE_FLAGS = [
  ...(['users', 'split', 'format', 'limit'] as const),
  ...READING,
  ...(['ind', 'pro', 'bank', 'embedder', 'retrieveBy', 'adaptive'] as const),
  ...(['aggregate', 'neighbourWeights', 'individualShare'] as const),
  ...SAMPLING,
  ...GUIDED,
  ...MODEL,
  ...(['concurrency', 'reorder', 'run:queue', 'score:out', 'chains'] as const),
  ...(['resume', 'force', 'retryFailed', 'quiet', 'jsonProgress'] as const),
] as const satisfies readonly FlagName[];

/** The options as commander reads them. */
export type ScoreOptions = FlagValues<typeof SCORE_FLAGS> & FlagValues<readonly ['logLevel']>;

/** Refuses options that need each other. Errors: `INVALID_OPTION`. */
export function checkTogether({ pro, bank, embedder, individualShare, queue, out }: ScoreOptions): void {
  if (pro === 0 && individualShare !== undefined)
    throw new PgenrmError(
      'INVALID_OPTION',
      '--individual-share has no part in a run without --pro N; add it',
    );
  if (queue !== undefined) {
    if (out === '-')
      throw new PgenrmError(
        'INVALID_OPTION',
        '--queue needs a file to say what is done; name it with --out FILE',
      );
    return;
  }
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
  return {
    individual: options.ind,
    ...(options.pro === 0 ? {} : { prototypes: options.pro, retrieveBy: options.retrieveBy }),
    ...(options.adaptive === undefined ? {} : { adaptive: options.adaptive }),
    aggregate: {
      method: options.aggregate,
      neighbourWeights: options.neighbourWeights,
      ...(options.individualShare === undefined ? {} : { individualShare: options.individualShare }),
    },
    ...chainOptions(options),
  };
}
