// The flags of `pgenrm serve`, and what they say of the server, the judge and the model.
// Knows names on both sides; starts nothing.

import { readFileSync } from 'node:fs';
import { messageOf, PgenrmError } from '../../errors.js';
import type { ServerOptions } from '../../http-server/options.js';
import type { JudgeOptions } from '../../reward-model/judgment.js';
import { guidedOptions } from '../options/guided-options.js';
import { type FlagName, type FlagValues, GUIDED, MODEL } from '../options/table/table.js';

/** The flags of the command. */
export const SERVE_FLAGS = [
  ...(['host', 'port', 'tokenFile', 'serve:users', 'embeddings', 'concurrency', 'queue'] as const),
  ...(['maxBodyMb', 'maxRows', 'maxCandidates', 'maxChains', 'timeout', 'grace'] as const),
  ...(['gatherMs', 'groupSize', 'logTexts', 'ind', 'pro', 'bank', 'embedder', 'adaptive'] as const),
  ...(['seed', 'temperature', 'maxTokens', 'historyEvents'] as const),
  ...GUIDED,
  ...MODEL,
] as const satisfies readonly FlagName[];

/** The flags as commander reads them. */
export type ServeFlags = FlagValues<typeof SERVE_FLAGS>;

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
