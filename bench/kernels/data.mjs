// Made-up unit vectors in clusters, near a space of fewer dimensions, as embeddings of texts lie.
// One seed always gives the same vectors.
import { Xoshiro128 } from '../../dist/kernels/random.js';

/** Dimensions in which the vectors of a cluster mostly differ. */
const INNER = 48;

/** Standard normal numbers. */
export function normalNumbers(count, random) {
  const numbers = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - random.uniform()));
    const angle = 2 * Math.PI * random.uniform();
    numbers[i] = radius * Math.cos(angle);
    if (i + 1 < count) numbers[i + 1] = radius * Math.sin(angle);
  }
  return numbers;
}

/**
 * A maker of vectors around `clusters` centres: centre + inner noise along INNER random directions + a little
 * noise everywhere, scaled to length 1. Vectors of two calls come from the same clusters.
 */
export function clusteredSource(dim, clusters, seed) {
  const random = new Xoshiro128(seed, 1);
  const centres = normalNumbers(clusters * dim, random);
  const directions = normalNumbers(INNER * dim, random);
  const spread = 1.5 / Math.sqrt(INNER);
  return (rows, stream) => {
    const draw = new Xoshiro128(seed, 1000 + stream);
    const data = new Float32Array(rows * dim);
    for (let row = 0; row < rows; row++) {
      const centre = draw.below(clusters) * dim;
      const inner = normalNumbers(INNER, draw);
      const vector = data.subarray(row * dim, (row + 1) * dim);
      for (let i = 0; i < dim; i++) vector[i] = centres[centre + i];
      for (let j = 0; j < INNER; j++) {
        const weight = spread * inner[j];
        const direction = j * dim;
        for (let i = 0; i < dim; i++) vector[i] += weight * directions[direction + i];
      }
      const noise = normalNumbers(dim, draw);
      let squares = 0;
      for (let i = 0; i < dim; i++) {
        vector[i] += 0.2 * noise[i];
        squares += vector[i] * vector[i];
      }
      const length = Math.sqrt(squares);
      for (let i = 0; i < dim; i++) vector[i] /= length;
    }
    return { data, dim };
  };
}
