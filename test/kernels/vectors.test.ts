import { expect, it } from 'vitest';
import { LabelSet, type Matrix } from '../../src/kernels/vectors.js';
import { clusteredRows, compiled, describeEach, normalNumbers, reference } from './implementations.js';

const close = (a: ArrayLike<number>, b: ArrayLike<number>, by = 1e-5) => {
  expect(a.length).toBe(b.length);
  for (let i = 0; i < a.length; i++) expect(Math.abs(a[i]! - b[i]!)).toBeLessThanOrEqual(by);
};

describeEach('vectors', (kernels) => {
  it('scales rows to length 1 and leaves the input alone', () => {
    const rows = { data: Float32Array.of(3, 4, -5, 0), dim: 2 };
    close(kernels.normaliseRows(rows), [0.6, 0.8, -1, 0], 1e-7);
    expect([...rows.data]).toEqual([3, 4, -5, 0]);
  });

  it('measures both distances', () => {
    const rows = { data: Float32Array.of(2, 0, 0, 3, -1, 0), dim: 2 };
    const query = { data: Float32Array.of(1, 0), dim: 2 };
    close(kernels.distances(query, rows, 'cosine'), [0, 1, 2]);
    close(kernels.distances(query, rows, 'l2'), [1, 10, 4]);
  });

  it('takes prepared rows as they are, the same distances of unit rows', () => {
    const rows = { data: Float32Array.of(3, 4, 0, 3, -1, 0), dim: 2 };
    const query = { data: Float32Array.of(2, 0), dim: 2 };
    const unit = { data: kernels.normaliseRows(rows), dim: 2 };
    const prepared = { prepared: true };
    close(kernels.distances(query, unit, 'cosine', prepared), kernels.distances(query, rows, 'cosine'), 1e-7);
    // Rows of another length show that they were not scaled.
    close(kernels.distances(query, rows, 'cosine', prepared), [-2, 1, 2]);
  });

  it('searches exactly, equal distances by row', async () => {
    const rows = { data: Float32Array.of(1, 0, 0, 1, 2, 0, 1, 1), dim: 2 };
    const query = { data: Float32Array.of(1, 0), dim: 2 };
    const found = await kernels.exactSearch(query, rows, { metric: 'cosine', k: 4 });
    expect([...found.labels]).toEqual([0, 2, 3, 1]);
    close(found.distances, [0, 0, 1 - Math.SQRT1_2, 1]);
  });

  it('answers an empty set of queries with nothing', async () => {
    const rows = { data: Float32Array.of(1, 0), dim: 2 };
    const none = { data: new Float32Array(0), dim: 2 };
    expect((await kernels.exactSearch(none, rows, { metric: 'l2', k: 1 })).labels.length).toBe(0);
    expect(kernels.distances(none, rows, 'l2').length).toBe(0);
  });

  it('refuses broken vectors and options', async () => {
    const good = { data: Float32Array.of(1, 0, 0, 1), dim: 2 };
    const code = (name: string) => expect.objectContaining({ name: 'PgenrmError', code: name });
    const bad: [string, Matrix][] = [
      ['INVALID_VECTOR', { data: Float32Array.of(1, Number.NaN), dim: 2 }],
      ['INVALID_VECTOR', { data: Float32Array.of(1, -Infinity), dim: 2 }],
      ['INVALID_VECTOR', { data: Float32Array.of(0, 0), dim: 2 }],
      ['INVALID_VECTOR', { data: Float32Array.of(1, 2, 3), dim: 2 }],
      ['INVALID_VECTOR', { data: Float32Array.of(1, 2, 3), dim: 3 }],
      ['INVALID_VECTOR', { data: [1, 2] as unknown as Float32Array, dim: 2 }],
      ['INVALID_OPTION', { data: Float32Array.of(1), dim: 0 }],
    ];
    for (const [name, matrix] of bad) {
      expect(() => kernels.distances(matrix, good, 'cosine')).toThrow(code(name));
      await expect(kernels.exactSearch(matrix, good, { metric: 'cosine', k: 1 })).rejects.toEqual(code(name));
      if (matrix.dim !== 3) expect(() => kernels.normaliseRows(matrix)).toThrow(code(name));
    }
    const search = (options: object) => kernels.exactSearch(good, good, { metric: 'l2', k: 1, ...options });
    await expect(search({ k: 3 })).rejects.toEqual(code('INVALID_OPTION'));
    await expect(search({ k: 0 })).rejects.toEqual(code('INVALID_OPTION'));
    await expect(search({ metric: 'dot' })).rejects.toEqual(code('INVALID_OPTION'));
    await expect(search({ threads: 0 })).rejects.toEqual(code('INVALID_OPTION'));
  });
});

it.each(compiled.map((kernels) => [kernels.name, kernels] as const))(
  '%s agrees with the reference at every dimension',
  async (_name, kernels) => {
    for (const dim of [1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 100, 127, 129, 256, 300]) {
      const rows = { data: normalNumbers(9 * dim, dim), dim };
      const queries = { data: normalNumbers(5 * dim, dim + 1000), dim };
      close(kernels.normaliseRows(rows), reference.normaliseRows(rows), 1e-6);
      for (const metric of ['cosine', 'l2'] as const) {
        const expected = reference.distances(queries, rows, metric);
        const found = kernels.distances(queries, rows, metric);
        for (let i = 0; i < expected.length; i++) {
          expect(Math.abs(found[i]! - expected[i]!)).toBeLessThan(1e-5 * Math.max(1, expected[i]!));
        }
      }
    }
    const rows = clusteredRows(700, 24, 9, 0.5, 3);
    const queries = clusteredRows(20, 24, 9, 0.5, 3);
    const expected = await reference.exactSearch(queries, rows, { metric: 'cosine', k: 12 });
    const found = await kernels.exactSearch(queries, rows, { metric: 'cosine', k: 12 });
    close(found.distances, expected.distances, 1e-6);
    expect([...found.labels].filter((label, i) => label !== expected.labels[i]).length).toBeLessThan(4);
  },
);

it('LabelSet holds its labels', () => {
  const set = LabelSet.of([3, 3, 0, 17]);
  expect([0, 1, 3, 16, 17, 18, 4e9].filter((label) => set.has(label))).toEqual([0, 3, 17]);
  expect(LabelSet.of([]).bits.length).toBe(0);
  const far = LabelSet.of([4_294_967_290, 4_294_967_294]);
  expect([far.first, far.bits.length]).toEqual([4_294_967_288, 1]);
  expect([0, 2, 6, 4_294_967_290, 4_294_967_293, 4_294_967_294].filter((label) => far.has(label))).toEqual([
    4_294_967_290, 4_294_967_294,
  ]);
});

it('LabelSet.range holds the labels from one up to another', () => {
  for (const [from, to] of [
    [0, 0],
    [5, 5],
    [0, 8],
    [3, 6],
    [7, 9],
    [16, 25],
    [1001, 1040],
  ] as const) {
    const set = LabelSet.range(from, to);
    const around = Array.from({ length: 80 }, (_, i) => Math.max(0, from - 20) + i);
    expect(around.filter((label) => set.has(label))).toEqual(
      Array.from({ length: to - from }, (_, i) => from + i),
    );
    expect(set.bits.length).toBeLessThanOrEqual((to - from) / 8 + 2);
  }
});
