// What a bank is built from and how: options with their defaults, and the identity that a resumed build must share.
// Knows ranges; does none of the work.

import type { BankManifest } from '../bank/file/manifest.js';
import { INDEX_FROM } from '../bank/file/write-bank.js';
import type { PreferenceData } from '../data/preference-data.js';
import { PgenrmError } from '../errors.js';
import type { Embedder } from '../generator/embedder.js';
import type { Generator, Sampling } from '../generator/generator.js';
import type { Kernels } from '../kernels/kernels.js';
import {
  checkRange,
  DATA_RANGES,
  invalidOption,
  JUDGE_DEFAULTS,
  JUDGE_RANGES,
  type NumberRange,
} from '../options/option-range.js';
import type { GivenChatTemplate } from '../prompt/chat/chat-template.js';
import type { PromptTemplate } from '../prompt/template/template.js';

/** Stages of a build, in their order. */
export const BUILD_STAGES = ['chains', 'embeddings', 'clusters', 'refinement', 'bank'] as const;

/** A stage of a build, in the order in which they run. @useDeclaredType */
export type BuildStage = (typeof BUILD_STAGES)[number];

/** What a build reports. `done` and `total` count rows (chains), texts (embeddings) or steps of the stage. */
export type BuildEvent =
  | { readonly type: 'stage'; readonly stage: BuildStage; readonly done: number; readonly total: number }
  | { readonly type: 'progress'; readonly stage: BuildStage; readonly done: number; readonly total: number }
  | { readonly type: 'finished'; readonly manifest: BankManifest };

/** A model that is loaded where a stage has work for it, and disposed after that stage. */
export interface JudgeSource {
  readonly load: () => Promise<Generator>;
  /** SHA-256 of the model's file; null where it is not known. */
  readonly sha256: string | null;
  readonly template: PromptTemplate;
  /** A chat template in place of the model's own. */
  readonly chatTemplate?: GivenChatTemplate;
}

/** An embedder that is loaded where a stage has work for it, and disposed after that stage. */
export interface EmbedderSource {
  readonly load: () => Promise<Embedder>;
  readonly sha256: string | null;
  /** How the vectors of tokens become one, such as `mean`. */
  readonly pooling: string;
}

/** What a bank is built from, and how. */
export interface BuildBankOptions {
  /** Training rows: every row that is given, up to `limit`, makes a chain. */
  readonly data: PreferenceData;
  /** The bank's folder; beside it stand `OUT.building` and `OUT.lock` while it is built. */
  readonly out: string;
  readonly judge: JudgeSource;
  readonly embedder: EmbedderSource;
  /** Default: those that `loadKernels` picks. */
  readonly kernels?: Kernels;
  /** Prototypes: 1 to the number of usable rows, or `auto` (default; see `chooseK`). */
  readonly k?: number | 'auto';
  /** Of chains, k-means and refinement; unsigned 32-bit integer, default 0. */
  readonly seed?: number;
  /** Default true; false keeps the k-means centres as prototypes. */
  readonly refine?: boolean;
  /** Only the first rows. */
  readonly limit?: number;
  /** Sampling of chains; defaults 1, 1 and 0. */
  readonly temperature?: number;
  readonly topP?: number;
  readonly minP?: number;
  /** New tokens a chain; default: what the model's metadata says, else 3072, and half the context at most. */
  readonly maxTokens?: number;
  /** Most recent history events in a chain's prompt; default all that fit. */
  readonly historyEvents?: number;
  /** Most recent history events of a row in refinement; default 6. */
  readonly refineEvents?: number;
  /** Tries of a row whose chain cannot be read, each with a seed of its own; default 2. */
  readonly attempts?: number;
  /** Independent starts of k-means; default 10. */
  readonly restarts?: number;
  /** Rows in flight; default as many as keep the generator busy, at most 16. */
  readonly concurrency?: number;
  /** Members from which the bank gets an index file; default 2000. */
  readonly indexFrom?: number;
  /** Replaces a bank that exists, and an unfinished build of another one; default false. */
  readonly force?: boolean;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: BuildEvent) => void;
}

