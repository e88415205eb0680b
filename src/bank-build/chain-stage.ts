// The first stage of a build: one evaluation chain a training row, kept as lines that a later session goes on from.
// Knows rows, prompts and the generator; nothing of embeddings.

import { existsSync } from 'node:fs';
import { z } from 'zod';
import { chainSeed, orderSeed } from '../chain/chain-seed.js';
import { present, presentationOrders } from '../chain/presentation.js';
import { type EvaluationChain, readChain } from '../chain/read-chain.js';
import { mapInOrder } from '../concurrency/in-order.js';
import type { PreferenceData, PreferenceRow, RowProblem } from '../data/preference-data.js';
import { PgenrmError } from '../errors.js';
import type { Generator } from '../generator/generator.js';
import { defaultMaxTokens } from '../options/max-tokens.js';
import { jsonLines } from '../output/json-lines.js';
import { LineFile } from '../output/line-file.js';
import type { HistoryEvent } from '../preference/preference.js';
import { type ChatTemplate, createChatTemplate } from '../prompt/chat-template.js';
import { fitPrompt } from '../prompt/fit-prompt.js';
import { JSON_END } from '../prompt/markers.js';
import type { PromptTemplate } from '../prompt/template.js';
import type { BuildSettings, JudgeSource } from './build-options.js';

const CHAIN_LINE = z.object({
  /** Number of the row in the file, from 1. */
  row: z.number().int(),
  id: z.string(),
  userId: z.string().exactOptional(),
  /** `lost`: no chain could be read; `failed`: none could be written; `invalid`: the row fits no shape. */
  status: z.enum(['usable', 'lost', 'failed', 'invalid']),
  /** Why it is not usable. */
  reason: z.string().exactOptional(),
  /** The chain, where one was written. */
  text: z.string().exactOptional(),
  /** New tokens over all tries, and how many tries there were. */
  tokens: z.number().int(),
  attempts: z.number().int(),
});

/** What is kept of one row's chain. */
export type ChainLine = z.infer<typeof CHAIN_LINE>;

/** Where the chains are and what they are made of. */
export interface ChainStage {
  readonly path: string;
  readonly data: PreferenceData;
  readonly settings: BuildSettings;
  readonly judge: JudgeSource;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (done: number, total: number) => void;
}

/** Rows that a build takes. */
export function rowsToTake({ data, settings }: Pick<ChainStage, 'data' | 'settings'>): number {
  return Math.min(data.count, settings.limit ?? data.count);
}

/** Writes the chains that are missing. Errors: those of the generator; `OUTPUT_FAILED`. Stops at the signal. */
export async function writeChains(stage: ChainStage): Promise<void> {
  const { path, settings, judge, signal, onProgress } = stage;
  let done = 0;
  let end = 0;
  if (existsSync(path)) {
    for await (const line of jsonLines(path)) {
      done += 1;
      end = line.end;
    }
  }
  const total = rowsToTake(stage);
  onProgress(done, total);
  if (done >= total) return;
  await using lines = await LineFile.open(path, existsSync(path) ? end : undefined);
  await using generator = await judge.load();
  signal?.throwIfAborted();
  const { model, tokenizer, info } = generator;
  if (settings.maxTokens !== null && settings.maxTokens >= info.contextTokens) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `maxTokens must leave room for a prompt in the context of ${info.contextTokens} tokens; got ${settings.maxTokens}; lower it or raise the context`,
    );
  }
  const chat = createChatTemplate(model.chatTemplate, {
    bosToken: tokenizer.bosToken,
    eosToken: tokenizer.eosToken,
  });
  const writer = { generator, chat, template: judge.template, settings };
  const concurrency =
    settings.concurrency ?? Math.min(16, info.scheduling?.promptsAtOnce ?? info.maxSequences);
  const missing = takenRows(stage.data, done, total);
  for await (const line of mapInOrder(missing, (row, _, stop) => chainLine(writer, row, stop), {
    concurrency,
    signal,
  })) {
    await lines.append(JSON.stringify(line));
    done += 1;
    onProgress(done, total);
  }
}

/** A row with its chain; rows that are not usable are left out. */
export interface ChainedRow {
  /** The row's user without the row's own choice, whatever the data says. */
  readonly row: PreferenceRow;
  readonly reading: EvaluationChain;
}

/** The rows with usable chains, in their order. Errors: `RUN_MISMATCH` where the lines are not of these rows. */
export async function* chainedRows(
  stage: Pick<ChainStage, 'path' | 'data' | 'settings'>,
): AsyncGenerator<ChainedRow, void, undefined> {
  const lines = chainLines(stage.path);
  try {
    for await (const row of takenRows(stage.data, 0, rowsToTake(stage))) {
      const { value: line } = await lines.next();
      if (!line || line.id !== idOf(row)) {
        throw new PgenrmError(
          'RUN_MISMATCH',
          `${stage.path} does not hold the chain of row ${row.number}; start anew with --force`,
        );
      }
      if (row.kind !== 'row' || line.status !== 'usable' || line.text === undefined) continue;
      yield { row, reading: readChain(line.text, { responses: row.item.candidates.length }) };
    }
  } finally {
    await lines.return();
  }
}

