// The three implementations that one suite runs over, and made-up vectors for it.
import { describe } from 'vitest';
import type { Kernels, KernelsName } from '../../src/kernels/kernels.js';
import { Xoshiro128 } from '../../src/kernels/random.js';
import type { Matrix } from '../../src/kernels/vectors.js';
import { chooseKernels } from '../../src/native/choose-kernels.js';

const NAMES: readonly KernelsName[] = ['reference', 'native', 'wasm'];

const found = await Promise.all(
  NAMES.map(async (name) => {
    try {
      return { name, kernels: (await chooseKernels({ force: name })).kernels };
    } catch (error) {
      // A gate that asks for the native part shall not pass without it.
      if (name !== 'native' || process.env.PGENRM_REQUIRE_NATIVE === '1') throw error;
      return { name, kernels: undefined };
    }
  }),
);

/** The implementations that work here, the reference first. */
export const implementations: readonly Kernels[] = found.flatMap(({ kernels }) => kernels ?? []);

export const reference = implementations[0]!;
/** The two compiled ones, where both are there. */
export const compiled = implementations.slice(1);
export const hasNative = implementations.some(({ name }) => name === 'native');

/** Runs a suite over every implementation; one that is absent is shown as skipped. */
export function describeEach(title: string, suite: (kernels: Kernels) => void): void {
  for (const { name, kernels } of found) {
    if (kernels) describe(`${title} (${name})`, () => suite(kernels));
    else describe.skip(`${title} (${name}: the addon is not built)`, () => suite(reference));
  }
}

/** Standard normal numbers. */
export function normalNumbers(count: number, seed: number): Float32Array {
  const random = new Xoshiro128(seed, 0);
  return Float32Array.from({ length: count }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random.uniform()));
    return radius * Math.cos(2 * Math.PI * random.uniform());
  });
}

/** Rows around `clusters` centres, of spread `spread`. */
export function clusteredRows(
  rows: number,
  dim: number,
  clusters: number,
  spread: number,
  seed: number,
): Matrix {
  const centres = normalNumbers(clusters * dim, seed);
  const noise = normalNumbers(rows * dim, seed + 1);
  const random = new Xoshiro128(seed, 2);
  const data = new Float32Array(rows * dim);
  for (let row = 0; row < rows; row++) {
    const centre = random.below(clusters) * dim;
    for (let i = 0; i < dim; i++) data[row * dim + i] = centres[centre + i]! + spread * noise[row * dim + i]!;
  }
  return { data, dim };
}
