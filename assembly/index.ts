// What the WASM module exports; the host side is src/kernels/wasm/module.ts.
export { aggregateScores, countWins } from './aggregate';
export { touchedBytes } from './graph';
export { loadedIndex, readIndexFile } from './index-file';
export { kmeansFit } from './kmeans';
export { allocate, release } from './memory';
export { refineData, refineTrain } from './refine';
export { bootstrapMeans, permutationTest } from './resample';
export { statusAt } from './status';
export {
  indexAdd,
  indexCreate,
  indexDestroy,
  indexFacts,
  indexRemove,
  indexSearch,
  indexSize,
  indexVector,
  indexWrite,
} from './vector-index';
export { distances, exactSearch, normaliseRows } from './vectors';
