// What servers tell of themselves as a generator's and a model's facts; and that several servers are one.
// Asks nothing.

import { PgenrmError } from '../../errors.js';
import type { GeneratorInfo, ModelInfo } from '../generator.js';
import type { Connection } from './connection.js';
import type { Dialect } from './dialects/dialect.js';
import type { HttpOptions } from './http-options.js';

/** Samples of several servers at once where they do not say how many they write. */
const UNKNOWN_SLOTS = 32;

/** What the file of the model says that a server has. */
export interface KnownModel {
  readonly path: string;
  readonly parameters: number;
  readonly trainedContext: number;
  readonly chatTemplate: string | null;
  readonly metadata: ReadonlyMap<string, string>;
}

export function httpModel({ facts }: Dialect, file: KnownModel | undefined): ModelInfo {
  return {
    name: facts.model,
    description: `${facts.model} on ${facts.engine}`,
    parameters: facts.parameters,
    sizeBytes: facts.sizeBytes,
    trainedContext: facts.trainedContext,
    chatTemplate: facts.chatTemplate ?? file?.chatTemplate ?? '',
    bosToken: facts.bosToken,
    eosToken: facts.eosToken,
    metadata: new Map([...(file?.metadata ?? []), ['tokenizer.ggml.add_bos_token', `${facts.addsBos}`]]),
  };
}

/** Throws `INVALID_OPTION` where a server has too short a context or tells none and none is given. */
export function httpInfo(dialects: readonly Dialect[], options: HttpOptions): GeneratorInfo {
  const [{ name, facts, capabilities, remarks }] = dialects as [Dialect];
  const told = dialects.flatMap(({ facts: { contextTokens } }) =>
    contextTokens === null ? [] : [contextTokens],
  );
  const least = told.length === 0 ? null : Math.min(...told);
  const contextTokens = options.contextTokens ?? least;
  if (contextTokens === null) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `an ${facts.engine} server does not tell how many tokens it takes: give contextTokens (--context)`,
    );
  }
  if (least !== null && contextTokens > least) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `contextTokens must be at most the ${least} that the server has for one sample, got ${contextTokens}; start the server with a larger context`,
    );
  }
  const slots = dialects.reduce((sum, dialect) => sum + (dialect.facts.slots ?? UNKNOWN_SLOTS), 0);
  const { maxInFlight } = options;
  return {
    kind: 'http',
    engine: facts.engine,
    version: facts.version,
    capabilities,
    backend: 'remote',
    devices: options.urls.map((url) => url.replace(/\/+$/, '')),
    contextTokens,
    samplesAtOnce: maxInFlight === undefined ? slots : maxInFlight * dialects.length,
    why: options.dialect === undefined ? `${name}: by what the server answers` : `${name}: asked for`,
    choices: [...remarks],
    details: { dialect: name, model: facts.model, seedsRepeat: capabilities.seeds },
  };
}

/** Throws `MODEL_NOT_FOUND` where a server has another model than a file, as far as it tells. */
export function sameModel({ facts }: Dialect, file: KnownModel, { url }: Connection): void {
  const pairs = [
    ['parameters', file.parameters, facts.parameters],
    ['tokens of trained context', file.trainedContext, facts.trainedContext],
  ] as const;
  for (const [what, own, served] of pairs) {
    if (served === null || served === own) continue;
    throw new PgenrmError(
      'MODEL_NOT_FOUND',
      `the server ${url} has a model of ${served} ${what}, and ${file.path} has ${own}; name the file that the server has, or none`,
    );
  }
}

/** Throws `GENERATOR_UNAVAILABLE` where servers are of different kinds or have different models. */
export function sameServers(dialects: readonly Dialect[], connections: readonly Connection[]): void {
  const [first] = dialects as [Dialect];
  for (const [index, dialect] of dialects.entries()) {
    const differs = (
      [
        ['kind of server', first.name, dialect.name],
        ['model', first.facts.model, dialect.facts.model],
        ['parameters', first.facts.parameters, dialect.facts.parameters],
        ['chat template', first.facts.chatTemplate, dialect.facts.chatTemplate],
      ] as const
    ).find(([, one, other]) => one !== other);
    if (differs === undefined) continue;
    const [what, one, other] = differs;
    const shown = what === 'chat template' ? '' : ` (${one}, ${other})`;
    throw new PgenrmError(
      'GENERATOR_UNAVAILABLE',
      `the servers ${connections[0]!.url} and ${connections[index]!.url} differ in their ${what}${shown}; give servers with one model`,
    );
  }
}
