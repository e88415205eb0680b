// What the WASM module exports; the host side is src/kernels/wasm/module.ts.
export { aggregateScores, countWins } from './aggregate';

export { loadedIndex, readIndexFile } from './index-file';
export { kmeansFit } from './kmeans';
export { allocate, release } from './memory';
export { touchedBytes } from './neighbours';
export { refineTrain } from './refine';
export { refineData } from './refine-batch';
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
