// Medians, intervals, ratios and random orders of all benchmarks: the ones of `pgenrm bench scaling`.

export { summary } from '../../dist/statistics/estimate.js';
export { seededRandom, shuffled } from '../../dist/statistics/random-order.js';
export { pairedRatio, ratioText } from '../../dist/statistics/ratio.js';
export { deviation, drift, mean, median, quantile } from '../../dist/statistics/summary.js';
