import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { batchGradient } from '../../src/kernels/reference/refine.js';
import {
  checkRefinement,
  type RefinementData,
  type RefinementOptions,
  weightLayout,
} from '../../src/kernels/refine.js';
import { describeEach, normalNumbers, reference } from './implementations.js';

const golden = join(import.meta.dirname, '..', '..', '..', 'shared', 'golden', 'prototype-refinement.json');

function unitRows(rows: number, dim: number, seed: number): Float32Array {
  return rows === 0
    ? new Float32Array(0)
    : reference.normaliseRows({ data: normalNumbers(rows * dim, seed), dim });
}

/** Rows with none, one and several history events. */
function madeUp(dim: number, rows: number, prototypes: number): RefinementData {
  const historyStart = new Uint32Array(rows + 1);
  for (let i = 0; i < rows; i++) historyStart[i + 1] = historyStart[i]! + (i % 4);
  const events = historyStart[rows]!;
  return {
    dim,
    prototypes: unitRows(prototypes, dim, 1),
    assignment: Uint32Array.from({ length: rows }, (_, i) => (i * 7) % prototypes),
    query: unitRows(rows, dim, 2),
    chosen: unitRows(rows, dim, 3),
    rejected: unitRows(rows, dim, 4),
    historyStart,
    historyQuery: unitRows(events, dim, 5),
    historyChosen: unitRows(events, dim, 6),
    historyRejected: unitRows(events, dim, 7),
  };
}

const furthest = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);

