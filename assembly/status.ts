// Codes that a kernel answers; twin of native/core/status.h, told to people by src/kernels/status.ts.
// The row, label or byte at fault is read with `statusAt`.

export const OK: i32 = 0;
export const NOT_FINITE: i32 = 1;
export const ZERO_VECTOR: i32 = 2;
export const DUPLICATE_LABEL: i32 = 3;
export const UNKNOWN_LABEL: i32 = 4;
export const DAMAGED: i32 = 5;
export const OUT_OF_MEMORY: i32 = 6;
export const WRONG_DIMENSION: i32 = 9;
export const UNREPRESENTABLE: i32 = 10;
export const NOT_UNIT: i32 = 11;
export const FOREIGN: i32 = 12;

let at: f64 = 0;

/** Remembers where a kernel failed and passes its code on. */
export function failed(code: i32, where: f64): i32 {
  at = where;
  return code;
}

/** The row, label, byte or dimension that the last failure was about. */
export function statusAt(): f64 {
  return at;
}