/** Ranges of the numbers in {@link BuildBankOptions}. */
export const BUILD_RANGES = {
  k: { integer: true, min: 1, max: 1_000_000 },
  seed: JUDGE_RANGES.seed,
  limit: DATA_RANGES.rows,
  temperature: JUDGE_RANGES.temperature,
  topP: JUDGE_RANGES.topP,
  minP: JUDGE_RANGES.minP,
  maxTokens: JUDGE_RANGES.maxTokens,
  historyEvents: JUDGE_RANGES.historyEvents,
  refineEvents: { integer: true, min: 0, max: 1000 },
  attempts: { integer: true, min: 1, max: 100 },
  restarts: { integer: true, min: 1, max: 1000 },
  concurrency: JUDGE_RANGES.concurrency,
  indexFrom: { integer: true, min: 1, max: 1_000_000_000 },
} as const satisfies Record<string, NumberRange>;

/** Options with every default filled in. */
export interface BuildSettings {
  readonly k: number | 'auto';
  readonly seed: number;
  readonly refine: boolean;
  readonly limit: number | null;
  readonly sampling: Sampling;
  readonly maxTokens: number | null;
  readonly historyEvents: number | null;
  readonly refineEvents: number;
  readonly attempts: number;
  readonly restarts: number;
  readonly concurrency: number | null;
  readonly indexFrom: number;
}

/** Fills in defaults. Errors: `INVALID_OPTION`, naming the option, its range and what came. */
export function buildSettings(options: BuildBankOptions): BuildSettings {
  const {
    k = 'auto',
    temperature = JUDGE_DEFAULTS.temperature,
    topP = JUDGE_DEFAULTS.topP,
    minP = JUDGE_DEFAULTS.minP,
  } = options;
  if (typeof options.out !== 'string' || options.out === '')
    throw invalidOption('out', 'a path', options.out);
  if (k !== 'auto' && typeof k !== 'number') throw invalidOption('k', "an integer or 'auto'", k);
  for (const [name, range] of Object.entries(BUILD_RANGES)) {
    const value = options[name as keyof typeof BUILD_RANGES];
    if (value !== undefined && value !== 'auto') checkRange(name, value, range);
  }
  const rows = Math.min(
    options.data.count - options.data.problems,
    options.limit ?? Number.POSITIVE_INFINITY,
  );
  if (rows < 1) {
    throw new PgenrmError('INPUT_MALFORMED', `${options.data.path} holds no rows to build a bank from`);
  }
  if (k !== 'auto' && k > rows) throw tooManyPrototypes(k, rows, 'rows');
  return {
    k,
    seed: options.seed ?? JUDGE_DEFAULTS.seed,
    refine: options.refine ?? true,
    limit: options.limit ?? null,
    sampling: { temperature, topP, minP },
    maxTokens: options.maxTokens ?? null,
    historyEvents: options.historyEvents ?? null,
    refineEvents: options.refineEvents ?? 6,
    attempts: options.attempts ?? 2,
    restarts: options.restarts ?? 10,
    concurrency: options.concurrency ?? null,
    indexFrom: options.indexFrom ?? INDEX_FROM,
  };
}

/** `INVALID_OPTION` for more prototypes than rows. */
export function tooManyPrototypes(k: number, rows: number, what: string): PgenrmError {
  return new PgenrmError(
    'INVALID_OPTION',
    `k must be at most the number of ${what}; got ${k} with ${rows} ${what}; lower k or give more rows`,
  );
}

/** Everything that a bank's bytes depend on. An unfinished build goes on only where all of it is equal. */
export interface BuildIdentity {
  readonly data: BankManifest['data'];
  readonly model: string | null;
  readonly template: string;
  readonly embedder: string | null;
  readonly pooling: string;
  readonly options: BankManifest['options'];
}

/** What of the rows is taken, where it is not all of them. */
function selectionOf({ selection }: PreferenceData): BankManifest['options'] {
  if (selection === undefined) return {};
  return { group: selection.group ?? null, rowsPerUser: selection.rowsPerUser ?? null };
}

/** The identity of a build. */
export function buildIdentity(options: BuildBankOptions, settings: BuildSettings): BuildIdentity {
  const { data, judge, embedder } = options;
  const { sampling, concurrency: _, indexFrom, ...rest } = settings;
  return {
    data: {
      fingerprint: data.fingerprint,
      format: data.format,
      users: data.users?.fingerprint ?? null,
      rows: Math.min(data.count, settings.limit ?? data.count),
    },
    model: judge.sha256,
    template: judge.template.hash,
    embedder: embedder.sha256,
    pooling: embedder.pooling,
    options: { ...rest, ...sampling, indexFrom, ...selectionOf(data) },
  };
}
