// What `pgenrm doctor` says of inference servers: what answers, with which model, and which parts are exact there.
// Asks servers through the generator; decides nothing.

import type { Capabilities, GeneratorInfo } from '../generator/generator.js';
import { loadHttpGenerator } from '../generator/http/http-generator.js';
import type { HttpOptions } from '../generator/http/http-options.js';

/** What was found out of servers, as plain data. */
export interface ServedFinding {
  readonly generator: GeneratorInfo;
  readonly model: {
    readonly name: string;
    readonly parameters: number | null;
    readonly trainedContext: number | null;
  };
  /** Where the chat template comes from. */
  readonly chatTemplate: 'server' | 'none';
}

/** Opens servers and closes them again. Errors: those of `loadHttpGenerator`. */
export async function diagnoseServers(options: HttpOptions): Promise<ServedFinding> {
  const generator = await loadHttpGenerator(options);
  try {
    const { name, parameters, trainedContext, chatTemplate } = generator.model;
    return {
      generator: generator.info,
      model: { name, parameters, trainedContext },
      chatTemplate: chatTemplate === '' ? 'none' : 'server',
    };
  } finally {
    await generator.close();
  }
}

const PARTS: readonly (readonly [keyof Capabilities, yes: string, no: string])[] = [
  [
    'seeds',
    'a seed gives the same text again, as far as the batch allows',
    'a seed does not give the same text again',
  ],
  [
    'keepsDataText',
    'text of data stays text, whatever it spells',
    'text of data that spells a control token may become one',
  ],
  ['grammar', 'grammars are held', 'grammars are refused (--grammar)'],
  ['streaming', 'texts come as they are written', 'texts come when they are whole'],
  ['plans', 'guided chains are written', 'guided chains are refused (--decoding guided)'],
];

/** The finding for people; ends with a newline. */
export function servedText({ generator, model, chatTemplate }: ServedFinding): string {
  const { engine, version, devices, contextTokens, samplesAtOnce, why, capabilities, choices } = generator;
  const size = model.parameters === null ? '' : `, ${(model.parameters / 1e6).toFixed(1)} million parameters`;
  const lines: (readonly [string, string])[] = [
    ['servers', devices.join(', ')],
    ['engine', `${engine} ${version} (${why})`],
    ['model', `${model.name}${size}`],
    ['context', `${contextTokens} tokens of prompt and answer together`],
    ['at once', `${samplesAtOnce} chains`],
    [
      'chat template',
      chatTemplate === 'server'
        ? "the model's own, as the server has it"
        : 'none is told: give it with --chat-template',
    ],
    ...PARTS.map(
      ([part, yes, no]) =>
        [capabilities[part] ? 'exact' : 'not exact', capabilities[part] ? yes : no] as const,
    ),
    ...choices.map((choice) => ['note', choice] as const),
  ];
  return `Inference servers\n${lines.map(([name, found]) => `  ${name.padEnd(14)}${found}\n`).join('')}`;
}
