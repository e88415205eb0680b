// What a kind of inference server has to say for itself: how it is asked for a sample, and how its answers are read.
// Types, and the checks of answers that all kinds share.

import type { Sampling, ThoughtMarks } from '../../generation.js';
import type { Capabilities } from '../../generator.js';
import type { Connection, SendOptions } from '../connection.js';
import { ServerFailure } from '../connection.js';
import type { ServerDialect } from '../http-options.js';
import type { PlanDialect } from './plan-dialect.js';

/** A prompt as it is sent. */
export type SentPrompt =
  | { readonly kind: 'ids'; readonly ids: readonly number[] }
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'chat';
      readonly messages: readonly { readonly role: string; readonly content: string }[];
    };

/** One sample that is asked for. */
export interface SampleAsk {
  readonly prompt: SentPrompt;
  readonly seed: number;
  readonly sampling: Sampling;
  readonly maxTokens: number;
  readonly stop: readonly string[];
  readonly grammar?: string | undefined;
  readonly grammarTrigger?: string | undefined;
  readonly thoughts?: ThoughtMarks | undefined;
  /** Whether a token that ends the text may be drawn; where not, the tokens are wanted, and more may follow. */
  readonly mayEnd: boolean;
  readonly stream: boolean;
}

/** What a server wrote. */
export interface Written {
  readonly text: string;
  readonly tokens: number;
  readonly finish: 'stop' | 'endOfGeneration' | 'length';
  /** The stop string that ended it; null where the server does not say, or none did. */
  readonly stoppedBy: string | null;
  readonly promptTokens: number;
  /** Tokens of the prompt that were there already; null where the server does not say. */
  readonly cachedTokens: number | null;
  /** The tokens that were written, where they were wanted; null elsewhere. */
  readonly ids: readonly number[] | null;
}

/** Reads a stream: each event in turn gives the text so far, and the last one what was written. */
export interface StreamReader {
  /** True once the last event came. */
  take(event: unknown): boolean;
  readonly text: string;
  readonly tokens: number;
  /** Throws where the stream ended too early. */
  written(): Written;
}

/** A server as one dialect sees it. */
export interface Dialect {
  readonly name: ServerDialect;
  readonly capabilities: Capabilities;
  readonly facts: ServerFacts;
  /** Stop strings are sought here, in a stream, for the server does not tell which one ended a text. */
  readonly stopsHere: boolean;
  /** The server itself keeps a grammar until its trigger came and thoughts are over. */
  readonly waitsForGrammar: boolean;
  /** What is not exact with this dialect, for people. */
  readonly remarks: readonly string[];
  /**
   * Tokens of a text, control tokens that it spells as text or (`special`) as tokens with their texts; null where
   * the server does not tokenize.
   */
  readonly tokenize: Tokenize | null;
  /** Null where it follows no plans. */
  readonly plans: PlanDialect | null;
  request(ask: SampleAsk): { readonly path: string; readonly body: Readonly<Record<string, unknown>> };
  read(answer: unknown, ask: SampleAsk): Written;
  reader(ask: SampleAsk): StreamReader;
}

export interface Token {
  readonly id: number;
  /** Null where it is no text of its own. */
  readonly piece: string | null;
}

export type Tokenize = (
  connection: Connection,
  text: string,
  special: boolean,
  options: SendOptions,
) => Promise<readonly Token[]>;

/** What a server tells of itself. */
export interface ServerFacts {
  readonly engine: string;
  readonly version: string;
  readonly model: string;
  /** Null where it does not tell, as the others. */
  readonly contextTokens: number | null;
  readonly trainedContext: number | null;
  readonly parameters: number | null;
  readonly sizeBytes: number | null;
  /** Samples that it writes at once. */
  readonly slots: number | null;
  readonly chatTemplate: string | null;
  readonly bosToken: string;
  readonly eosToken: string;
  /** Whether a text that it tokenizes by itself begins with the token that begins a sequence. */
  readonly addsBos: boolean;
}

/** Facts of a server that tells no more than its name, model and context. */
export const UNTOLD = {
  trainedContext: null,
  parameters: null,
  sizeBytes: null,
  slots: null,
  bosToken: '',
  eosToken: '',
  addsBos: false,
} as const satisfies Partial<ServerFacts>;

/** Asks a server; the options are those of every request to it while it is looked at. */
export type Ask = (method: 'GET' | 'POST', path: string, body?: unknown) => Promise<unknown>;

type Fields = Readonly<Record<string, unknown>>;

/** The fields of an object; none of anything else. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

export function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}

export function countOr(value: unknown): number | null {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null;
}

/** A failure for an answer that cannot be right. */
export function wrongAnswer(expected: string, got: unknown): ServerFailure {
  const shown = JSON.stringify(got) ?? String(got);
  return new ServerFailure(
    `the server's answer must have ${expected}, got ${shown.slice(0, 200)}`,
    'answer',
    'DECODE_FAILED',
  );
}

/** A failure for a server that ended a sample with an error of its own. */
export function brokeOff(reason: string): ServerFailure {
  return new ServerFailure(`the server broke off: ${reason.slice(0, 200)}`, 'server', 'DECODE_FAILED');
}

/** A failure for a stream that was cut. */
export function endedEarly(): ServerFailure {
  return new ServerFailure('the stream ended without a finish_reason', 'connection', 'GENERATOR_UNAVAILABLE');
}

/** The tokens that were written where they were wanted. Throws a failure `answer` where they are none. */
export function idsOf(value: unknown, { mayEnd }: SampleAsk): readonly number[] | null {
  if (mayEnd) return null;
  if (!Array.isArray(value) || !value.every((id) => countOr(id) !== null))
    throw wrongAnswer('the tokens that it wrote', value);
  return value as number[];
}

/** Checks what was read against what was asked. Throws a failure `answer`. */
export function checkWritten(written: Written, ask: SampleAsk): Written {
  const { text, tokens, promptTokens } = written;
  if (typeof text !== 'string') throw wrongAnswer('a text', text);
  if (!Number.isInteger(tokens) || tokens < 0 || tokens > ask.maxTokens)
    throw wrongAnswer(`0 to ${ask.maxTokens} new tokens`, tokens);
  if (text !== '' && tokens === 0) throw wrongAnswer('new tokens for its text', tokens);
  if (ask.prompt.kind === 'ids' && promptTokens !== ask.prompt.ids.length)
    throw wrongAnswer(`${ask.prompt.ids.length} tokens of the prompt, as were sent`, promptTokens);
  if (!Number.isInteger(promptTokens) || promptTokens < 1)
    throw wrongAnswer('tokens of the prompt', promptTokens);
  return written;
}
