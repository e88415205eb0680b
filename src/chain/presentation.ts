// In which order the candidates are shown to each sample, so that position cancels out.
// Knows indices only; knows nothing of candidates or chains.

import { PgenrmError } from '../errors.js';

/** Candidate indices in the order shown: `order[position]` is the candidate. */
export type PresentationOrder = readonly number[];

/** Samples that share one order, and with it one prompt. */
export interface PresentationGroup {
  readonly order: PresentationOrder;
  /** Indices of the samples, ascending. */
  readonly samples: readonly number[];
}

/**
 * One order per sample. Shape [nSamples][nCandidates].
 *
 * The orders are the rotations of the given order, taken in turn from a start that the seed chooses: over any
 * nCandidates samples in a row each candidate stands once in every position, and two candidates alternate.
 * nCandidates is at least 2, nSamples at least 1, the seed a whole number; `INVALID_OPTION` otherwise.
 */
export function presentationOrders(nCandidates: number, nSamples: number, seed: number): PresentationOrder[] {
  checkWhole('nCandidates', nCandidates, 2);
  checkWhole('nSamples', nSamples, 1);
  checkWhole('seed', seed, Number.MIN_SAFE_INTEGER);
  const start = Math.floor(unitInterval(seed) * nCandidates);
  return Array.from({ length: nSamples }, (_, sample) =>
    Array.from({ length: nCandidates }, (_, position) => (start + sample + position) % nCandidates),
  );
}

/** Samples by their order, groups in the order of their first sample. */
export function groupByOrder(orders: readonly PresentationOrder[]): PresentationGroup[] {
  const groups = new Map<string, { order: PresentationOrder; samples: number[] }>();
  orders.forEach((order, sample) => {
    const key = order.join();
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { order, samples: [sample] });
    else group.samples.push(sample);
  });
  return [...groups.values()];
}

/** The items as one order shows them. */
export function present<T>(order: PresentationOrder, items: readonly T[]): T[] {
  checkLength(order, items);
  return order.map((candidate) => items[candidate]!);
}

/** Values by position (one per response shown) as values by candidate. Inverse of {@link present}. */
export function mapBack<T>(order: PresentationOrder, values: readonly T[]): T[] {
  checkLength(order, values);
  const byCandidate = new Array<T>(order.length);
  order.forEach((candidate, position) => {
    byCandidate[candidate] = values[position]!;
  });
  return byCandidate;
}

/** A seed spread over [0, 1) by an integer hash. */
function unitInterval(seed: number): number {
  let h = (seed | 0) ^ (Math.floor(seed / 2 ** 32) | 0) ^ 0x2545f491;
  h = Math.imul(h ^ (h >>> 16), 0x21f0aaad);
  h = Math.imul(h ^ (h >>> 15), 0x735a2d97);
  return ((h ^ (h >>> 15)) >>> 0) / 2 ** 32;
}

function checkWhole(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new PgenrmError(
    'INVALID_OPTION',
    `${name}: expected a whole number of at least ${least}, got ${value}`,
  );
}

function checkLength(order: PresentationOrder, values: readonly unknown[]): void {
  if (order.length === values.length) return;
  throw new PgenrmError(
    'INVALID_OPTION',
    `expected one value per candidate (${order.length}), got ${values.length}`,
  );
}
