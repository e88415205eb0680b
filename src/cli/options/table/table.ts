// The one table of flags. A command names those it takes, from here; no flag is declared anywhere else.
// A key is the name under which the flag is read. Where a command differs in default or meaning, its flag has a key with
// that difference before a colon: `demo:ind` is `--ind` with the default of the demo, `test:split` a split that is test by default.

import { BANK_FLAGS } from './bank-flags.js';
import { BENCH_FLAGS } from './bench-flags.js';
import { DATA_FLAGS } from './data-flags.js';
import { EVALUATION_FLAGS } from './evaluation-flags.js';
import type { Flag } from './flag.js';
import { JUDGE_FLAGS } from './judge-flags.js';
import { MODEL_FLAGS } from './model-flags.js';
import { QUEUE_FLAGS } from './queue-flags.js';
import { RUN_FLAGS } from './run-flags.js';
import { SERVE_FLAGS } from './serve-flags.js';
import { TRAINING_FLAGS } from './training-flags.js';

/** Every flag of every command. */
export const FLAGS = {
  ...DATA_FLAGS,
  ...JUDGE_FLAGS,
  ...MODEL_FLAGS,
  ...RUN_FLAGS,
  ...EVALUATION_FLAGS,
  ...BANK_FLAGS,
  ...BENCH_FLAGS,
  ...SERVE_FLAGS,
  ...TRAINING_FLAGS,
  ...QUEUE_FLAGS,
} as const;

/** A key of the table. */
export type FlagName = keyof typeof FLAGS;

type AttributeOf<K extends FlagName> = K extends `${string}:${infer A}` ? A : K;
type NamesGiven<K extends FlagName> = K extends FlagName
  ? (typeof FLAGS)[K] extends Flag<unknown, infer G>
    ? [G] extends [true]
      ? K
      : never
    : never
  : never;
type ValueOf<K extends FlagName> = (typeof FLAGS)[K] extends Flag<infer T, boolean> ? T : never;

/** What a command reads that takes these flags: those with a default are always there. */
export type FlagValues<Names extends readonly FlagName[]> = {
  readonly [K in NamesGiven<Names[number]> as AttributeOf<K>]: ValueOf<K>;
} & {
  readonly [K in Exclude<Names[number], NamesGiven<Names[number]>> as AttributeOf<K>]?: ValueOf<K>;
};

/** Flags that several commands take together. */
export const READING = [
  'historySplits',
  'requireHistory',
  'maxLineMb',
] as const satisfies readonly FlagName[];
export const SAMPLING = [
  'seed',
  'temperature',
  'topP',
  'minP',
  'maxTokens',
  'historyEvents',
  'grammar',
  'prefer',
] as const satisfies readonly FlagName[];
export const GUIDED = [
  'decoding',
  'readout',
  'criteria',
  'reasons',
  'think',
] as const satisfies readonly FlagName[];
export const ENGINE = ['threads', 'context', 'maxSequences', 'engine'] as const satisfies readonly FlagName[];
/** A model in this process. */
export const OWN_MODEL = [
  'model',
  'template',
  'chatTemplate',
  'generator',
  'gpu',
  ...ENGINE,
] as const satisfies readonly FlagName[];
/** A model in this process, or on inference servers. */
export const MODEL = [...OWN_MODEL, 'engineUrl', 'engineKind'] as const satisfies readonly FlagName[];
