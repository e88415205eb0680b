// Makes the judgment of the chains that have ended: levels, winner, how sure, how many chains it took.
// Knows judged chains and the scaling rules; nothing of how chains were written.

import type { Kernels } from '../kernels/kernels.js';
import { aggregateLevels, type LevelScore } from '../scaling/aggregate-levels.js';
import { weighNeighbours } from '../scaling/neighbour-weights.js';
import type { StopReason } from '../scaling/stopping.js';
import { winnerUncertainty } from '../scaling/uncertainty.js';
import type { JudgeSettings, JudgeSubject } from './judge-settings.js';
import type { JudgedChain, Judgment, LevelJudgment, LostCounts, Retrieval } from './judgment.js';
import type { Neighbour } from './neighbour-search.js';
import { chainScores } from './writing/stopping-watch.js';

/** What a judgment is made of. */
export interface JudgmentFacts
  extends Pick<Judgment, 'chains' | 'usedEvents' | 'droppedEvents' | 'tokens' | 'times'> {
  readonly subject: JudgeSubject;
  readonly settings: JudgeSettings;
  /** Null where none were found, or sought. */
  readonly neighbours: readonly Neighbour[] | null;
  /** Null where none were asked for. */
  readonly retrieval: Retrieval | null;
  /** Chains that were asked of the generator and did not end. */
  readonly unfinished: number;
  readonly waves: number;
  readonly stopped: StopReason | null;
}

/** The judgment. */
export function judgmentOf(kernels: Kernels, facts: JudgmentFacts): Judgment {
  const { subject, settings, chains, retrieval, neighbours } = facts;
  const { neighbourWeights: kind, ...aggregate } = settings.aggregate;
  const { weights, individualShare } = weighNeighbours(
    (neighbours ?? []).map(({ similarity }) => similarity),
    kind,
    settings.aggregate.individualShare,
  );
  const weighed = { ...aggregate, individualShare };
  const individual = chainScores(chains, 'individual');
  const prototype = chainScores(chains, 'prototype', weights);
  const outcome = aggregateLevels(kernels, subject.item.candidates.length, individual, prototype, weighed);
  const level = (name: JudgedChain['level'], { scores, usable }: LevelScore): LevelJudgment => ({
    scores,
    usable,
    lost: countLost(chains.filter((chain) => chain.level === name)),
  });
  const planned = {
    individual: settings.individual,
    prototype: retrieval === null ? 0 : (neighbours?.length ?? settings.prototypes),
  };
  const used = { individual: individual.length, prototype: prototype.length };
  const saved = planned.individual + planned.prototype - used.individual - used.prototype;
  return {
    ...(subject.id === undefined ? {} : { id: subject.id }),
    status: outcome.scores === null ? 'failed' : 'scored',
    scores: outcome.scores,
    winner: outcome.winner,
    tie: outcome.tie,
    levels: {
      individual: level('individual', outcome.individual),
      ...(retrieval === null ? {} : { prototype: level('prototype', outcome.prototype) }),
    },
    scaling: {
      planned,
      used,
      saved,
      cancelled: facts.unfinished,
      waves: facts.waves,
      stopped: saved === 0 ? null : facts.stopped,
      risk: settings.adaptive,
    },
    ...(retrieval === null ? {} : { retrieval }),
    uncertainty: winnerUncertainty(outcome, individual, prototype, weighed),
    chains,
    usable: outcome.individual.usable + outcome.prototype.usable,
    lost: countLost(chains),
    usedEvents: facts.usedEvents,
    droppedEvents: facts.droppedEvents,
    tokens: facts.tokens,
    times: facts.times,
  };
}

function countLost(chains: readonly JudgedChain[]): LostCounts {
  const counts: Record<string, number> = {};
  for (const { lost } of chains) if (lost !== null) counts[lost] = (counts[lost] ?? 0) + 1;
  return counts;
}
