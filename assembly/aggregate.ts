// Scores of chains become one score per candidate; chains are counted by who wins them.
// Twin of native/core/aggregate.cpp: sums run in the same order, to the last bit.
import { release, take } from './memory';
import { OK, OUT_OF_MEMORY } from './status';

const MEAN: i32 = 0;
const MEDIAN: i32 = 1;
const TRIMMED: i32 = 2;

/**
 * `individual` and `prototype`: scores [chains x candidates], weights [chains]. `out` takes the scores, the two
 * levels' scores [candidates each], then the two counts of usable chains, all as f64.
 */
export function aggregateScores(
  individual: usize,
  individualWeights: usize,
  individualChains: i32,
  prototype: usize,
  prototypeWeights: usize,
  prototypeChains: i32,
  candidates: i32,
  method: i32,
  trim: f64,
  individualShare: f64,
  out: usize,
): i32 {
  const most = max(individualChains, prototypeChains);
  const values = take(<usize>most * 16);
  if (values === 0) return OUT_OF_MEMORY;
  const row = (<usize>candidates) << 3;
  const own = levelScores(
    individual,
    individualWeights,
    individualChains,
    candidates,
    method,
    trim,
    values,
    out + row,
  );
  const similar = levelScores(
    prototype,
    prototypeWeights,
    prototypeChains,
    candidates,
    method,
    trim,
    values,
    out + 2 * row,
  );
  release(values);
  for (let c = 0; c < candidates; c++) {
    const at = out + ((<usize>c) << 3);
    const fromOwn = load<f64>(at + row);
    const fromSimilar = load<f64>(at + 2 * row);
    if (similar === 0) store<f64>(at, fromOwn);
    else if (own === 0) store<f64>(at, fromSimilar);
    else store<f64>(at, individualShare * fromOwn + (1.0 - individualShare) * fromSimilar);
  }
  store<f64>(out + 3 * row, <f64>own);
  store<f64>(out + 3 * row, <f64>similar, 8);
  return OK;
}

/** `out` takes the wins [candidates], the ties and the unusable chains, as u32. */
export function countWins(scores: usize, chains: i32, candidates: i32, tolerance: f64, out: usize): void {
  const tail = out + ((<usize>candidates) << 2);
  memory.fill(out, 0, ((<usize>candidates) << 2) + 8);
  for (let i = 0; i < chains; i++) {
    const row = scores + ((<usize>(i * candidates)) << 3);
    if (!allFinite(row, candidates)) {
      store<u32>(tail, load<u32>(tail, 4) + 1, 4);
      continue;
    }
    let best = 0;
    for (let c = 1; c < candidates; c++) {
      if (load<f64>(row + ((<usize>c) << 3)) > load<f64>(row + ((<usize>best) << 3))) best = c;
    }
    const most = load<f64>(row + ((<usize>best) << 3));
    let near = 0;
    for (let c = 0; c < candidates; c++) {
      if (most - load<f64>(row + ((<usize>c) << 3)) <= tolerance) near++;
    }
    const place = near > 1 ? tail : out + ((<usize>best) << 2);
    store<u32>(place, load<u32>(place) + 1);
  }
}

/** Returns the number of usable chains; `values` has room for (value, weight) of every chain. */
function levelScores(
  scores: usize,
  weights: usize,
  chains: i32,
  candidates: i32,
  method: i32,
  trim: f64,
  values: usize,
  out: usize,
): i32 {
  let usable = 0;
  for (let c = 0; c < candidates; c++) {
    usable = 0;
    for (let i = 0; i < chains; i++) {
      const row = scores + ((<usize>(i * candidates)) << 3);
      const weight = load<f64>(weights + ((<usize>i) << 3));
      if (!(weight > 0) || !allFinite(row, candidates)) continue;
      insert(values, usable, load<f64>(row + ((<usize>c) << 3)), weight, method !== MEAN);
      usable++;
    }
    let score: f64 = NaN;
    if (usable > 0) {
      if (method === MEDIAN) {
        score = weightedMedian(values, usable);
      } else {
        const cut = method === TRIMMED ? <i32>Math.floor(trim * <f64>usable) : 0;
        score = weightedMean(values + ((<usize>cut) << 4), usable - 2 * cut);
      }
    }
    store<f64>(out + ((<usize>c) << 3), score);
  }
  return usable;
}

/** Puts a pair at the end, or behind all that are not greater. */
function insert(values: usize, count: i32, value: f64, weight: f64, sorted: bool): void {
  let place = count;
  if (sorted) {
    while (place > 0 && load<f64>(values + ((<usize>(place - 1)) << 4)) > value) {
      const from = values + ((<usize>(place - 1)) << 4);
      store<f64>(from, load<f64>(from), 16);
      store<f64>(from, load<f64>(from, 8), 24);
      place--;
    }
  }
  store<f64>(values + ((<usize>place) << 4), value);
  store<f64>(values + ((<usize>place) << 4), weight, 8);
}

function weightedMean(values: usize, count: i32): f64 {
  let sum: f64 = 0;
  let total: f64 = 0;
  for (let i = 0; i < count; i++) {
    const at = values + ((<usize>i) << 4);
    sum += load<f64>(at) * load<f64>(at, 8);
    total += load<f64>(at, 8);
  }
  return sum / total;
}

/** The least value at which half of the weight is passed; the mean of two where exactly half is reached. */
function weightedMedian(sorted: usize, count: i32): f64 {
  let total: f64 = 0;
  for (let i = 0; i < count; i++) total += load<f64>(sorted + ((<usize>i) << 4), 8);
  let passed: f64 = 0;
  for (let i = 0; i < count - 1; i++) {
    const at = sorted + ((<usize>i) << 4);
    passed += load<f64>(at, 8);
    if (passed * 2 > total) return load<f64>(at);
    if (passed * 2 === total) return (load<f64>(at) + load<f64>(at, 16)) / 2;
  }
  return load<f64>(sorted + ((<usize>(count - 1)) << 4));
}

function allFinite(row: usize, count: i32): bool {
  for (let i = 0; i < count; i++) {
    const value = load<f64>(row + ((<usize>i) << 3));
    if (value - value !== 0) return false;
  }
  return true;
}
