import { expect, it } from 'vitest';
import type { KMeansOptions } from '../../src/kernels/kmeans.js';
import type { Matrix } from '../../src/kernels/vectors.js';
import {
  clusteredRows,
  compiled,
  describeEach,
  hasNative,
  implementations,
  reference,
} from './implementations.js';

const blobs = clusteredRows(300, 7, 6, 0.05, 11);

describeEach('kmeansFit', (kernels) => {
  it('finds clusters that lie apart', async () => {
    const fit = await kernels.kmeansFit(blobs, { k: 6, seed: 1 });
    expect(new Set(fit.assignment).size).toBe(6);
    expect(fit.inertia / 300).toBeLessThan(7 * 0.05 ** 2 * 1.2);
    expect(fit.totalIterations).toBeGreaterThanOrEqual(fit.iterations);
  });

  it('assigns each row to its nearest centre, and centres are the means of their rows', async () => {
    const rows = clusteredRows(200, 5, 4, 0.8, 21);
    const fit = await kernels.kmeansFit(rows, { k: 7, seed: 2, tolerance: 0 });
    const nearest = await kernels.exactSearch(rows, { data: fit.centres, dim: 5 }, { metric: 'l2', k: 1 });
    expect(fit.assignment).toEqual(nearest.labels);
    const inertia = nearest.distances.reduce((sum, value) => sum + value, 0);
    expect(fit.inertia).toBeCloseTo(inertia, 3);
    for (let c = 0; c < 7; c++) {
      const members = [...fit.assignment.keys()].filter((row) => fit.assignment[row] === c);
      expect(members.length).toBeGreaterThan(0);
      for (let j = 0; j < 5; j++) {
        const mean = members.reduce((sum, row) => sum + rows.data[row * 5 + j]!, 0) / members.length;
        expect(fit.centres[c * 5 + j]).toBeCloseTo(mean, 4);
      }
    }
  });

  it('repeats itself for a seed; more restarts are never worse', async () => {
    const rows = clusteredRows(150, 4, 3, 1, 31);
    const clustered = (options: Partial<KMeansOptions>) =>
      kernels.kmeansFit(rows, { k: 9, seed: 4, ...options });
    expect(await clustered({})).toEqual(await clustered({}));
    const once = await clustered({ restarts: 1 });
    const often = await clustered({ restarts: 8 });
    expect(often.inertia).toBeLessThanOrEqual(once.inertia);
  });

  it('works at the ends: one centre, as many centres as rows, one row, equal rows', async () => {
    const rows: Matrix = { data: Float32Array.of(0, 0, 2, 0, 4, 6), dim: 2 };
    const one = await kernels.kmeansFit(rows, { k: 1, seed: 1 });
    expect([...one.centres]).toEqual([2, 2]);
    const all = await kernels.kmeansFit(rows, { k: 3, seed: 1 });
    expect(all.inertia).toBeCloseTo(0, 6);
    expect(new Set(all.assignment).size).toBe(3);
    const single = await kernels.kmeansFit({ data: Float32Array.of(3, 4), dim: 2 }, { k: 1, seed: 1 });
    expect([...single.centres]).toEqual([3, 4]);
    const equal = await kernels.kmeansFit({ data: new Float32Array(20).fill(1), dim: 2 }, { k: 4, seed: 1 });
    expect(equal.inertia).toBe(0);
    expect(equal.centres.every((value) => value === 1)).toBe(true);
  });

  it('refuses what cannot be clustered', async () => {
    const refuses = async (code: string, rows: Matrix, options: object) =>
      expect(kernels.kmeansFit(rows, { k: 1, seed: 1, ...options })).rejects.toMatchObject({ code });
    await refuses('INVALID_OPTION', blobs, { k: 301 });
    await refuses('INVALID_OPTION', blobs, { k: 0 });
    await refuses('INVALID_OPTION', blobs, { k: 2.5 });
    await refuses('INVALID_OPTION', blobs, { restarts: 0 });
    await refuses('INVALID_OPTION', { data: new Float32Array(0), dim: 3 }, {});
    await refuses('INVALID_VECTOR', { data: Float32Array.of(1, 2, 3), dim: 2 }, {});
    await refuses('INVALID_VECTOR', { data: Float32Array.of(1, Number.NaN), dim: 2 }, {});
    await refuses('INVALID_VECTOR', { data: Float32Array.of(1, 2, Infinity, 4), dim: 2 }, {});
  });
});

it.each(compiled.map((kernels) => [kernels.name, kernels] as const))(
  '%s clusters as the reference does',
  async (_name, kernels) => {
    for (const [rows, options] of [
      [blobs, { k: 6, seed: 3 }],
      [clusteredRows(120, 33, 5, 0.7, 41), { k: 10, seed: 8, restarts: 3 }],
      [clusteredRows(90, 3, 4, 0.4, 51), { k: 20, seed: 9, restarts: 2, maxIterations: 3 }],
    ] as const) {
      const expected = await reference.kmeansFit(rows, options);
      const fit = await kernels.kmeansFit(rows, options);
      expect(fit.assignment).toEqual(expected.assignment);
      expect(fit.inertia / expected.inertia).toBeCloseTo(1, 4);
      expected.centres.forEach((value, i) => {
        expect(fit.centres[i]).toBeCloseTo(value, 5);
      });
    }
  },
);

it.skipIf(!hasNative)('native clusters alike on any number of threads', async () => {
  const kernels = implementations.find(({ name }) => name === 'native')!;
  const rows = clusteredRows(4000, 32, 12, 0.9, 61);
  const clustered = (threads: number) => kernels.kmeansFit(rows, { k: 24, seed: 5, restarts: 2, threads });
  expect(await clustered(3)).toEqual(await clustered(1));
});
