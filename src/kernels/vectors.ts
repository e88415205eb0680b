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
  /** Labels, 0xffffffff where fewer than k were found. Shape [queries, k]. */
  readonly labels: Uint32Array;
  /** Distances, Infinity where no neighbour is. Shape [queries, k]. */
  readonly distances: Float32Array;
}

/** A set of labels as one bit each from its first on, for searches that only some labels may answer. */
export class LabelSet {
  /** A multiple of 8 at or below the least label. */
  readonly first: number;
  /** Bit `n % 8` of byte `n / 8` stands for label `first + n`. */
  readonly bits: Uint8Array;

  private constructor(first: number, bits: Uint8Array) {
    this.first = first;
    this.bits = bits;
  }

  /** The set of the given labels, unsigned 32-bit integers in any order; repeats count once. */
  static of(labels: Iterable<number>): LabelSet {
    const list = Uint32Array.from(labels);
    if (list.length === 0) return new LabelSet(0, new Uint8Array(0));
    let least = Number.POSITIVE_INFINITY;
    let most = -1;
    for (const label of list) {
      least = Math.min(least, label);
      most = Math.max(most, label);
    }
    const first = least - (least % 8);
    const bits = new Uint8Array(Math.floor((most - first) / 8) + 1);
    for (const label of list) bits[(label - first) >>> 3]! |= 1 << (label & 7);
    return new LabelSet(first, bits);
  }

  /** The labels from one up to another that is not among them, integers from 0 to 2^32; none where they are equal. */
  static range(from: number, to: number): LabelSet {
    const first = from - (from % 8);
    const bits = new Uint8Array(from < to ? Math.ceil((to - first) / 8) : 0).fill(0xff);
    if (bits.length > 0) {
      bits[0]! &= 0xff << (from - first);
      bits[bits.length - 1]! &= 0xff >> (8 * bits.length - (to - first));
    }
    return new LabelSet(first, bits);
  }

  has(label: number): boolean {
    const place = label - this.first;
    return place >= 0 && (((this.bits[Math.floor(place / 8)] ?? 0) >> (place % 8)) & 1) === 1;
  }
}
