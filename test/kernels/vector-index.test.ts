import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Kernels } from '../../src/kernels/kernels.js';
import { referenceKernels } from '../../src/kernels/reference/kernels.js';
import type { IndexOptions, Storage } from '../../src/kernels/vector-index.js';
import { LabelSet, type Matrix, type Metric, type Neighbours, NO_LABEL } from '../../src/kernels/vectors.js';
import { clusteredRows, compiled, describeEach, implementations } from './implementations.js';

const folder = mkdtempSync(join(tmpdir(), 'pgenrm-index-'));
afterAll(() => rmSync(folder, { recursive: true }));

const dim = 24;
const rows = clusteredRows(1500, dim, 20, 0.35, 5);
const queries = clusteredRows(40, dim, 20, 0.35, 5);
const STORAGES: readonly Storage[] = ['f32', 'f16', 'int8'];
const METRICS: readonly Metric[] = ['cosine', 'l2'];
/** Small enough that a walk is less work than a scan of 1500 vectors. */
const walked = { k: 10, effort: 48 };

const part = (matrix: Matrix, from: number, to: number): Matrix => ({
  data: matrix.data.slice(from * matrix.dim, to * matrix.dim),
  dim: matrix.dim,
});
const built = (kernels: Kernels, options: Partial<IndexOptions> = {}) =>
  kernels.buildIndex(rows, { metric: 'cosine', threads: 2, ...options });
const labelsOf = (found: Neighbours, query: number) =>
  [...found.labels.subarray(query * found.k, (query + 1) * found.k)].filter((label) => label !== NO_LABEL);

/** Share of the true neighbours that were found. */
function recall(found: Neighbours, truth: Neighbours): number {
  let hits = 0;
  const count = truth.labels.length / truth.k;
  for (let q = 0; q < count; q++) {
    const true_ = new Set(labelsOf(truth, q));
    hits += labelsOf(found, q).filter((label) => true_.has(label)).length;
  }
  return hits / truth.labels.length;
}

