// The one random generator of the package: xoshiro128** over 32-bit arithmetic, its state hashed from a seed and a stream.
// Its twins are native/core/random.h and assembly/random.ts, bit for bit alike.

/**
 * A stream of random numbers. One (seed, stream) pair always gives the same numbers; streams of one seed are
 * independent for practical purposes, so that work may be divided among threads.
 *
 * Source: Blackman and Vigna, "Scrambled linear pseudorandom number generators".
 */
export class Xoshiro128 {
  private a: number;
  private b: number;
  private c: number;
  private d: number;

  /** @param seed unsigned 32-bit integer @param stream unsigned 32-bit integer */
  constructor(seed: number, stream: number) {
    this.a = word(seed, stream, 1);
    this.b = word(seed, stream, 2);
    this.c = word(seed, stream, 3);
    this.d = word(seed, stream, 4) | 1;
  }

  /** The next unsigned 32-bit integer. */
  next(): number {
    const result = Math.imul(rotated(Math.imul(this.b, 5), 7), 9) >>> 0;
    const shifted = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= shifted;
    this.d = rotated(this.d, 11);
    return result;
  }

  /** A number from 0 to below 1 with 53 random bits. */
  uniform(): number {
    const high = this.next() >>> 5;
    const low = this.next() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** An integer from 0 to below `bound` (1 to 2^32 - 1), each as likely. */
  below(bound: number): number {
    const first = (0x100000000 - bound) % bound;
    for (;;) {
      const value = this.next();
      if (value >= first) return value % bound;
    }
  }
}

/** One word of the initial state: every bit of seed and stream reaches every word. */
function word(seed: number, stream: number, place: number): number {
  const fromSeed = mixed((seed + Math.imul(place, 0x9e3779b9)) | 0);
  const fromStream = mixed(stream ^ Math.imul(place, 0x7f4a7c15));
  return mixed((fromSeed + fromStream) | 0);
}

function mixed(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

function rotated(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