/** The lines of the stage. Errors: `RUN_MISMATCH`. */
export async function* chainLines(path: string): AsyncGenerator<ChainLine, void, undefined> {
  for await (const { value, index } of jsonLines(path)) {
    const checked = CHAIN_LINE.safeParse(value);
    if (!checked.success) {
      throw new PgenrmError(
        'RUN_MISMATCH',
        `${path}, line ${index + 1} is not as a build writes it; start anew with --force`,
      );
    }
    yield checked.data;
  }
}

async function* takenRows(
  data: PreferenceData,
  from: number,
  to: number,
): AsyncGenerator<PreferenceRow | RowProblem, void, undefined> {
  let index = 0;
  if (from >= to) return;
  for await (const row of data.rows()) {
    if (index >= from) yield row.kind === 'row' ? withoutOwnChoice(row) : row;
    index += 1;
    if (index >= to) return;
  }
}

function withoutOwnChoice(row: PreferenceRow): PreferenceRow {
  const { candidates, context } = row.item;
  const query = context.at(-1)?.content;
  const own = ({ context: asked, chosen, rejected }: HistoryEvent): boolean =>
    row.label !== undefined &&
    asked.at(-1)?.content === query &&
    candidates.includes(chosen) &&
    candidates.includes(rejected);
  if (!row.user.history.some(own)) return row;
  return { ...row, user: { ...row.user, history: row.user.history.filter((event) => !own(event)) } };
}

function idOf(row: PreferenceRow | RowProblem): string {
  return row.kind === 'row' ? row.id : `#${row.number}`;
}

interface ChainWriter {
  readonly generator: Generator;
  readonly chat: ChatTemplate;
  readonly template: PromptTemplate;
  readonly settings: BuildSettings;
}

/** Errors of a row that say nothing of other rows. */
const ROW_ERRORS = new Set(['CONTEXT_OVERFLOW', 'TEMPLATE_INVALID', 'INVALID_OPTION']);

async function chainLine(
  writer: ChainWriter,
  row: PreferenceRow | RowProblem,
  signal: AbortSignal,
): Promise<ChainLine> {
  const base = { row: row.number, id: idOf(row) };
  if (row.kind === 'problem') {
    return { ...base, status: 'invalid', reason: row.reason, tokens: 0, attempts: 0 };
  }
  const named = { ...base, ...(row.userId === undefined ? {} : { userId: row.userId }) };
  let tokens = 0;
  try {
    const request = requestOf(writer, row);
    let reason = '';
    let text = '';
    for (let attempt = 1; attempt <= writer.settings.attempts; attempt += 1) {
      const seeds = [seedOf(writer, row, attempt)];
      const { samples } = await writer.generator.generate({ ...request, seeds, signal });
      const sample = samples[0]!;
      tokens += sample.tokens;
      // The generator leaves the stop string out; the model wrote it.
      text = sample.finish === 'stop' ? `${sample.text}${JSON_END}` : sample.text;
      const reading = readChain(text, { responses: row.item.candidates.length });
      if (reading.usable && reading.analysisText.trim() !== '') {
        return { ...named, status: 'usable', text, tokens, attempts: attempt };
      }
      reason = reading.lost ?? 'noAnalysis';
    }
    return { ...named, status: 'lost', reason, text, tokens, attempts: writer.settings.attempts };
  } catch (error) {
    if (signal.aborted || !(error instanceof PgenrmError) || !ROW_ERRORS.has(error.code)) throw error;
    return { ...named, status: 'failed', reason: `${error.code}: ${error.message}`, tokens, attempts: 1 };
  }
}

function requestOf({ generator, chat, template, settings }: ChainWriter, { id, user, item }: PreferenceRow) {
  const { contextTokens } = generator.info;
  const maxTokens = settings.maxTokens ?? defaultMaxTokens(contextTokens, generator.model.metadata);
  const [order] = presentationOrders(item.candidates.length, 1, orderSeed(settings.seed, id));
  const { tokens } = fitPrompt({
    template,
    chat,
    tokenizer: generator.tokenizer,
    user,
    context: item.context,
    responses: present(order!, item.candidates),
    maxPromptTokens: contextTokens - maxTokens,
    ...(settings.historyEvents === null ? {} : { maxEvents: settings.historyEvents }),
  });
  return { prompt: tokens, sampling: settings.sampling, maxTokens, stop: [JSON_END] };
}

function seedOf({ settings }: ChainWriter, { id }: PreferenceRow, attempt: number): number {
  return chainSeed({ seed: settings.seed, key: id, level: 'individual', index: 0, attempt });
}
