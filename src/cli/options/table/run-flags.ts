// Flags of where results go, what is shown meanwhile, and how an interrupted run goes on.
// Plain data.

import { JUDGE_RANGES } from '../../../options/option-range.js';
import { DEFAULT_REORDER } from '../../../run/judge-rows.js';
import { LOG_LEVELS } from '../../terminal/console-streams.js';
import { choiceFlag, numberFlag, offFlag, onFlag, textFlag } from './flag.js';

export const RUN_FLAGS = {
  logLevel: choiceFlag('--log-level <level>', 'log JSON lines to standard error', LOG_LEVELS, {
    default: 'silent',
  }),
  concurrency: numberFlag(
    '--concurrency <n>',
    'judgments at once; default: as many as keep the model busy',
    JUDGE_RANGES.concurrency,
  ),
  reorder: numberFlag(
    '--reorder <rows>',
    'rows among which those of one user are judged together, so that shared text is decoded once; 1: as they stand',
    JUDGE_RANGES.reorder,
    { default: DEFAULT_REORDER },
  ),
  'score:out': textFlag('--out <file>', 'where the lines go; - is standard output, without manifest', {
    default: '-',
  }),
  chains: onFlag('--chains', "put the chains' texts into the lines"),
  resume: onFlag('--resume', 'go on where an earlier run of the same output ended', { conflicts: ['force'] }),
  force: onFlag('--force', 'replace an output that exists', { conflicts: ['resume', 'retryFailed'] }),
  retryFailed: onFlag('--retry-failed', 'judge failed rows again with new seeds, in place of their lines'),
  json: onFlag('--json', 'print JSON in place of text'),
  quiet: onFlag('--quiet', 'no progress and no summary'),
  jsonProgress: onFlag('--json-progress', 'progress as JSON lines on standard error'),
  // Of commands that judge no data set.
  load: offFlag('--no-load', 'do not load the model'),
  'demo:user': textFlag('--user <id>', 'whose first comparison is shown in full'),
  'template:out': textFlag('--out <file>', 'where the template file goes', { default: 'template.json' }),
  'template:name': textFlag('--name <name>', "the template's name", { default: 'imported' }),
} as const;
