// Medians, intervals, ratios and random orders of all benchmarks: the ones of `pgenrm bench scaling`.
export {
  deviation,
  drift,
  mean,
  median,
  pairedRatio,
  quantile,
  ratioText,
  seededRandom,
  shuffled,
  student95,
  summary,
} from '../../dist/cost/statistics.js';