describeEach('VectorIndex', (kernels) => {
  it.each(METRICS)('finds the true neighbours under %s, in every storage', async (metric) => {
    const truth = await kernels.exactSearch(queries, rows, { metric, k: 10 });
    for (const [storage, floor] of [
      ['f32', 0.98],
      ['f16', 0.97],
      ['int8', 0.85],
    ] as const) {
      using index = await built(kernels, { metric, storage });
      expect([index.dim, index.metric, index.storage, index.size]).toEqual([dim, metric, storage, 1500]);
      expect(index.memoryBytes).toBeGreaterThan(1500 * dim);
      expect(recall(await index.search(queries, walked), truth)).toBeGreaterThanOrEqual(floor);
    }
    using plain = await built(kernels, { metric, quantized: false });
    expect(recall(await plain.search(queries, walked), truth)).toBeGreaterThanOrEqual(0.98);
    using index = await built(kernels, { metric });
    const exact = await index.search(queries, { k: 10, exact: true });
    expect(recall(exact, truth)).toBe(1);
    truth.distances.forEach((value, i) => {
      expect(exact.distances[i]).toBeCloseTo(value, 4);
    });
  });

  it('adds, removes and lets labels come back', async () => {
    using index = await kernels.buildIndex(part(rows, 0, 1000), { metric: 'cosine' });
    await index.add(
      part(rows, 1000, 1500),
      Uint32Array.from({ length: 500 }, (_, i) => 5000 + i),
    );
    expect(index.size).toBe(1500);
    const own = part(rows, 1200, 1201);
    const first = async () => labelsOf(await index.search(own, walked), 0)[0];
    expect(await first()).toBe(5200);
    await index.remove(Uint32Array.of(5200, 3, 3));
    expect([index.size, index.removed]).toEqual([1498, 2]);
    expect(await first()).not.toBe(5200);
    expect([await index.has(5200), await index.has(5201)]).toEqual([false, true]);
    expect(await index.vector(5200)).toBeUndefined();
    await index.add(own, Uint32Array.of(5200));
    expect(await first()).toBe(5200);
    expect(index.size).toBe(1499);
    const vector = await index.vector(5200);
    const unit = kernels.normaliseRows(own);
    vector!.forEach((value, i) => {
      expect(value).toBeCloseTo(unit[i]!, 6);
    });
  });

  it('answers with allowed labels only, and never with excluded ones', async () => {
    using index = await built(kernels);
    for (const every of [2, 5, 300]) {
      const labels = Array.from({ length: 1500 }, (_, i) => i).filter((label) => label % every === 1);
      const allow = LabelSet.of(labels);
      const exclude = Uint32Array.of(every * 2 + 1, 1);
      const options = { ...walked, allow, exclude };
      const found = await index.search(queries, options);
      const truth = await index.search(queries, { ...options, exact: true });
      const expected = Math.min(10, labels.length - 2);
      for (let q = 0; q < 40; q++) {
        const answered = labelsOf(found, q);
        expect(answered.length).toBe(expected);
        expect(answered.every((label) => label % every === 1 && !exclude.includes(label))).toBe(true);
      }
      expect(recall(found, truth)).toBeGreaterThan(0.95 * (expected / 10));
    }
    const none = await index.search(queries, { ...walked, allow: LabelSet.of([]) });
    expect(none.labels.every((label) => label === NO_LABEL)).toBe(true);
    expect(none.distances.every((value) => value === Infinity)).toBe(true);
  });

  it('finds the nearest of one cluster without one member, walking or scanning, at any label', async () => {
    const clusters = 3;
    const many = clusteredRows(6000, 16, clusters, 0.35, 8);
    const asked = part(clusteredRows(6000, 16, clusters, 0.35, 8), 100, 130);
    const { labels: cluster } = await kernels.exactSearch(many, part(many, 0, clusters), {
      metric: 'cosine',
      k: 1,
    });
    const order = Array.from(cluster.keys()).sort((a, b) => cluster[a]! - cluster[b]! || a - b);
    const members = {
      data: Float32Array.from({ length: 6000 * 16 }, (_, i) => many.data[order[i >> 4]! * 16 + (i & 15)]!),
      dim: 16,
    };
    const size = cluster.filter((each) => each === 0).length;
    expect(size).toBeGreaterThan(1024);
    for (const offset of [0, 999_997]) {
      using index = await kernels.buildIndex(members, {
        metric: 'cosine',
        links: 8,
        buildEffort: 40,
        labels: Uint32Array.from({ length: 6000 }, (_, i) => offset + i),
      });
      const allow = LabelSet.range(offset, offset + size);
      const exclude = Uint32Array.of(offset + order.indexOf(100));
      for (const effort of [36, 60, 400]) {
        const options = { k: 8, effort, allow, exclude };
        const found = await index.search(asked, options);
        const truth = await index.search(asked, { ...options, exact: true });
        expect(recall(found, truth)).toBeGreaterThanOrEqual(0.98);
        for (const label of found.labels) {
          expect(label >= offset && label < offset + size && label !== exclude[0]).toBe(true);
        }
      }
    }
  });

  it('excludes one label out of a walk over all', async () => {
    using index = await built(kernels);
    const own = part(rows, 7, 8);
    expect(labelsOf(await index.search(own, walked), 0)[0]).toBe(7);
    const others = labelsOf(await index.search(own, { ...walked, exclude: Uint32Array.of(7) }), 0);
    expect(others).not.toContain(7);
    expect(others.length).toBe(10);
  });

  it('finds all that is left, however many were removed or asked for', async () => {
    using index = await built(kernels);
    await index.remove(Uint32Array.from({ length: 1496 }, (_, i) => i));
    const found = await index.search(part(queries, 0, 2), { k: 20 });
    for (const q of [0, 1]) expect(labelsOf(found, q).sort()).toEqual([1496, 1497, 1498, 1499]);
  });

  it('begins empty, and with one vector, and with equal vectors', async () => {
    const none = { data: new Float32Array(0), dim: 2 };
    using index = await kernels.buildIndex(none, { metric: 'l2' });
    const query = { data: Float32Array.of(1, 1), dim: 2 };
    expect([...(await index.search(query, { k: 2 })).labels]).toEqual([NO_LABEL, NO_LABEL]);
    expect((await index.search(none, { k: 2 })).labels.length).toBe(0);
    await index.add(query, Uint32Array.of(9));
    expect([...(await index.search(query, { k: 2 })).labels]).toEqual([9, NO_LABEL]);
    const equal = { data: new Float32Array(400).fill(1), dim: 2 };
    await index.add(
      equal,
      Uint32Array.from({ length: 200 }, (_, i) => 100 + i),
    );
    expect(labelsOf(await index.search(query, { k: 3, effort: 3 }), 0).length).toBe(3);
    using zero = await kernels.buildIndex(
      { data: new Float32Array(2), dim: 2 },
      { metric: 'l2', storage: 'int8' },
    );
    expect([...(await zero.search(query, { k: 1 })).distances]).toEqual([2]);
  });

  it('gives the same index for the same seed on one thread', async () => {
    const bytes = async (seed: number) => {
      using index = await built(kernels, { seed, threads: 1 });
      return index.toBytes();
    };
    expect(Buffer.from(await bytes(1)).equals(await bytes(1))).toBe(true);
  });

  it('refuses what does not belong', async () => {
    using index = await kernels.buildIndex(part(rows, 0, 50), { metric: 'cosine' });
    const one = part(rows, 60, 61);
    const refuses = async (code: string, work: Promise<unknown>) =>
      expect(work).rejects.toMatchObject({ name: 'PgenrmError', code });
    await refuses('DUPLICATE_ID', index.add(one, Uint32Array.of(3)));
    await refuses('DUPLICATE_ID', index.add(part(rows, 60, 62), Uint32Array.of(90, 90)));
    await refuses(
      'DUPLICATE_ID',
      kernels.buildIndex(part(rows, 0, 2), { metric: 'l2', labels: Uint32Array.of(1, 1) }),
    );
    await refuses('INVALID_OPTION', index.add(one, Uint32Array.of(1, 2)));
    await refuses('INVALID_OPTION', index.add(one, Uint32Array.of(NO_LABEL)));
    await refuses('INVALID_VECTOR', index.add({ data: new Float32Array(4), dim: 4 }, Uint32Array.of(90)));
    await refuses('INVALID_VECTOR', index.add({ data: new Float32Array(dim), dim }, Uint32Array.of(90)));
    const broken = { data: one.data.map((value, i) => (i === 5 ? Number.NaN : value)), dim };
    await refuses('INVALID_VECTOR', index.add(broken, Uint32Array.of(90)));
    await refuses('INVALID_VECTOR', index.search(broken, { k: 1 }));
    await refuses('INVALID_VECTOR', index.search({ data: Float32Array.of(1), dim: 1 }, { k: 1 }));
    await refuses('INVALID_VECTOR', index.search({ data: new Float32Array(dim), dim }, { k: 1 }));
    await refuses('INVALID_OPTION', index.search(one, { k: 0 }));
    await refuses('INVALID_OPTION', index.search(one, { k: 1, effort: 0 }));
    await refuses('INVALID_OPTION', index.remove(Uint32Array.of(3, 77)));
    const big = { data: Float32Array.of(1, 7e4), dim: 2 };
    await refuses('INVALID_VECTOR', kernels.buildIndex(big, { metric: 'l2', storage: 'f16' }));
    await refuses('INVALID_OPTION', built(kernels, { metric: 'dot' as Metric }));
    await refuses('INVALID_OPTION', built(kernels, { storage: 'f8' as Storage }));
    await refuses('INVALID_OPTION', built(kernels, { links: 1 }));
    await refuses('INVALID_OPTION', built(kernels, { buildEffort: 0 }));
    expect([index.size, index.removed]).toEqual([50, 0]);
    expect(await index.has(3)).toBe(true);
  });

  it('can be disposed twice, and is of no use then', async () => {
    const index = await kernels.buildIndex(part(rows, 0, 20), { metric: 'cosine' });
    const running = index.search(queries, { k: 1 });
    index.dispose();
    index.dispose();
    expect((await running).labels.length).toBe(40);
    await expect(index.search(queries, { k: 1 })).rejects.toMatchObject({ code: 'DISPOSED' });
    await expect(index.add(rows, new Uint32Array(1500))).rejects.toMatchObject({ code: 'DISPOSED' });
    await expect(index.toBytes()).rejects.toMatchObject({ code: 'DISPOSED' });
    expect(index.memoryBytes).toBe(0);
  });

  it('writes files and opens them, by path and by bytes', async () => {
    using index = await built(kernels);
    await index.remove(Uint32Array.of(4));
    const path = join(folder, `${kernels.name}-ü.bin`);
    await index.save(path);
    using opened = await kernels.openIndex(path, { metric: 'cosine', dim });
    expect([opened.size, opened.removed, opened.dim, opened.storage]).toEqual([1499, 1, dim, 'f32']);
    const expected = await index.search(queries, walked);
    expect(await opened.search(queries, walked)).toEqual(expected);
    await opened.add(part(rows, 4, 5), Uint32Array.of(4));
    expect(labelsOf(await opened.search(part(rows, 4, 5), walked), 0)[0]).toBe(4);
    using again = await kernels.indexFromBytes(await opened.toBytes(), { metric: 'cosine' });
    expect([again.size, again.removed]).toEqual([1500, 1]);
  });

  it('refuses files that are not there, not whole, or of another kind', async () => {
    using index = await kernels.buildIndex(part(rows, 0, 30), { metric: 'cosine' });
    const bytes = await index.toBytes();
    const refuses = async (code: string, work: Promise<unknown>) =>
      expect(work).rejects.toMatchObject({ name: 'PgenrmError', code });
    await refuses('INPUT_NOT_FOUND', kernels.openIndex(join(folder, 'nowhere'), { metric: 'cosine' }));
    await refuses('INPUT_NOT_FOUND', kernels.openIndex(folder, { metric: 'cosine' }));
    await refuses('OUTPUT_FAILED', index.save(join(folder, 'no', 'such', 'folder')));
    await refuses('INVALID_VECTOR', kernels.indexFromBytes(bytes, { metric: 'cosine', dim: 7 }));
    await refuses('INVALID_OPTION', kernels.indexFromBytes(bytes, { metric: 'dot' as Metric }));
    await refuses('BANK_DAMAGED', kernels.indexFromBytes(new Uint8Array(0), { metric: 'cosine' }));
    await refuses('BANK_DAMAGED', kernels.indexFromBytes(new Uint8Array(500), { metric: 'cosine' }));
    const path = join(folder, 'cut.bin');
    for (const length of [1, 95, 96, 500, bytes.length - 1]) {
      writeFileSync(path, bytes.subarray(0, length));
      await refuses('BANK_DAMAGED', kernels.openIndex(path, { metric: 'cosine' }));
    }
    await refuses(
      'BANK_DAMAGED',
      kernels.indexFromBytes(Buffer.concat([bytes, Buffer.of(0)]), { metric: 'cosine' }),
    );
    using plain = await kernels.buildIndex(part(rows, 0, 30), { metric: 'l2' });
    await refuses('BANK_DAMAGED', kernels.indexFromBytes(await plain.toBytes(), { metric: 'cosine' }));
    using small = await kernels.buildIndex(part(rows, 0, 30), { metric: 'l2', storage: 'int8' });
    await refuses('BANK_DAMAGED', kernels.indexFromBytes(await small.toBytes(), { metric: 'cosine' }));
  });

  it('meets every flipped byte with an error or a sound index', async () => {
    for (const storage of STORAGES) {
      using index = await kernels.buildIndex(part(rows, 0, 12), { metric: 'cosine', links: 3, storage });
      const bytes = await index.toBytes();
      let refused = 0;
      for (let at = 0; at < bytes.length; at++) {
        for (const mask of at % 5 === 0 ? [0xff, 0x01, 0x80] : [0xff]) {
          const flipped = bytes.slice();
          flipped[at]! ^= mask;
          try {
            using opened = await kernels.indexFromBytes(flipped, { metric: 'cosine', dim });
            const found = await opened.search(part(queries, 0, 2), { k: 3, effort: 4 });
            expect([...found.distances].filter(Number.isFinite).length).toBeGreaterThanOrEqual(
              opened.size < 3 ? 0 : 6,
            );
          } catch (error) {
            expect(error).toMatchObject({ name: 'PgenrmError' });
            refused++;
          }
        }
      }
      expect(refused).toBeGreaterThan(96);
    }
  });
});

