// The flags of `pgenrm serve`, and what they say of the server, the judge and the model.
// Knows names on both sides; starts nothing.

import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { messageOf, PgenrmError } from '../../errors.js';
import { SERVER_DEFAULTS, SERVER_RANGES, type ServerOptions } from '../../http-server/options.js';
import { JUDGE_RANGES } from '../../options/option-range.js';
import type { JudgeOptions } from '../../reward-model/judgment.js';
import { GENERATOR_CHOICES, GPU_CHOICES } from '../../reward-model/reward-model.js';
import { engineFlags } from '../options/engine-flags.js';
import { type GuidedFlags, guidedFlags, guidedOptions } from '../options/guided-flags.js';
import { CHAT_TEMPLATE_HELP, type ModelOptions } from '../options/model-options.js';
import { choiceOption, numberOption } from '../options/option-parsers.js';

/** The flags as commander reads them. */
export interface ServeFlags extends ModelOptions, GuidedFlags {
  readonly host: string;
  readonly port: number;
  readonly tokenFile?: string;
  readonly users?: string;
  readonly embeddings?: string;
  readonly concurrency?: number;
  readonly queue: number;
  readonly maxBodyMb: number;
  readonly maxRows: number;
  readonly maxCandidates: number;
  readonly maxChains: number;
  readonly timeout: number;
  readonly grace: number;
  readonly gatherMs: number;
  readonly groupSize: number;
  readonly logTexts?: true;
  readonly ind: number;
  readonly pro: number;
  readonly adaptive?: number;
  readonly seed: number;
  readonly temperature: number;
  readonly maxTokens?: number;
  readonly historyEvents?: number;
}

/** Port where none is named. */
const DEFAULT_PORT = 8377;

/** Adds the flags. */
export function serveFlags(command: Command): Command {
  const bound = (flag: string, name: keyof typeof SERVER_DEFAULTS, help: string) =>
    numberOption(flag, help, SERVER_RANGES[name]).default(SERVER_DEFAULTS[name]);
  command
    .option('--host <host>', 'where to listen; another than this machine needs a token', '127.0.0.1')
    .addOption(numberOption('--port <n>', '0: a free one', SERVER_RANGES.port).default(DEFAULT_PORT))
    .option('--token-file <file>', 'file of the token that requests must bear; else PGENRM_TOKEN')
    .option('--users <file>', 'SQLite file of stored users; needs the package better-sqlite3')
    .option('--embeddings <model>', 'a GGUF that embeds for /v1/embeddings')
    .addOption(
      numberOption(
        '--concurrency <n>',
        'comparisons at once; default: as many as keep the model busy',
        SERVER_RANGES.concurrency,
      ),
    )
    .addOption(bound('--queue <n>', 'queue', 'rows that wait; with more, requests get 429'))
    .addOption(bound('--max-body-mb <n>', 'maxBodyMb', 'largest body in MB'))
    .addOption(bound('--max-rows <n>', 'maxRows', 'most rows a request'))
    .addOption(bound('--max-candidates <n>', 'maxCandidates', 'most candidates a row'))
    .addOption(bound('--max-chains <n>', 'maxChains', 'most chains that a request may ask for a row'))
    .addOption(bound('--timeout <s>', 'timeout', 'seconds after which a request is ended'))
    .addOption(bound('--grace <s>', 'grace', 'seconds that requests have to end when the server stops'))
    .addOption(
      bound(
        '--gather-ms <ms>',
        'gatherMs',
        'for how long a single candidate waits for others of the same user and prompt; 0: not at all',
      ),
    )
    .addOption(
      bound('--group-size <n>', 'groupSize', 'most candidates in one prompt; more are judged in groups'),
    )
    .option('--log-texts', 'log the bodies of requests')
    .addOption(numberOption('--ind <m>', 'chains a row', JUDGE_RANGES.individual).default(1))
    .addOption(numberOption('--pro <n>', 'chains a row as similar users', JUDGE_RANGES.prototypes).default(0))
    .option('--bank <folder>', 'the prototype bank in which similar users are sought')
    .option('--embedder <model>', 'the model that embedded the bank; default: the one that the judge names')
    .addOption(
      numberOption(
        '--adaptive [risk]',
        'stop as soon as more chains would change the winner with this probability at most',
        JUDGE_RANGES.adaptive,
      ).preset('0.05'),
    )
    .addOption(numberOption('--seed <n>', 'seed of judgments', JUDGE_RANGES.seed).default(0))
    .addOption(numberOption('--temperature <t>', '0 is greedy', JUDGE_RANGES.temperature).default(1))
    .addOption(numberOption('--max-tokens <n>', 'new tokens a chain', JUDGE_RANGES.maxTokens))
    .addOption(numberOption('--history-events <n>', 'most recent history events', JUDGE_RANGES.historyEvents))
    .option('--model <model>', 'nano (bundled), a path, or an hf: address', 'nano')
    .option('--template <template>', "a template's name or file; default: the model's own, else standard")
    .option('--chat-template <file>', CHAT_TEMPLATE_HELP)
    .addOption(choiceOption('--generator <kind>', 'force a generator', GENERATOR_CHOICES))
    .addOption(choiceOption('--gpu <backend>', 'where layers are computed', GPU_CHOICES).default('auto'));
  return engineFlags(guidedFlags(command));
}

/** How requests are judged that do not say. */
export function serveJudgeOptions(flags: ServeFlags): JudgeOptions {
  const { ind, pro, adaptive, seed, temperature, maxTokens, historyEvents } = flags;
  return {
    individual: ind,
    prototypes: pro,
    seed,
    temperature,
    ...(adaptive === undefined ? {} : { adaptive }),
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(historyEvents === undefined ? {} : { historyEvents }),
    ...guidedOptions(flags),
  };
}

/** How the server is run. Errors: `INPUT_NOT_FOUND` for a token file that cannot be read. */
export function serverOptions(flags: ServeFlags, env: NodeJS.ProcessEnv = process.env): ServerOptions {
  const { host, port, concurrency, logTexts } = flags;
  const { queue, maxBodyMb, maxRows, maxCandidates, maxChains, timeout, grace, gatherMs, groupSize } = flags;
  const token = flags.tokenFile === undefined ? env.PGENRM_TOKEN || undefined : readToken(flags.tokenFile);
  return {
    ...{ host, port, queue, maxBodyMb, maxRows, maxCandidates, maxChains },
    ...{ timeout, grace, gatherMs, groupSize },
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(token === undefined ? {} : { token }),
    judge: serveJudgeOptions(flags),
    logTexts: logTexts === true,
  };
}

function readToken(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new PgenrmError('INPUT_NOT_FOUND', `the token file ${path} cannot be read (${messageOf(error)})`, {
      cause: error,
    });
  }
}