describeEach('refinePrototypes', (kernels) => {
  it.skipIf(!existsSync(golden))('follows the golden vectors of the method’s authors', async () => {
    const given = JSON.parse(readFileSync(golden, 'utf8'));
    const flat = (rows: number[][]) => Float32Array.from(rows.flat());
    const events = given.history.flat();
    const historyStart = new Uint32Array(given.history.length + 1);
    given.history.forEach((row: unknown[], i: number) => {
      historyStart[i + 1] = historyStart[i]! + row.length;
    });
    const initial = given.initial;
    const weights = Float32Array.from(
      [
        initial['W_hist.weight'],
        initial['W_hist.bias'],
        initial['Wq.weight'],
        initial['Wq.bias'],
        initial['Ws.weight'],
        initial['Ws.bias'],
      ].flat(2),
    );
    const result = await kernels.refinePrototypes(
      {
        dim: given.dim,
        prototypes: flat(initial.prototypes),
        assignment: Uint32Array.from(given.assignment),
        query: flat(given.query),
        chosen: flat(given.chosen),
        rejected: flat(given.rejected),
        historyStart,
        historyQuery: flat(events.map((event: { query: number[] }) => event.query)),
        historyChosen: flat(events.map((event: { chosen: number[] }) => event.chosen)),
        historyRejected: flat(events.map((event: { rejected: number[] }) => event.rejected)),
      },
      { seed: 0, weights, epochs: given.epochs, batchSize: given.batch_size },
    );
    expect(result.losses.length).toBe(given.losses.length);
    expect(furthest(result.losses, given.losses)).toBeLessThan(1e-4);
    expect(furthest(result.prototypes, given.refined_prototypes.flat())).toBeLessThan(1e-4);
    const reassigned = await kernels.exactSearch(
      { data: flat(given.embeddings), dim: given.dim },
      { data: result.prototypes, dim: given.dim },
      { metric: 'cosine', k: 1 },
    );
    expect([...reassigned.labels]).toEqual(given.reassignment);
  });

  it('agrees with the reference where dimensions and batches are uneven', async () => {
    const data = madeUp(13, 41, 3);
    const options: RefinementOptions = {
      seed: 5,
      epochs: 2,
      batchSize: 6,
      queryPull: 0.8,
      queryWeight: 0.7,
      summaryWeight: 1.3,
      weightDecay: 0.05,
    };
    const expected = await reference.refinePrototypes(data, options);
    const result = await kernels.refinePrototypes(data, options);
    expect(furthest(result.losses, expected.losses)).toBeLessThan(1e-5);
    expect(furthest(result.prototypes, expected.prototypes)).toBeLessThan(1e-4);
    expect(furthest(result.weights, expected.weights)).toBeLessThan(1e-3);
  });

  it('lowers the loss, keeps prototypes of length 1 and repeats itself', async () => {
    const data = madeUp(16, 60, 2);
    const run = () =>
      kernels.refinePrototypes(data, { seed: 1, epochs: 30, batchSize: 64, learningRate: 1e-2 });
    const result = await run();
    expect(result.losses.length).toBe(60);
    expect(result.losses.at(-1)!).toBeLessThan(0.5 * result.losses[0]!);
    for (let start = 0; start < result.prototypes.length; start += 16) {
      const row = result.prototypes.subarray(start, start + 16);
      expect(Math.hypot(...row)).toBeCloseTo(1, 5);
    }
    expect(await run()).toEqual(result);
  });

  it('with no epochs gives the prototypes back, and works without any history', async () => {
    const data = madeUp(8, 5, 2);
    const same = await kernels.refinePrototypes(data, { seed: 1, epochs: 0 });
    expect(furthest(same.prototypes, data.prototypes)).toBeLessThan(1e-6);
    expect(same.losses.length).toBe(0);
    const none = new Float32Array(0);
    const bare = {
      ...data,
      historyStart: new Uint32Array(6),
      historyQuery: none,
      historyChosen: none,
      historyRejected: none,
    };
    const result = await kernels.refinePrototypes(bare, { seed: 1 });
    expect(result.losses.every(Number.isFinite)).toBe(true);
  });

  it('refuses what it cannot train on', async () => {
    const data = madeUp(8, 5, 2);
    const refuses = async (code: string, changes: Partial<RefinementData>, options: object = {}) =>
      expect(
        kernels.refinePrototypes({ ...data, ...changes }, { seed: 1, ...options }),
      ).rejects.toMatchObject({
        name: 'PgenrmError',
        code,
      });
    const broken = (rows: Float32Array, value: number) => rows.map((old, i) => (i === 3 ? value : old));
    await refuses('INVALID_VECTOR', { query: broken(data.query, Number.NaN) });
    await refuses('INVALID_VECTOR', { historyChosen: broken(data.historyChosen, Infinity) });
    await refuses('INVALID_VECTOR', { prototypes: new Float32Array(16) });
    await refuses('INVALID_VECTOR', { chosen: data.chosen.subarray(1) });
    await refuses('INVALID_OPTION', { assignment: Uint32Array.of(0, 1, 2, 0, 0) });
    await refuses('INVALID_OPTION', { historyStart: Uint32Array.of(0, 3, 1, 3, 6, 6) });
    await refuses('INVALID_OPTION', { assignment: new Uint32Array(0), historyStart: new Uint32Array(1) });
    await refuses('INVALID_OPTION', {}, { batchSize: 0 });
    await refuses('INVALID_OPTION', {}, { learningRate: Number.NaN });
    await refuses('INVALID_VECTOR', {}, { weights: new Float32Array(3) });
  });
});

describe('the gradient', () => {
  it('agrees with finite differences at every kind of number', () => {
    const dim = 5;
    const data = madeUp(dim, 7, 2);
    const checked = checkRefinement(data, { seed: 3, queryPull: 0.7, queryWeight: 1.1, summaryWeight: 0.9 });
    const weightsAt = data.prototypes.length;
    const numbers = Float64Array.from([...data.prototypes, ...checked.weights]);
    const batch = [1, 3, 2];
    const { gradient } = batchGradient({ dim, numbers, weightsAt }, data, checked, 1, batch);
    const layout = weightLayout(dim);
    const places = [
      dim,
      dim + 2,
      ...Object.values(layout)
        .slice(0, 6)
        .map((at) => weightsAt + at + 3),
    ];
    for (let at = 0; at < numbers.length; at += 7) places.push(at);
    const step = 1e-5;
    for (const at of places) {
      const moved = (by: number) => {
        const changed = numbers.slice();
        changed[at]! += by;
        return batchGradient({ dim, numbers: changed, weightsAt }, data, checked, 1, batch).loss;
      };
      expect(gradient[at]).toBeCloseTo((moved(step) - moved(-step)) / (2 * step), 8);
    }
  });
});
