// The one error class of the package and its closed set of codes.
// Knows nothing of where errors come from; messages say what was expected, what came and what to do.

/** Every code a {@link PgenrmError} can carry. The set is closed: callers may switch over it. */
export const ERROR_CODES = [
  'INVALID_OPTION', // an option or argument is missing, unknown or out of range
  'INPUT_NOT_FOUND', // an input file does not exist or cannot be read
  'INPUT_MALFORMED', // an input file or row does not fit any known shape
  'OUTPUT_FAILED', // an output cannot be written (permissions, disk full)
  'RUN_MISMATCH', // an output to resume was made with other options, data or model
  'MODEL_NOT_FOUND', // a model file does not exist or cannot be downloaded
  'MODEL_UNUSABLE', // a model file is damaged, is not a text decoder or lacks a chat template
  'TEMPLATE_INVALID', // a prompt template lacks a slot or cannot be read
  'GRAMMAR_INVALID', // a GBNF grammar does not parse
  'CONTEXT_OVERFLOW', // a prompt does not fit the context even without its history
  'OUT_OF_MEMORY', // memory asked for was not given
  'GENERATOR_UNAVAILABLE', // the generator asked for cannot be used here
  'KERNELS_UNAVAILABLE', // the kernel implementation asked for cannot be used here
  'LIBRARY_MISMATCH', // the llama.cpp library is of another release than the addon
  'DECODE_FAILED', // llama_decode answered with an error code
  'INVALID_VECTOR', // a vector holds NaN, is of length zero or has the wrong dimension
  'DUPLICATE_ID', // an id that must be unique came twice
  'BANK_DAMAGED', // a prototype bank or index file fails its checks
  'BANK_MISMATCH', // a prototype bank was made with another embedder, model or template
  'PACKAGE_MISSING', // an optional package that the call needs is not installed
  'USER_NOT_FOUND', // no user is stored under this id, or the user was forgotten meanwhile
  'USER_CHANGED', // a stored user is not at the version that a change expects
  'USERS_DAMAGED', // a file of users fails its checks or is no such file
  'USERS_LOCKED', // another process holds a file of users
  'NO_ANCHORS', // a single candidate came, and nothing is there to compare it with
  'NO_USABLE_CHAIN', // every chain of a judgment was lost, so that there is no score
  'QUEUE_FULL', // more jobs are open than may be: ask again later
  'QUEUE_UNAVAILABLE', // a queue cannot be reached, refuses the password, or would lose jobs
  'WORKER_LOST', // a worker ended by itself, again and again, before it could answer
  'DISPOSED', // the object was disposed before or during the call
  'INTERNAL', // a broken invariant of the package: please report it
] as const;

/** One of {@link ERROR_CODES}. */
export type ErrorCode = (typeof ERROR_CODES)[number];

/** A {@link PgenrmError} as plain data. */
export interface PgenrmErrorRecord {
  readonly name: 'PgenrmError';
  readonly code: ErrorCode;
  readonly message: string;
  readonly stack?: string;
  /** The record of a cause that is a {@link PgenrmError}, the message of another one. */
  readonly cause?: PgenrmErrorRecord | string;
}

/** An error of this package: a code to switch over and a message for people. */
export class PgenrmError extends Error {
  override readonly name = 'PgenrmError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** What {@link fromJSON} makes the error of again: for other processes and threads, which keep no class of an error. */
  toJSON(): PgenrmErrorRecord {
    const { name, code, message, cause, stack } = this;
    return {
      name,
      code,
      message,
      ...(stack === undefined ? {} : { stack }),
      ...(cause === undefined
        ? {}
        : { cause: cause instanceof PgenrmError ? cause.toJSON() : messageOf(cause) }),
    };
  }

  /**
   * The error of {@link toJSON}'s record, however it came here: through JSON, `postMessage` or a child process.
   * Errors: `INVALID_OPTION` where it is no such record.
   */
  static fromJSON(record: unknown): PgenrmError {
    const { code, message, cause, stack } = (record ?? {}) as Partial<PgenrmErrorRecord>;
    if (typeof message !== 'string' || !ERROR_CODES.includes(code as ErrorCode)) {
      throw new PgenrmError(
        'INVALID_OPTION',
        'an error is made of what toJSON() of a PgenrmError gave: an object with a code of ERROR_CODES and a message',
      );
    }
    const error = new PgenrmError(
      code as ErrorCode,
      message,
      cause === undefined
        ? undefined
        : { cause: typeof cause === 'string' ? cause : PgenrmError.fromJSON(cause) },
    );
    if (typeof stack === 'string') error.stack = stack;
    return error;
  }
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Codes of errors that say nothing of other rows of a data set: a run notes them and goes on. */
const ROW_ERRORS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'CONTEXT_OVERFLOW',
  'DECODE_FAILED',
  'OUT_OF_MEMORY',
  'INVALID_OPTION',
  'TEMPLATE_INVALID',
  'INVALID_VECTOR',
  // Where machines share a data set: the row ended every worker that judged it.
  'WORKER_LOST',
]);

/** Whether an error is one row's own and a run over many can go on. */
export function isRowError(error: unknown): error is PgenrmError {
  return error instanceof PgenrmError && ROW_ERRORS.has(error.code);
}
