// Flags of the reward server alone.
// Plain data; ranges and defaults are the server's.

import { SERVER_DEFAULTS, SERVER_RANGES } from '../../../http-server/options.js';
import { type Flag, numberFlag, onFlag, textFlag } from './flag.js';

const bound = (words: Flag['words'], name: keyof typeof SERVER_DEFAULTS, help: string) =>
  numberFlag(words, help, SERVER_RANGES[name], { default: SERVER_DEFAULTS[name] });

export const SERVE_FLAGS = {
  host: textFlag('--host <host>', 'where to listen; another than this machine needs a token', {
    default: '127.0.0.1',
  }),
  port: numberFlag('--port <n>', '0: a free one', SERVER_RANGES.port, { default: 8377 }),
  tokenFile: textFlag('--token-file <file>', 'file of the token that requests must bear; else PGENRM_TOKEN'),
  'serve:users': textFlag('--users <file>', 'SQLite file of stored users; needs the package better-sqlite3'),
  embeddings: textFlag('--embeddings <model>', 'a GGUF that embeds for /v1/embeddings'),
  queue: bound('--queue <n>', 'queue', 'rows that wait; with more, requests get 429'),
  maxBodyMb: bound('--max-body-mb <n>', 'maxBodyMb', 'largest body in MB'),
  maxRows: bound('--max-rows <n>', 'maxRows', 'most rows a request'),
  maxCandidates: bound('--max-candidates <n>', 'maxCandidates', 'most candidates a row'),
  maxChains: bound('--max-chains <n>', 'maxChains', 'most chains that a request may ask for a row'),
  timeout: bound('--timeout <s>', 'timeout', 'seconds after which a request is ended'),
  grace: bound('--grace <s>', 'grace', 'seconds that requests have to end when the server stops'),
  gatherMs: bound(
    '--gather-ms <ms>',
    'gatherMs',
    'for how long a single candidate waits for others of the same user and prompt; 0: not at all',
  ),
  groupSize: bound(
    '--group-size <n>',
    'groupSize',
    'most candidates in one prompt; more are judged in groups',
  ),
  logTexts: onFlag('--log-texts', 'log the bodies of requests'),
} as const;
