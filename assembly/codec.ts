// How an index stores a vector, and the distance of two stored vectors, for the index in use.
// Twin of native/core/codec.h: the 8-bit form and its distances agree to the last bit.
import { codeStorage, dim, F16, F32, INT8, INT8_HEADER, metric, storage } from './graph-state';
import { dotF16, dotF32, dotInt8, dotInt16, f16ToF32, f32ToF16, l2F16, l2F32 } from './simd';
import { L2 } from './vectors';

/** Below this every number of a row is taken for zero: its reciprocal would not be finite. */
const LEAST_MAGNITUDE: f32 = 1e-30;

/** Writes the stored form; false where a number is beyond what it holds. */
export function encode(vector: usize, out: usize): bool {
  if (codeStorage === F32) {
    memory.copy(out, vector, (<usize>dim) << 2);
    return true;
  }
  if (codeStorage === F16) return encodeF16(vector, out);
  encodeInt8(vector, out);
  return true;
}

/** Bytes of a stored vector, header and numbers. */
export function codeBytes(): usize {
  if (codeStorage === INT8) return INT8_HEADER + <usize>dim;
  return (<usize>dim) << (codeStorage === F32 ? 2 : 1);
}

function encodeF16(vector: usize, out: usize): bool {
  for (let i = 0; i < dim; i++) {
    const half = f32ToF16(load<f32>(vector + ((<usize>i) << 2)));
    store<u16>(out + ((<usize>i) << 1), half);
    if ((half & 0x7c00) === 0x7c00) return false;
  }
  return true;
}

function encodeInt8(vector: usize, out: usize): void {
  let most: f32 = 0;
  for (let i = 0; i < dim; i++) most = max<f32>(most, abs<f32>(load<f32>(vector + ((<usize>i) << 2))));
  const zero = most < LEAST_MAGNITUDE;
  const factor: f32 = zero ? 0 : <f32>127 / most;
  store<f32>(out, zero ? 0 : most / <f32>127);
  for (let i = 0; i < dim; i++) {
    const code = nearest<f32>(load<f32>(vector + ((<usize>i) << 2)) * factor);
    store<i8>(out + INT8_HEADER + i, <i8>(<i32>code));
  }
  completeInt8(out);
}

/** Sets the squared length and the sum from the scale and the codes. */
export function completeInt8(stored: usize): void {
  let sum: i32 = 0;
  let squares: i32 = 0;
  for (let i = 0; i < dim; i++) {
    const code = <i32>load<i8>(stored + INT8_HEADER + i);
    sum += code;
    squares += code * code;
  }
  const scale = load<f32>(stored);
  const scaleSquared: f32 = scale * scale;
  store<f32>(stored, scaleSquared * <f32>squares, 4);
  store<i32>(stored, sum, 8);
}

/** Writes the f32 numbers that a stored vector (of the codes, not of the vectors beside them) stands for. */
export function decode(stored: usize, out: usize): void {
  if (codeStorage === F32) {
    memory.copy(out, stored, (<usize>dim) << 2);
  } else if (codeStorage === F16) {
    for (let i = 0; i < dim; i++)
      store<f32>(out + ((<usize>i) << 2), f16ToF32(load<u16>(stored + ((<usize>i) << 1))));
  } else {
    const scale = load<f32>(stored);
    for (let i = 0; i < dim; i++) {
      store<f32>(out + ((<usize>i) << 2), scale * <f32>(<i32>load<i8>(stored + INT8_HEADER + i)));
    }
  }
}

/** Distance of two stored vectors. */
export function codeDistance(a: usize, b: usize): f32 {
  if (codeStorage === INT8) return int8Distance(a, b, dotInt8(a + INT8_HEADER, b + INT8_HEADER, dim));
  if (codeStorage === F32) return floatDistance(a, b);
  return metric === L2 ? l2F16(a, b, dim) : <f32>1 - dotF16(a, b, dim);
}

/** As `codeDistance`, with the codes of an 8-bit `a` widened by `widen`. */
export function queryDistance(a: usize, wide: usize, b: usize): f32 {
  if (codeStorage !== INT8) return codeDistance(a, b);
  return int8Distance(a, b, dotInt16(wide, b + INT8_HEADER, dim));
}

/** Writes the codes of an 8-bit vector as 16-bit integers: they are then read without unpacking. */
export function widen(stored: usize, out: usize): void {
  if (codeStorage !== INT8) return;
  for (let i = 0; i < dim; i++) store<i16>(out + ((<usize>i) << 1), <i16>load<i8>(stored + INT8_HEADER + i));
}

function int8Distance(a: usize, b: usize, dot: i32): f32 {
  const scales: f32 = load<f32>(a) * load<f32>(b);
  const product: f32 = scales * <f32>dot;
  if (metric !== L2) return <f32>1 - product;
  const squares: f32 = load<f32>(a, 4) + load<f32>(b, 4);
  const twice: f32 = <f32>2 * product;
  return squares > twice ? squares - twice : 0;
}

/** Distance of two f32 vectors. */
export function floatDistance(a: usize, b: usize): f32 {
  return metric === L2 ? l2F32(a, b, dim) : <f32>1 - dotF32(a, b, dim);
}

/** Bytes of a vector in an index file: an 8-bit one keeps its scale before the codes. */
export function fileVectorBytes(numbers: i32): usize {
  if (storage === F32) return (<usize>numbers) << 2;
  return storage === F16 ? (<usize>numbers) << 1 : <usize>numbers + 4;
}