describe.skipIf(compiled.length < 2)('native and WASM', () => {
  const [native, wasm] = compiled as [Kernels, Kernels];

  it.each(STORAGES.flatMap((storage) => METRICS.map((metric) => [storage, metric] as const)))(
    'read each other’s %s %s indices and find the same',
    async (storage, metric) => {
      for (const [from, to] of [
        [native, wasm],
        [wasm, native],
      ] as const) {
        using index = await built(from, { metric, storage });
        await index.remove(Uint32Array.from({ length: 100 }, (_, i) => 3 * i));
        const bytes = await index.toBytes();
        using other = await to.indexFromBytes(bytes, { metric });
        expect(Buffer.from(await other.toBytes()).equals(bytes)).toBe(true);
        const allow = LabelSet.of(Array.from({ length: 750 }, (_, i) => 2 * i));
        const scannedByCodes = { k: 10, effort: 100 };
        for (const options of [walked, { ...walked, allow }, scannedByCodes, { ...walked, exact: true }]) {
          const a = await index.search(queries, options);
          const b = await other.search(queries, options);
          agree(a, b);
        }
      }
    },
  );

  it('build the same graph from the same seed', async () => {
    using a = await built(native, { threads: 1 });
    using b = await built(wasm);
    const truth = await native.exactSearch(queries, rows, { metric: 'cosine', k: 10 });
    const [ra, rb] = [
      recall(await a.search(queries, walked), truth),
      recall(await b.search(queries, walked), truth),
    ];
    expect(Math.abs(ra - rb)).toBeLessThan(0.01);
  });

  it('find the same with a user left out, few allowed and many removed', async () => {
    using a = await built(native);
    await a.remove(Uint32Array.from({ length: 600 }, (_, i) => 2 * i));
    using b = await wasm.indexFromBytes(await a.toBytes(), { metric: 'cosine' });
    for (const share of [1, 3, 40]) {
      const allow = LabelSet.of(Array.from({ length: Math.floor(1500 / share) }, (_, i) => i * share));
      for (const effort of [10, 48, 300]) {
        const options = { k: 10, effort, allow, exclude: Uint32Array.of(121, 961) };
        agree(await a.search(queries, options), await b.search(queries, options));
      }
    }
  });

  it.each(STORAGES.flatMap((storage) => METRICS.map((metric) => [storage, metric] as const)))(
    'find the same %s %s vectors as the reference where all are scanned',
    async (storage, metric) => {
      using index = await built(native, { storage, metric });
      const bytes = await index.toBytes();
      const found = await index.search(queries, { k: 10, exact: true });
      for (const kernels of implementations) {
        using opened = await kernels.indexFromBytes(bytes, { metric });
        agree(await opened.search(queries, { k: 10, exact: true }), found);
      }
    },
  );
});

