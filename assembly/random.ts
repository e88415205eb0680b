// The one random generator: xoshiro128**, its state hashed from a seed and a stream.
// Twin of src/kernels/random.ts and native/core/random.h, bit for bit alike.

let a: u32 = 0;
let b: u32 = 0;
let c: u32 = 0;
let d: u32 = 0;

/** Begins a stream; there is one stream at a time. */
export function randomStart(seed: u32, stream: u32): void {
  a = word(seed, stream, 1);
  b = word(seed, stream, 2);
  c = word(seed, stream, 3);
  d = word(seed, stream, 4) | 1;
}

/** The next unsigned 32-bit integer. */
export function randomNext(): u32 {
  const result: u32 = rotl<u32>(b * 5, 7) * 9;
  const shifted: u32 = b << 9;
  c ^= a;
  d ^= b;
  b ^= c;
  a ^= d;
  c ^= shifted;
  d = rotl<u32>(d, 11);
  return result;
}

/** 0 to below 1, 53 random bits. */
export function randomUniform(): f64 {
  const high: f64 = <f64>(randomNext() >>> 5);
  const low: f64 = <f64>(randomNext() >>> 6);
  return (high * 67108864.0 + low) / 9007199254740992.0;
}

/** 0 to below bound, each as likely; bound is at least 1. */
export function randomBelow(bound: u32): u32 {
  const first: u32 = (0 - bound) % bound;
  let value = randomNext();
  while (value < first) value = randomNext();
  return value % bound;
}

function word(seed: u32, stream: u32, place: u32): u32 {
  return mixed(mixed(seed + place * 0x9e3779b9) + mixed(stream ^ (place * 0x7f4a7c15)));
}

function mixed(value: u32): u32 {
  let x = value;
  x = (x ^ (x >>> 16)) * 0x85ebca6b;
  x = (x ^ (x >>> 13)) * 0xc2b2ae35;
  return x ^ (x >>> 16);
}
