// Scores of stored chains taken anew from their distributions: means, or seeded draws.
// Knows stored rows; samples nothing of a model.

import { PgenrmError } from '../../errors.js';
import type { Readout } from '../../guided/decoding.js';
import { chainScoresRead } from '../../guided/read-scores.js';
import { Xoshiro128 } from '../../kernels/random.js';
import type { ChainsRow, StoredChain } from './chains-types.js';

/** Numbers of no other use of a chain's seed. */
const READOUT_STREAM = 7;

/**
 * A row whose chains have the scores that `readout` gives. Draws depend on the chain's seed alone; they are not those that
 * the chain itself went on with. Errors: `INVALID_OPTION` for a chain with scores and no distributions.
 */
export function readAgain(row: ChainsRow, readout: Readout): ChainsRow {
  const all = (chains: readonly StoredChain[]): StoredChain[] =>
    chains.map((chain) => withScores(chain, row.row, readout));
  return {
    ...row,
    chains: all(row.chains),
    ...(row.noHistory === undefined ? {} : { noHistory: all(row.noHistory) }),
    ...(row.swapped === undefined
      ? {}
      : { swapped: row.swapped.map((arm) => ({ ...arm, chains: all(arm.chains) })) }),
  };
}

function withScores(chain: StoredChain, row: number, readout: Readout): StoredChain {
  if (chain.scores === null) return chain;
  if (chain.criteria === undefined) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `readout ${readout} needs chains with the distributions of their scores, which guided ones have; a chain of row ${row} has none; leave it out`,
    );
  }
  const random = new Xoshiro128(chain.seed, READOUT_STREAM);
  return { ...chain, scores: chainScoresRead(chain.criteria, readout, () => random.uniform()) };
}
