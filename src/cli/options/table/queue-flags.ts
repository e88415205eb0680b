// Flags of a data set that several machines judge.
// Plain data; ranges and defaults are those of a worker.

import { WORK_TIMEOUT } from '../../../queue/worker.js';
import { numberFlag, textFlag } from './flag.js';

const ADDRESS = '--queue <url>';

export const QUEUE_FLAGS = {
  'run:queue': textFlag(
    ADDRESS,
    'let the workers of this queue judge (pgenrm work): redis://HOST:PORT/DB or postgres://HOST/DATABASE',
  ),
  'work:queue': textFlag(ADDRESS, 'whose rows: redis://HOST:PORT/DB or postgres://HOST/DATABASE', {
    required: true,
  }),
  'work:timeout': numberFlag(
    '--timeout <s>',
    'seconds without a judged row after which the model counts as hung and the worker ends',
    WORK_TIMEOUT,
    { default: WORK_TIMEOUT.usual },
  ),
} as const;
