// Flags of the bench commands alone.
// Plain data; what is measured is `src/cost`.

import { join } from 'node:path';
import { BENCH_FILES } from '../../../cost/result/write-result.js';
import { ENGINE_SETTINGS } from '../../../options/engine-options.js';
import { DATA_RANGES, JUDGE_RANGES, type NumberRange } from '../../../options/option-range.js';
import { numberFlag, numberOrWordFlag, onFlag, parsedFlag, textFlag } from './flag.js';

/** Where results go where nothing else is said. */
const DEFAULT_FOLDER = 'bench-scaling';
/** Where they are sought. */
export const DEFAULT_RESULT = join(DEFAULT_FOLDER, BENCH_FILES.json);

const PRICE: NumberRange = { integer: false, min: 0, max: 1e9 };

export const BENCH_FLAGS = {
  // Levels are compared on the same few rows.
  'bench:limit': numberFlag('--limit <n>', 'rows to take judgments from', DATA_RANGES.rows, { default: 256 }),
  'bench:levels': textFlag('--levels <list>', 'such as 1,ind-8,ind-8+pro-4'),
  'bench:adaptive': numberOrWordFlag(
    '--adaptive <risk>',
    'risk of the rows with adaptive stopping, or off',
    JUDGE_RANGES.adaptive,
    'off',
    { default: 0.05 },
  ),
  adaptiveLevels: textFlag(
    '--adaptive-levels <list>',
    'levels that are measured with adaptive stopping too; default: all that may stop early',
  ),
  rounds: numberFlag('--rounds <n>', 'repetitions of everything; default 5, quick 3', {
    integer: true,
    min: 1,
    max: 1000,
  }),
  minutes: numberFlag('--minutes <n>', 'begin no round that would not end in time; two are made at least', {
    integer: false,
    min: 0,
    max: 100_000,
    aboveMin: true,
  }),
  rows: numberFlag('--rows <n>', 'judgments one after another, each level and round; default 4, quick 2', {
    integer: true,
    min: 1,
    max: 10_000,
  }),
  fullChains: numberFlag(
    '--full-chains <n>',
    'chains each level is timed over with the generator full; default twice its rows, quick once',
    { integer: true, min: 1, max: 100_000 },
  ),
  quick: onFlag('--quick', 'fewer levels, rounds and judgments'),
  checkMeasuring: onFlag('--check-measuring', 'time the smallest level without keeping accounts, too'),
  accuracy: textFlag(
    '--accuracy <file>',
    'report.json of pgenrm eval for the same model and template: its accuracies stand in the result',
  ),
  pricePerHour: numberFlag('--price-per-hour <p>', 'of this machine', PRICE),
  priceInput: numberFlag('--price-input <p>', 'of a million prompt tokens at an API', PRICE),
  priceCachedInput: numberFlag(
    '--price-cached-input <p>',
    'of a million prompt tokens that were sent before',
    PRICE,
  ),
  priceOutput: numberFlag('--price-output <p>', 'of a million new tokens', PRICE),
  modelNote: textFlag('--model-note <text>', 'said in every output, such as that the weights are random'),
  'bench:out': textFlag('--out <folder>', 'where blocks.jsonl, result.json, .md and .html go', {
    default: DEFAULT_FOLDER,
  }),
  'predict:workers': numberFlag(
    '--workers <n>',
    'workers that decode at once; default those of the results',
    ENGINE_SETTINGS.workers.range,
  ),
  'predict:from': parsedFlag(
    '--from <file>',
    `result.json of a bench, several times for several; default ${DEFAULT_RESULT}`,
    (file, files: readonly string[] = []): readonly string[] => [...files, file],
  ),
  all: onFlag('--all', 'list the figures that did not change, too'),
} as const;
