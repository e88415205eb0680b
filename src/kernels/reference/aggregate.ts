// Score aggregation in plain TypeScript: the oracle for the compiled kernels.
// Follows their order of additions, so that sums agree to the last bit.
import type { Aggregate, CheckedAggregate, WinCounts } from '../aggregate.js';

interface Chain {
  readonly scores: Float64Array;
  readonly weight: number;
}

export function aggregateScores(input: CheckedAggregate): Aggregate {
  const { candidates } = input;
  const individualChains = usableChains(input.individual, input.individualWeights, candidates);
  const prototypeChains = usableChains(input.prototype, input.prototypeWeights, candidates);
  const individual = levelScores(individualChains, input);
  const prototype = levelScores(prototypeChains, input);
  const scores = new Float64Array(candidates);
  for (let c = 0; c < candidates; c++) {
    if (prototypeChains.length === 0) scores[c] = individual[c]!;
    else if (individualChains.length === 0) scores[c] = prototype[c]!;
    else scores[c] = input.individualShare * individual[c]! + (1 - input.individualShare) * prototype[c]!;
  }
  return {
    scores,
    individual,
    prototype,
    usableIndividual: individualChains.length,
    usablePrototype: prototypeChains.length,
  };
}

export function countWins(scores: Float64Array, candidates: number, tolerance: number): WinCounts {
  const wins = new Uint32Array(candidates);
  let ties = 0;
  let unusable = 0;
  for (let start = 0; start < scores.length; start += candidates) {
    const row = scores.subarray(start, start + candidates);
    if (!row.every(Number.isFinite)) {
      unusable++;
      continue;
    }
    const best = Math.max(...row);
    const near = row.filter((score) => best - score <= tolerance).length;
    if (near > 1) ties++;
    else wins[row.indexOf(best)]! += 1;
  }
  return { wins, ties, unusable };
}

function usableChains(scores: Float64Array, weights: Float64Array, candidates: number): Chain[] {
  const chains: Chain[] = [];
  for (let i = 0; i < weights.length; i++) {
    const row = scores.subarray(i * candidates, (i + 1) * candidates);
    if (weights[i]! > 0 && row.every(Number.isFinite)) chains.push({ scores: row, weight: weights[i]! });
  }
  return chains;
}

function levelScores(chains: Chain[], input: CheckedAggregate): Float64Array {
  const result = new Float64Array(input.candidates).fill(Number.NaN);
  if (chains.length === 0) return result;
  for (let c = 0; c < input.candidates; c++) {
    const values = chains.map((chain) => ({ value: chain.scores[c]!, weight: chain.weight }));
    if (input.method !== 'mean') values.sort((a, b) => a.value - b.value);
    if (input.method === 'median') {
      result[c] = weightedMedian(values);
    } else {
      const cut = input.method === 'trimmed' ? Math.floor(input.trim * values.length) : 0;
      result[c] = weightedMean(values.slice(cut, values.length - cut));
    }
  }
  return result;
}

function weightedMean(values: readonly { value: number; weight: number }[]): number {
  let sum = 0;
  let total = 0;
  for (const { value, weight } of values) {
    sum += value * weight;
    total += weight;
  }
  return sum / total;
}

/** The least value at which half of the weight is passed; the mean of two where exactly half is reached. */
function weightedMedian(sorted: readonly { value: number; weight: number }[]): number {
  let total = 0;
  for (const { weight } of sorted) total += weight;
  let passed = 0;
  for (let i = 0; i < sorted.length - 1; i++) {
    passed += sorted[i]!.weight;
    if (passed * 2 > total) return sorted[i]!.value;
    if (passed * 2 === total) return (sorted[i]!.value + sorted[i + 1]!.value) / 2;
  }
  return sorted[sorted.length - 1]!.value;
}
