// How quiet a machine was while a bench ran, and what measuring itself took: from the blocks.
// Figures of the levels are `figures.ts`.

import { pairedRatio } from '../../statistics/ratio.js';
import { drift, mean, sum } from '../../statistics/summary.js';
import type { BlockRecord } from '../measure/bench-record.js';
import type { NoiseReport, ScalingResult } from './result.js';

/** Drift, steal time and other work; `load` is that of the machine before the bench, `cores` are those it may use. */
export function noiseOf(blocks: readonly BlockRecord[], load: number, cores: number): NoiseReport {
  const steal = blocks.flatMap(({ stealShare }) => stealShare ?? []);
  const times: Record<string, number[]> = {};
  const byRound = [...blocks].sort((a, b) => a.round - b.round);
  for (const { kind, variant, ms, judged } of byRound) {
    // Judgments of other rounds are other rows: what compares is time a judgment.
    const name = `${kind} ${variant}`;
    const list = times[name] ?? [];
    list.push(ms / Math.max(1, judged));
    times[name] = list;
  }
  const others = blocks.flatMap(({ busyShare, processorSeconds, ms }) =>
    busyShare === null || processorSeconds === null || ms < 500
      ? []
      : [busyShare - (1000 * processorSeconds) / (ms * cores)],
  );
  return {
    drift: drift(times),
    stealShare: steal.length === 0 ? null : mean(steal),
    mostStealShare: steal.length === 0 ? null : Math.max(...steal),
    load,
    otherWorkShare: others.length === 0 ? null : Math.max(0, mean(others)),
  };
}

/** What keeping accounts took. */
export function measuringOf(blocks: readonly BlockRecord[]): ScalingResult['measuring'] {
  const total = sum(blocks.map(({ ms }) => ms));
  const bare = blocks.filter(({ kind, judged }) => kind === 'bare' && judged > 0);
  const pairs = bare.flatMap(({ round, variant, ms, judged }): [number, number][] => {
    const metered = blocks.find(
      (block) =>
        block.kind === 'full' && block.variant === variant && block.round === round && block.judged > 0,
    );
    return metered === undefined ? [] : [[metered.ms / metered.judged, ms / judged]];
  });
  return {
    share: total === 0 ? 0 : sum(blocks.map(({ measuringMs }) => measuringMs)) / total,
    meteredOverBare:
      pairs.length === 0
        ? null
        : pairedRatio(
            pairs.map(([metered]) => metered),
            pairs.map(([, alone]) => alone),
          ),
  };
}
