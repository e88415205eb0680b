// Flags of the bank commands alone.
// Plain data; ranges are those of a build.

import { BUILD_RANGES } from '../../../bank-build/build-bank.js';
import { choiceFlag, numberFlag, numberOrWordFlag, offFlag, onFlag, textFlag } from './flag.js';

/** How the vectors of tokens become one; `auto` is what the embedder's file says. */
export const POOLING_CHOICES = ['auto', 'mean', 'cls', 'last'] as const;

/** One of {@link POOLING_CHOICES}. */
export type PoolingChoice = (typeof POOLING_CHOICES)[number];

const LISTED = { integer: true, min: 0, max: 1000 } as const;

export const BANK_FLAGS = {
  'build:out': textFlag('--out <folder>', 'where the bank goes', { required: true }),
  k: numberOrWordFlag('--k <n>', 'prototypes: auto picks by the silhouette', BUILD_RANGES.k, 'auto', {
    default: 'auto',
  }),
  pooling: choiceFlag(
    '--pooling <kind>',
    'how tokens become one vector; default mean for the model itself, else auto',
    POOLING_CHOICES,
  ),
  refine: offFlag('--no-refine', 'keep the k-means centres as prototypes'),
  refineEvents: numberFlag(
    '--refine-events <n>',
    'most recent events a row in refinement; default 6',
    BUILD_RANGES.refineEvents,
  ),
  attempts: numberFlag(
    '--attempts <n>',
    'tries of a chain that cannot be read; default 2',
    BUILD_RANGES.attempts,
  ),
  restarts: numberFlag('--restarts <n>', 'starts of k-means; default 10', BUILD_RANGES.restarts),
  'build:force': onFlag('--force', 'replace a bank, or an unfinished build, of other data or options'),
  nearest: numberFlag('--nearest <n>', 'members listed a prototype', LISTED, { default: 3 }),
  'inspect:criteria': numberFlag('--criteria <n>', 'criteria listed a prototype', LISTED, { default: 5 }),
  'export:to': choiceFlag('--to <format>', 'files that are written', ['parquet'], { default: 'parquet' }),
  'export:out': textFlag('--out <folder>', 'a new folder for the files', { required: true }),
  'import:out': textFlag('--out <folder>', 'where the bank goes; nothing may be there', { required: true }),
  'map:out': textFlag('--out <file>', 'where the picture goes', { required: true }),
  'map:limit': numberFlag(
    '--limit <n>',
    'most users drawn',
    { integer: true, min: 1, max: 100_000 },
    { default: 2000 },
  ),
} as const;
