// The header of a safetensors file: which tensors there are, of which type and shape, and where they lie.
// Knows the header's checks; reads no file.

import { damaged } from './damage.js';

/** Element types by their names in the format. */
export const DTYPES = {
  F32: Float32Array,
  F64: Float64Array,
  U32: Uint32Array,
  U64: BigUint64Array,
} as const;

/** Element types that are read and written, by their names in the format. */
export type Dtype = keyof typeof DTYPES;

/** The array of an element type. */
export type ArrayOf<D extends Dtype> = {
  F32: Float32Array;
  F64: Float64Array;
  U32: Uint32Array;
  U64: BigUint64Array;
}[D];

/** Where a tensor lies. */
export interface TensorPlace {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Byte of the file where the tensor begins. */
  readonly begin: number;
  readonly bytes: number;
}

/** Elements of a shape. */
export function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Reads a header and checks that the tensors fill a file of `size` bytes from `dataStart` on. Errors: `BANK_DAMAGED`. */
export function parseHeader(
  path: string,
  json: string,
  dataStart: number,
  size: number,
): { places: Map<string, TensorPlace>; metadata: Record<string, string> } {
  let header: unknown;
  try {
    header = JSON.parse(json);
  } catch (error) {
    throw damaged(path, 'its header is not JSON', error);
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw damaged(path, 'its header is not a JSON object');
  }
  const places = new Map<string, TensorPlace>();
  let metadata: Record<string, string> = {};
  let end = 0;
  const entries = Object.entries(header).map(([name, value]) => ({ name, value: value as unknown }));
  const tensors: { name: string; dtype: Dtype; shape: number[]; begin: number; end: number }[] = [];
  for (const { name, value } of entries) {
    if (name === '__metadata__') metadata = stringsOf(path, value);
    else tensors.push({ name, ...tensorEntry(path, name, value) });
  }
  for (const { name, dtype, shape, begin, end: stop } of tensors.sort(
    (a, b) => a.begin - b.begin || a.end - b.end,
  )) {
    const bytes = elements(shape) * DTYPES[dtype].BYTES_PER_ELEMENT;
    if (begin !== end || stop - begin !== bytes) {
      throw damaged(path, `tensor ${name} does not lie where its shape and its neighbours want it`);
    }
    places.set(name, { dtype, shape, begin: dataStart + begin, bytes });
    end = stop;
  }
  if (dataStart + end !== size) {
    throw damaged(path, `its tensors end at byte ${dataStart + end} of ${size}`);
  }
  return { places, metadata };
}

function tensorEntry(
  path: string,
  name: string,
  value: unknown,
): { dtype: Dtype; shape: number[]; begin: number; end: number } {
  const { dtype, shape, data_offsets } = (value ?? {}) as Partial<Record<string, unknown>>;
  const sizes = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every((item) => Number.isSafeInteger(item) && item >= 0);
  if (
    typeof dtype !== 'string' ||
    !Object.hasOwn(DTYPES, dtype) ||
    !sizes(shape) ||
    !Number.isSafeInteger(elements(shape)) ||
    !sizes(data_offsets) ||
    data_offsets.length !== 2
  ) {
    throw damaged(path, `the header entry of tensor ${name.slice(0, 80)} is not one`);
  }
  return { dtype: dtype as Dtype, shape, begin: data_offsets[0]!, end: data_offsets[1]! };
}

function stringsOf(path: string, value: unknown): Record<string, string> {
  const whole =
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((item) => typeof item === 'string');
  if (!whole) throw damaged(path, 'its metadata is not a list of texts');
  return value as Record<string, string>;
}
