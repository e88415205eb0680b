// What each storage makes of a vector, in plain TypeScript: the oracle for the compiled codecs.
import { PgenrmError } from '../../errors.js';
import type { Storage } from '../vector-index.js';

/** The numbers that a storage keeps of a vector. Errors: `INVALID_VECTOR` beyond the range of 16 bits. */
export function stored(storage: Storage, vector: Float32Array, row: number): Float32Array {
  if (storage === 'f32') return vector.slice();
  if (storage === 'f16') {
    const halves = vector.map((value) => f16ToNumber(numberToF16(value)));
    if (!halves.every(Number.isFinite)) {
      throw new PgenrmError(
        'INVALID_VECTOR',
        `vectors must fit 16-bit floats (up to 65504), but row ${row} does not; use storage f32`,
      );
    }
    return halves;
  }
  const { scale, codes } = int8Codes(vector);
  return Float32Array.from(codes, (code) => Math.fround(scale * code));
}

/** An 8-bit vector: each number is about its code times the scale. */
export function int8Codes(vector: Float32Array): { scale: number; codes: Int8Array } {
  const most = vector.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  if (most < 1e-30) return { scale: 0, codes: new Int8Array(vector.length) };
  const factor = Math.fround(127 / most);
  return {
    scale: Math.fround(most / 127),
    codes: Int8Array.from(vector, (value) => toEven(Math.fround(value * factor))),
  };
}

/** The bits of the nearest 16-bit float, ties to even; infinity beyond the range. */
export function numberToF16(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size === 0) return sign;
  // Subnormals share the exponent of the least normal number.
  const exponent = Math.max(-14, Math.floor(Math.log2(size)));
  const places = toEven(size / 2 ** (exponent - 10));
  if (places * 2 ** (exponent - 10) >= 65520) return sign | 0x7c00;
  return sign | (places < 1024 ? places : (exponent + 14) * 1024 + places);
}

export function f16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const places = bits & 1023;
  if (exponent === 31) return places ? Number.NaN : sign * Infinity;
  return sign * (exponent === 0 ? places * 2 ** -24 : (1024 + places) * 2 ** (exponent - 25));
}

/** The nearest integer, halves to even. */
function toEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
