// The shapes that vectors take at the kernels' boundary: flat rows, neighbours, sets of labels.
// Knows nothing of how anything is computed.

/** Rows of one dimension, row after row. Shape [rows, dim]; `data.length` is a multiple of `dim`. */
export interface Matrix {
  readonly data: Float32Array;
  readonly dim: number;
}

/**
 * How far two vectors are apart. `cosine` is `1 - a . b` of the unit-normalised vectors (0 to 2, smaller is
 * nearer); `l2` is the squared Euclidean distance.
 */
export type Metric = 'cosine' | 'l2';

/** Label of a place that no neighbour fills. */
export const NO_LABEL = 0xffffffff;

/** The k nearest of each query, nearest first; equal distances in order of label. */
export interface Neighbours {
  /** Places a query. */
  readonly k: number;
  /** Labels, {@link NO_LABEL} where fewer than k were found. Shape [queries, k]. */
  readonly labels: Uint32Array;
  /** Distances, Infinity where no neighbour is. Shape [queries, k]. */
  readonly distances: Float32Array;
}

/** A set of labels as one bit each, for searches that only some labels may answer. */
export class LabelSet {
  /** Bit `label % 8` of byte `label / 8`. */
  readonly bits: Uint8Array;

  private constructor(bits: Uint8Array) {
    this.bits = bits;
  }

  /** The set of the given labels, unsigned 32-bit integers in any order; repeats count once. */
  static of(labels: Iterable<number>): LabelSet {
    const list = Uint32Array.from(labels);
    let most = -1;
    for (const label of list) most = Math.max(most, label);
    const bits = new Uint8Array(Math.floor(most / 8) + 1);
    for (const label of list) bits[label >>> 3]! |= 1 << (label & 7);
    return new LabelSet(bits);
  }

  has(label: number): boolean {
    return (((this.bits[label >>> 3] ?? 0) >> (label & 7)) & 1) === 1;
  }
}
