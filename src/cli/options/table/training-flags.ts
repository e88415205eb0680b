// Flags of what training data is written, and of what it is made.
// Plain data.

import { FORMAT_NAMES } from '../../../data/preference-data.js';
import { STAGES } from '../../../training-data/stages.js';
import { TRAINER_FORMATS } from '../../../training-data/trainer-file.js';
import { TRIES_RANGE } from '../../../training-data/training-data.js';
import { choiceFlag, numberFlag, onFlag, textFlag } from './flag.js';

export const TRAINING_FLAGS = {
  stage: choiceFlag('--stage <name>', 'what is trained', STAGES, { required: true }),
  'trainer:format': choiceFlag(
    '--format <trainer>',
    'whose file is written: JSON Lines, or parquet for verl; trl has turns of prompt and completion',
    TRAINER_FORMATS,
    {
      required: true,
    },
  ),
  'training:out': textFlag(
    '--out <file>',
    "the trainer's file; FILE.rows.jsonl beside it says what became of each row",
    {
      required: true,
    },
  ),
  license: textFlag(
    '--license <name>',
    'licence of rows without a field license, noted with each example; default unknown, or that of a known data set',
  ),
  allowNonCommercial: onFlag('--allow-non-commercial', 'take rows whose licence forbids commercial use'),
  tries: numberFlag('--tries <n>', 'chains a presentation order, of which the best is kept', TRIES_RANGE, {
    default: 4,
  }),
  dataFormat: choiceFlag('--data-format <name>', 'shape of the rows; detected by default', FORMAT_NAMES),
  'training:force': onFlag('--force', 'begin anew where the rows of another run stand'),
} as const;
