import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { clusteredRows, describeEach } from './implementations.js';

interface Hnsw {
  initIndex(maxElements: number, m?: number, efConstruction?: number, randomSeed?: number): void;
  addPoint(point: number[], label: number): void;
  markDelete(label: number): void;
  setEf(ef: number): void;
  getCurrentCount(): number;
  writeIndexSync(path: string): void;
  readIndexSync(path: string): void;
  searchKnn(query: number[], k: number): { distances: number[]; neighbors: number[] };
}
type Library = { HierarchicalNSW: new (space: 'l2' | 'cosine', dim: number) => Hnsw };

/** hnswlib's own binding, where its addon is built. */
function library(): Library | undefined {
  try {
    return createRequire(import.meta.url)('hnswlib-node') as Library;
  } catch {
    return undefined;
  }
}

const hnswlib = library();
const folder = mkdtempSync(join(tmpdir(), 'pgenrm-hnswlib-'));
afterAll(() => rmSync(folder, { recursive: true }));

const dim = 20;
const rows = clusteredRows(1200, dim, 10, 0.4, 77);
const queries = clusteredRows(20, dim, 10, 0.4, 77);
const row = (data: Float32Array, i: number) => Array.from(data.subarray(i * dim, (i + 1) * dim));

describe.skipIf(!hnswlib)('hnswlib’s own files', () => {
  describeEach('are read and written', (kernels) => {
    it.each(['cosine', 'l2'] as const)('opens what hnswlib wrote under %s', async (metric) => {
      const theirs = new hnswlib!.HierarchicalNSW(metric, dim);
      theirs.initIndex(1500, 12, 100, 3);
      for (let i = 0; i < 1200; i++) theirs.addPoint(row(rows.data, i), 10 * i);
      theirs.markDelete(50);
      theirs.setEf(64);
      const path = join(folder, `theirs-${kernels.name}-${metric}.bin`);
      theirs.writeIndexSync(path);
      using ours = await kernels.openIndex(path, { metric, dim });
      expect([ours.size, ours.removed]).toEqual([1199, 1]);
      const found = await ours.search(queries, { k: 5, effort: 64 });
      let same = 0;
      for (let q = 0; q < 20; q++) {
        const expected = theirs.searchKnn(row(queries.data, q), 5);
        const labels = [...found.labels.subarray(q * 5, q * 5 + 5)];
        same += labels.filter((label) => expected.neighbors.includes(label)).length;
        expect(found.distances[q * 5]).toBeCloseTo(expected.distances[0]!, 4);
      }
      expect(same).toBeGreaterThanOrEqual(97);
    });

    it('writes what hnswlib opens', async () => {
      using ours = await kernels.buildIndex(
        { data: rows.data.slice(0, 300 * dim), dim },
        { metric: 'l2', labels: Uint32Array.from({ length: 300 }, (_, i) => 7 * i) },
      );
      const path = join(folder, `ours-${kernels.name}.bin`);
      await ours.save(path);
      const theirs = new hnswlib!.HierarchicalNSW('l2', dim);
      theirs.readIndexSync(path);
      theirs.setEf(300);
      expect(theirs.getCurrentCount()).toBe(300);
      const found = await ours.search(queries, { k: 3, exact: true });
      for (let q = 0; q < 20; q++) {
        const expected = theirs.searchKnn(row(queries.data, q), 3);
        expect([...found.labels.subarray(q * 3, q * 3 + 3)]).toEqual(
          expected.neighbors.sort(
            (a, b) =>
              expected.distances[expected.neighbors.indexOf(a)]! -
              expected.distances[expected.neighbors.indexOf(b)]!,
          ),
        );
      }
    });
  });
});
