// Flags of what data is read and which of its rows are taken.
// Plain data; reading is the data's own.

import { MAX_LINE_BYTES } from '../../../data/files/records.js';
import { FORMAT_NAMES } from '../../../data/preference-data.js';
import { DATA_RANGES } from '../../../options/option-range.js';
import { choiceFlag, numberFlag, onFlag, parsedFlag, textFlag } from './flag.js';

const SPLIT = 'only the rows of this split';

/** Bytes of the megabyte that `--max-line-mb` counts in. */
export const MEGABYTE = 1e6;

export const DATA_FLAGS = {
  data: textFlag('--data <file>', 'preference data (.jsonl, .jsonl.gz, .json, .parquet)', { required: true }),
  users: textFlag('--users <file>', "users' stated criteria, histories and groups"),
  split: textFlag('--split <name>', SPLIT),
  'test:split': textFlag('--split <name>', `${SPLIT}; default test where the data has it`),
  'train:split': textFlag('--split <name>', `${SPLIT}; default train where the data has it`),
  format: choiceFlag('--format <name>', 'shape of the rows; detected by default', FORMAT_NAMES),
  group: textFlag(
    '--group <name>',
    "only rows of users whom the users file's field group puts here, such as unseen",
  ),
  rowsPerUser: numberFlag(
    '--rows-per-user <n>',
    "at most n rows of each user, every user's first row before any second one",
    DATA_RANGES.rows,
  ),
  sample: numberFlag(
    '--sample <n>',
    'only n rows, drawn at random by their ids and judged in the order of the draw; a larger n adds rows',
    DATA_RANGES.sample,
  ),
  limit: numberFlag('--limit <n>', 'only the first n rows', DATA_RANGES.rows),
  historySplits: parsedFlag(
    '--history-splits <names>',
    'splits whose labelled rows are history, such as train,seen; default train,validation (and train_*)',
    (names): readonly string[] => names.split(',').map((name) => name.trim()),
  ),
  requireHistory: onFlag('--require-history', 'refuse data of which no row has a history'),
  maxLineMb: numberFlag(
    '--max-line-mb <n>',
    `longest line in MB; default ${MAX_LINE_BYTES / MEGABYTE}`,
    DATA_RANGES.maxLineMb,
  ),
} as const;
