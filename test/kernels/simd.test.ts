import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/package.js';
import { hasNative, implementations } from './implementations.js';

/** Distances of odd dimensions, an index of each storage, k-means and refinement, as one list of numbers. */
const script = `
const { kernels } = require(${JSON.stringify(join(packageRoot(), 'build', 'native', 'pgenrm.node'))});
const numbers = (count, seed) => Float32Array.from({ length: count }, (_, i) => Math.sin(seed + 1.7 * i * i));
(async () => {
  const out = [];
  for (const dim of [1, 5, 16, 31, 64, 77, 130, 257]) {
    for (const metric of [0, 1]) out.push(...kernels.distances(metric, numbers(5 * dim, 1), numbers(7 * dim, 2), dim));
  }
  const rows = numbers(1500 * 37, 3);
  const labels = Uint32Array.from({ length: 1500 }, (_, i) => i);
  for (const metric of [0, 1]) {
    for (const [storage, quantized] of [[0, false], [0, true], [1, false], [2, false]]) {
      const { handle } = await kernels.indexBuild(rows, labels, 37, metric, storage, 16, 200, 1, quantized, 1);
      const found = await kernels.indexSearch(handle, numbers(8 * 37, 4), 5, 40, false, 1, undefined, 0, new Uint32Array(0));
      out.push(...found.distances);
    }
  }
  const fit = await kernels.kmeansFit(rows.subarray(0, 300 * 37), 37, 9, 1, 2, 50, 0, 1);
  out.push(...fit.centres, fit.inertia);
  console.log(JSON.stringify({ simd: kernels.simd, numbers: out }));
})();`;

function run(simd: string): { simd: string; numbers: number[] } {
  const env = { ...process.env, PGENRM_SIMD: simd };
  return JSON.parse(execFileSync(process.execPath, ['-e', script], { env, encoding: 'utf8' }));
}

describe.skipIf(!hasNative)('every set of vector instructions that runs here', () => {
  const best = implementations.find(({ name }) => name === 'native')!.simd;
  const baseline = hasNative ? run('baseline') : { simd: '', numbers: [] };

  it.each(['avx512-vnni', 'avx2', 'neon'])('%s agrees with plain C++', (simd) => {
    const found = run(simd);
    // What does not run here falls back to the best that does.
    expect([simd, best]).toContain(found.simd);
    expect(baseline.simd).toBe('baseline');
    expect(found.numbers.length).toBe(baseline.numbers.length);
    found.numbers.forEach((value, i) => {
      const expected = baseline.numbers[i]!;
      expect(Math.abs(value - expected)).toBeLessThan(2e-5 * Math.max(1, Math.abs(expected)));
    });
  });
});
