// Tells people what a compiled kernel's status code means.
// Codes are those of native/core/status.h and assembly/status.ts.
import { type ErrorCode, PgenrmError } from '../errors.js';

/** A failure as the compiled kernels state it: a code and the row, label, byte or dimension at fault. */
export interface KernelStatus {
  readonly code: number;
  readonly at: number;
}

const STATUS_ERRORS: Readonly<Record<number, (at: number, name: string) => [ErrorCode, string]>> = {
  1: (at, name) => ['INVALID_VECTOR', `${name} must be finite, but row ${at} holds NaN or infinity`],
  2: (at, name) => ['INVALID_VECTOR', `${name} must not be of length zero, but row ${at} is; leave it out`],
  3: (at) => ['DUPLICATE_ID', `label ${at} is taken already; remove it first or choose another`],
  4: (at) => ['INVALID_OPTION', `label ${at} is not in the index`],
  5: (at) => [
    'BANK_DAMAGED',
    `the index file is damaged: what stands at byte ${at} cannot be; build it anew`,
  ],
  6: () => ['OUT_OF_MEMORY', 'memory asked for was not given; use fewer rows, or storage f16 or int8'],
  7: (_at, name) => [
    'INPUT_NOT_FOUND',
    `${name} cannot be read; check that the file is there and may be read`,
  ],
  8: (_at, name) => [
    'OUTPUT_FAILED',
    `${name} cannot be written; check the folder, its permissions and the disk`,
  ],
  9: (at) => [
    'INVALID_VECTOR',
    `the index file holds vectors of dimension ${at}, not of the dimension asked for`,
  ],
  10: (at, name) => [
    'INVALID_VECTOR',
    `${name} must fit 16-bit floats (up to 65504), but row ${at} does not; use storage f32`,
  ],
  11: (at) => [
    'BANK_DAMAGED',
    `the index file holds a vector (number ${at}) that is not of length 1: it is damaged, or is no cosine index`,
  ],
  12: () => [
    'BANK_DAMAGED',
    'the index file is of another version or metric; open it with the metric it was built with',
  ],
};

/** Throws the error of a status; `name` is what its rows are called. */
export function checkStatus(status: KernelStatus, name: string): void {
  if (status.code === 0) return;
  throw statusError(status, name);
}

/** The error of a status. */
export function statusError(status: KernelStatus, name: string): PgenrmError {
  const known = STATUS_ERRORS[status.code];
  if (!known)
    return new PgenrmError('INTERNAL', `a kernel failed with code ${status.code}; please report it`);
  return new PgenrmError(...known(status.at, name));
}
