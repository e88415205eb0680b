// Says what went wrong with an output file, and what to do, in one place.
// Knows operating system error codes; not what is being written.

import { messageOf, PgenrmError } from '../errors.js';

const CAUSES: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; free space there, then go on with --resume',
  EDQUOT: 'the disk quota is used up; free space there, then go on with --resume',
  EFBIG: 'the file grew past the largest size allowed here; raise that limit, then go on with --resume',
  EACCES: 'permission denied; choose a place that you may write to',
  EPERM: 'permission denied; choose a place that you may write to',
  EROFS: 'the file system is read-only; choose another place',
  ENOENT: 'its directory does not exist; create the directory first',
  ENOTDIR: 'a part of its path is not a directory; correct the path',
  EISDIR: 'it is a directory; name a file',
  EPIPE: 'the reader of the output has gone away',
  EIO: 'the device reports an input/output error',
};

/** What standard output is called where a path would stand. */
export const STANDARD_OUTPUT = 'standard output';

/** The operating system's code of an error, such as `ENOSPC`, or '' where it has none. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** `OUTPUT_FAILED` for an operating system error; errors of this package pass through unchanged. */
export function outputFailed(path: string, error: unknown): PgenrmError {
  if (error instanceof PgenrmError) return error;
  const known = CAUSES[systemCode(error)] ?? "see the system's message";
  const cause =
    path === STANDARD_OUTPUT ? known.replace('; free space there, then go on with --resume', '') : known;
  return new PgenrmError('OUTPUT_FAILED', `cannot write ${path}: ${cause} (${messageOf(error)})`, {
    cause: error,
  });
}