/** Distances count as equal within this share of their size, or of 1 where they are smaller. */
const TIE = 1e-6;

/** The same neighbours in the same order, but for those whose distances tie. */
function agree(a: Neighbours, b: Neighbours): void {
  expect(b.labels.length).toBe(a.labels.length);
  for (let q = 0; q * a.k < a.labels.length; q++) {
    const [mine, theirs] = [placesOf(a, q), placesOf(b, q)];
    expect(theirs.size).toBe(mine.size);
    const distances = [...mine.values()];
    const tied = (x: number, y: number) => Math.abs(x - y) <= TIE * Math.max(1, x, y);
    for (const [place, distance] of [...theirs.values()].entries()) {
      expect(tied(distances[place]!, distance)).toBe(true);
    }
    const last = distances.at(-1);
    for (const [label, distance] of mine) {
      const other = theirs.get(label);
      // Only the last place may have gone to another label, as near.
      expect(tied(distance, other ?? last!)).toBe(true);
    }
  }
}

/** Distances by label, nearest first. */
function placesOf(found: Neighbours, query: number): Map<number, number> {
  return new Map(labelsOf(found, query).map((label, i) => [label, found.distances[query * found.k + i]!]));
}

it('kernels that were given no files refuse every path and work on bytes', async () => {
  const bare = referenceKernels();
  using index = await bare.buildIndex({ data: Float32Array.of(1, 0, 0, 1), dim: 2 }, { metric: 'l2' });
  const noFiles = { code: 'INVALID_OPTION', message: expect.stringContaining('no access to files') };
  await expect(index.save(join(folder, 'bare.bin'))).rejects.toMatchObject(noFiles);
  await expect(bare.openIndex(join(folder, 'bare.bin'), { metric: 'l2' })).rejects.toMatchObject(noFiles);
  using again = await bare.indexFromBytes(await index.toBytes(), { metric: 'l2' });
  expect(again.size).toBe(2);
});
