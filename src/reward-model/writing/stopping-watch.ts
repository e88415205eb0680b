// Applies the stopping rule to a judgment under way.
// Knows judged chains and the search for neighbours; the rule itself is `src/scaling/stopping.ts`.

import { mapBack } from '../../chain/presentation.js';
import { chainVariances } from '../../guided/read-scores.js';
import type { ChainScores } from '../../scaling/aggregate-levels.js';
import { weighNeighbours } from '../../scaling/neighbour-weights.js';
import {
  isCertain,
  type LevelProgress,
  mayStop,
  type StoppingOptions,
  type StopReason,
} from '../../scaling/stopping.js';
import type { JudgeSettings } from '../judge-settings.js';
import type { JudgedChain } from '../judgment.js';
import type { NeighbourSearch } from '../neighbour-search.js';

/** The chains of a level as scores with weights; `weights` by index, 1 where there are none. */
export function chainScores(
  chains: readonly JudgedChain[],
  level: JudgedChain['level'],
  weights: readonly number[] = [],
): ChainScores[] {
  return chains
    .filter((chain) => chain.level === level)
    .map((chain) => ({
      scores: chain.scores,
      weight: weights[chain.index] ?? 1,
      variances: variancesOf(chain),
    }));
}

/** How far the distributions of a chain's scores reach, by candidate; undefined where it has none. */
function variancesOf({ reading, order }: JudgedChain): readonly number[] | undefined {
  const { distributions, rubric } = reading;
  if (distributions === undefined) return undefined;
  const criteria = rubric.map(({ weight }, k) => ({
    weight: weight ?? 0,
    distributions: distributions.map((response) => response[k]!),
  }));
  return mapBack(order, chainVariances(criteria));
}

/** Watches one judgment. */
export class StoppingWatch {
  readonly #settings: JudgeSettings;
  readonly #rule: Omit<StoppingOptions, 'individualShare'>;

  /** `looks`: how often {@link mayStop} is asked at most. */
  constructor(settings: JudgeSettings, candidates: number, risk: number, looks: number) {
    this.#settings = settings;
    const { method } = settings.aggregate;
    this.#rule = {
      candidates,
      risk,
      looks: Math.max(1, looks),
      method: method === 'wins' ? 'wins' : 'mean',
    };
  }

  /** Between waves: whether no more of them are needed. */
  mayStop(chains: readonly JudgedChain[], search: NeighbourSearch | null): StopReason | null {
    const { individual, prototype, individualShare } = this.#progress(chains, search);
    return mayStop(individual, prototype, { ...this.#rule, individualShare });
  }

  /** At any time: whether the chains that have not ended cannot change the winner. */
  isCertain(chains: readonly JudgedChain[], search: NeighbourSearch | null): boolean {
    const { individual, prototype, individualShare } = this.#progress(chains, search);
    if (individual.toCome.length + prototype.toCome.length === 0) return false;
    return isCertain(individual, prototype, { ...this.#rule, individualShare });
  }

  #progress(
    chains: readonly JudgedChain[],
    search: NeighbourSearch | null,
  ): { individual: LevelProgress; prototype: LevelProgress; individualShare: number } {
    const { individual, prototypes, aggregate } = this.#settings;
    const found = search?.outcome?.found;
    const planned = search === null ? 0 : (found?.length ?? prototypes);
    // Where the neighbours are not known yet, no chain of theirs is either, and the level is open whatever the weights;
    // it may count less once they are known, never more.
    const { weights, individualShare } =
      found === undefined
        ? { weights: Array.from({ length: planned }, () => 1), individualShare: aggregate.individualShare }
        : weighNeighbours(
            found.map(({ similarity }) => similarity),
            aggregate.neighbourWeights,
            aggregate.individualShare,
          );
    const ended = new Set(chains.flatMap(({ level, index }) => (level === 'prototype' ? [index] : [])));
    const own = chainScores(chains, 'individual');
    return {
      individual: { ended: own, toCome: Array.from({ length: individual - own.length }, () => 1) },
      prototype: {
        ended: chainScores(chains, 'prototype', weights),
        toCome: weights.filter((_, index) => !ended.has(index)),
      },
      individualShare,
    };
  }
}
