// Has one sample written over HTTP: streamed where somebody listens, continued where a draft within thoughts ended it.
// Knows a dialect and the ways to a server; nothing of requests of several samples.

import { PgenrmError } from '../../../errors.js';
import type { FinishReason, Prompt } from '../../generation.js';
import type { Attempts } from '../attempts.js';
import type { Dialect, SampleAsk, SentPrompt, Written } from '../dialects/dialect.js';
import type { FleetServer } from '../fleet.js';
import { endsInThoughts, TextEnd, writtenPieces } from './text-end.js';

/** What a sample is written with. */
export interface SampleTask {
  readonly ask: Omit<SampleAsk, 'stream' | 'prompt'>;
  readonly prompt: Prompt;
  /** The prompt as this server reads it. */
  readonly send: (prompt: Prompt) => Promise<SentPrompt>;
  readonly key: string;
  /** Ends the sample, its request, or all. */
  readonly signal: AbortSignal;
  /** Ends the sample alone, which keeps its text. */
  readonly cancel: AbortSignal | undefined;
  readonly onText: ((text: string, tokens: number) => void) | undefined;
}

export interface SampleResult {
  readonly text: string;
  readonly tokens: number;
  readonly finish: FinishReason;
  /** Tokens of the prompt that the server had to decode, as far as it tells. */
  readonly decoded: number;
  /** As the server counted the prompt. */
  readonly promptTokens: number;
}

/** How far a sample has come. */
interface Progress {
  text: string;
  tokens: number;
  /** What the listener was handed. */
  shown: string;
}

export class SampleWriter {
  constructor(
    private readonly dialect: (server: FleetServer) => Dialect,
    private readonly attempts: Attempts,
    private readonly timeoutMs: number,
  ) {}

  /** Errors: those of the servers; rejects with the signal's reason unless `cancel` aborted. */
  async write(task: SampleTask): Promise<SampleResult> {
    const progress: Progress = { text: '', tokens: 0, shown: '' };
    const sum = { decoded: 0, promptTokens: 0 };
    try {
      let before = '';
      let used = 0;
      for (;;) {
        const pieces =
          before === '' ? task.prompt : [...task.prompt, ...writtenPieces(before, task.ask.thoughts)];
        const prompt = await task.send(pieces);
        const ask = { ...task.ask, prompt, maxTokens: task.ask.maxTokens - used };
        const written = await this.#one(ask, before, used, task, progress);
        if (before === '') {
          sum.promptTokens = written.promptTokens;
          sum.decoded = written.promptTokens - (written.cachedTokens ?? 0);
        }
        const text = before + written.text;
        const tokens = used + written.tokens;
        if (written.finish !== 'stop' || !endsInThoughts(text, task.ask.thoughts)) {
          progress.text = text;
          this.#tell(progress, text, tokens, task);
          return { text, tokens, finish: written.finish, ...sum };
        }
        // A draft within thoughts ends nothing: writing goes on behind it.
        before = text + stopOf(written, ask.stop);
        used = tokens;
        this.#tell(progress, before, used, task);
        if (used >= task.ask.maxTokens) return { text: before, tokens: used, finish: 'length', ...sum };
      }
    } catch (error) {
      if (task.cancel?.aborted !== true || error !== task.cancel.reason) throw error;
      return { text: progress.text, tokens: progress.tokens, finish: 'cancelled', ...sum };
    }
  }

  #one(
    ask: Omit<SampleAsk, 'stream'>,
    before: string,
    used: number,
    task: SampleTask,
    progress: Progress,
  ): Promise<Written> {
    const send = async (server: FleetServer): Promise<Written> => {
      const dialect = this.dialect(server);
      const stream =
        task.onText !== undefined || task.cancel !== undefined || (dialect.stopsHere && ask.stop.length > 0);
      const whole: SampleAsk = { ...ask, stream };
      const { path, body } = dialect.request(whole);
      const options = {
        body,
        signal: task.signal,
        timeoutMs: this.timeoutMs,
        headers: affinityHeaders(task.key),
      };
      if (!stream) return dialect.read(await server.connection.json('POST', path, options), whole);
      const reader = dialect.reader(whole);
      const end = new TextEnd(ask.stop, task.ask.thoughts);
      let stopped: { start: number; end: number } | null = null;
      await server.connection.events(path, options, (event) => {
        const last = reader.take(event);
        const text = before + reader.text;
        const { shown, stop } = end.follow(text);
        progress.text = text.slice(0, shown);
        progress.tokens = used + reader.tokens;
        this.#tell(progress, progress.text, progress.tokens, task);
        if (!dialect.stopsHere || stop === null) return last;
        stopped = stop;
        return true;
      });
      if (stopped === null) return reader.written();
      const { start, end: behind } = stopped as { start: number; end: number };
      return {
        text: (before + reader.text).slice(before.length, start),
        tokens: Math.max(1, reader.tokens),
        finish: 'stop',
        stoppedBy: (before + reader.text).slice(start, behind),
        promptTokens: 0,
        cachedTokens: null,
      };
    };
    return this.attempts.run(task.key, task.signal, send, ({ tokens }) => tokens);
  }

  /** Hands on what is new. A repeated request that writes something else cannot take back what was shown. */
  #tell(progress: Progress, text: string, tokens: number, task: SampleTask): void {
    const { shown } = progress;
    if (task.onText === undefined || text.length <= shown.length) return;
    if (!text.startsWith(shown)) {
      throw new PgenrmError(
        'DECODE_FAILED',
        'a stream was cut and the repeated request wrote another text than what was shown already',
      );
    }
    progress.shown = text;
    task.onText(text.slice(shown.length), tokens);
  }
}

function stopOf({ stoppedBy }: Written, stop: readonly string[]): string {
  if (stoppedBy !== null && stoppedBy !== '') return stoppedBy;
  if (stop.length === 1) return stop[0]!;
  throw new PgenrmError(
    'DECODE_FAILED',
    'a stop string ended a thought and the server does not say which one; give one stop string',
  );
}

/** Headers by which `sglang-router` and `vllm-router` keep requests of one key on one server. */
export function affinityHeaders(key: string): Record<string, string> {
  return { 'x-session-id': key, 'x-smg-routing-key': key };
}
