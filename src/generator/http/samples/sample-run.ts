// Has one sample written over HTTP: streamed where somebody listens, and in several requests where one cannot say all of it.
// Knows a dialect and the ways to a server; nothing of requests of several samples.

import { PgenrmError } from '../../../errors.js';
import type { FinishReason, Prompt } from '../../generation.js';
import type { Attempts } from '../attempts.js';
import type { Dialect, SampleAsk, SentPrompt, Written } from '../dialects/dialect.js';
import type { FleetServer } from '../fleet.js';
import { answerFrom, endsInThoughts, TextEnd, writtenPieces } from './text-end.js';

/** What a sample is written with. */
export interface SampleTask {
  readonly ask: Omit<SampleAsk, 'stream' | 'prompt' | 'mayEnd'>;
  readonly minTokens: number;
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

/** What was written before a request of the same sample. */
interface Before {
  readonly text: string;
  readonly tokens: number;
  /** The prompt and the text as tokens; null where they are not known. */
  readonly ids: readonly number[] | null;
}

/** Most tokens of one character beyond its first. */
const REST_OF_CHARACTER = 4;

export class SampleWriter {
  /** Whether each server keeps a grammar for its trigger, and for the end of thoughts, is `waitsForGrammar` of the dialect. */
  constructor(
    private readonly dialect: (server: FleetServer) => Dialect,
    private readonly waitsForGrammar: boolean,
    private readonly attempts: Attempts,
    private readonly timeoutMs: number,
  ) {}

  /** Errors: those of the servers; rejects with the signal's reason unless `cancel` aborted. */
  async write(task: SampleTask): Promise<SampleResult> {
    const progress: Progress = { text: '', tokens: 0, shown: '' };
    const sum = { decoded: 0, promptTokens: 0 };
    const { maxTokens, thoughts } = task.ask;
    const gate = new GrammarGate(task.ask, this.waitsForGrammar);
    let before: Before = { text: '', tokens: 0, ids: null };
    try {
      for (;;) {
        const prompt = await this.#promptBehind(before, task);
        const least = task.minTokens - before.tokens;
        const ask = {
          ...task.ask,
          ...gate.fieldsBehind(before.text),
          prompt,
          seed: (task.ask.seed + Math.imul(before.tokens, 0x9e3779b9)) >>> 0,
          maxTokens: maxTokens - before.tokens,
          mayEnd: least <= 0,
        };
        const written = await (least > 0
          ? this.#atLeast(least, ask, before, task, progress)
          : this.#one(ask, before, task, progress));
        if (before.tokens === 0) {
          sum.promptTokens = written.promptTokens;
          sum.decoded = written.promptTokens - (written.cachedTokens ?? 0);
        }
        const text = before.text + written.text;
        const tokens = before.tokens + written.tokens;
        const goesOn = tokens < maxTokens;
        if (written.finish === 'length' && least > 0 && goesOn) {
          before = { text, tokens, ids: idsBehind(prompt, written) };
        } else if (
          written.finish === 'stop' &&
          (gate.opens(written, text) || endsInThoughts(text, thoughts))
        ) {
          // A draft within thoughts ends nothing, nor does what a grammar waits for: writing goes on behind it.
          before = { text: text + stopOf(written, ask.stop), tokens, ids: null };
          if (!goesOn) {
            this.#tell(progress, before.text, tokens, task);
            return { text: before.text, tokens, finish: 'length', ...sum };
          }
        } else {
          progress.text = text;
          this.#tell(progress, text, tokens, task);
          return { text, tokens, finish: written.finish, ...sum };
        }
        this.#tell(progress, before.text, tokens, task);
      }
    } catch (error) {
      if (task.cancel?.aborted !== true || error !== task.cancel.reason) throw error;
      return { text: progress.text, tokens: progress.tokens, finish: 'cancelled', ...sum };
    }
  }

  #promptBehind({ text, ids }: Before, task: SampleTask): Promise<SentPrompt> {
    if (ids !== null) return Promise.resolve({ kind: 'ids', ids });
    if (text === '') return task.send(task.prompt);
    return task.send([...task.prompt, ...writtenPieces(text, task.ask.thoughts)]);
  }

  /** So many tokens of which none ends the text; as many more as end the character that they would cut through. */
  async #atLeast(
    least: number,
    ask: Omit<SampleAsk, 'stream'>,
    before: Before,
    task: SampleTask,
    progress: Progress,
  ): Promise<Written> {
    const silent = { ...task, onText: undefined };
    for (let more = 0; ; more += 1) {
      const maxTokens = Math.min(ask.maxTokens, least + more);
      const written = await this.#one({ ...ask, maxTokens }, before, silent, progress, false);
      const stop = stopIn(before.text, written, ask.stop, task.ask.thoughts);
      if (stop !== null) return stop;
      const half = written.finish === 'length' && written.text.endsWith('\ufffd');
      if (!half || maxTokens === ask.maxTokens || more === REST_OF_CHARACTER) return written;
    }
  }

  #one(
    ask: Omit<SampleAsk, 'stream'>,
    before: Before,
    task: SampleTask,
    progress: Progress,
    streams = true,
  ): Promise<Written> {
    const send = async (server: FleetServer): Promise<Written> => {
      const dialect = this.dialect(server);
      const stream =
        streams &&
        (task.onText !== undefined ||
          task.cancel !== undefined ||
          (dialect.stopsHere && ask.stop.length > 0));
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
        const text = before.text + reader.text;
        const { shown, stop } = end.follow(text);
        progress.text = text.slice(0, shown);
        progress.tokens = before.tokens + reader.tokens;
        this.#tell(progress, progress.text, progress.tokens, task);
        if (!dialect.stopsHere || stop === null) return last;
        stopped = stop;
        return true;
      });
      if (stopped === null) return reader.written();
      const { start, end: behind } = stopped as { start: number; end: number };
      return {
        text: (before.text + reader.text).slice(before.text.length, start),
        tokens: Math.max(1, reader.tokens),
        finish: 'stop',
        stoppedBy: (before.text + reader.text).slice(start, behind),
        promptTokens: 0,
        cachedTokens: null,
        ids: null,
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

/** When a grammar begins to hold, where the server itself cannot wait: behind its trigger, and behind thoughts that are open. */
class GrammarGate {
  readonly #waits: boolean;

  constructor(
    private readonly ask: SampleTask['ask'],
    serverWaits: boolean,
  ) {
    const { grammar, grammarTrigger, thoughts } = ask;
    this.#waits =
      !serverWaits && grammar !== undefined && (grammarTrigger !== undefined || thoughts?.opened === true);
  }

  /** What ends the request before the grammar holds; nothing where it does. */
  #keys(text: string): readonly string[] {
    const { grammarTrigger, thoughts } = this.ask;
    if (!this.#waits) return [];
    if (endsInThoughts(text, thoughts)) return thoughts!.close;
    return grammarTrigger === undefined || text.includes(grammarTrigger, answerFrom(text, thoughts))
      ? []
      : [grammarTrigger];
  }

  fieldsBehind(text: string): Pick<SampleAsk, 'stop' | 'grammar' | 'grammarTrigger'> {
    const { grammar, grammarTrigger, stop } = this.ask;
    if (!this.#waits) return { grammar, grammarTrigger, stop };
    const keys = this.#keys(text);
    if (keys.length === 0) return { grammar, grammarTrigger: undefined, stop };
    return { grammar: undefined, grammarTrigger: undefined, stop: [...new Set([...stop, ...keys])] };
  }

  /** Whether a text ended because something came that the grammar waits for. */
  opens({ stoppedBy }: Written, text: string): boolean {
    return stoppedBy !== null && this.#keys(text).includes(stoppedBy);
  }
}

/** What was written, as ended by a stop string in it; null where there is none. */
function stopIn(
  before: string,
  written: Written,
  stop: readonly string[],
  thoughts: SampleAsk['thoughts'],
): Written | null {
  if (written.finish === 'stop') return written;
  const found = new TextEnd(stop, thoughts).follow(before + written.text).stop;
  if (found === null) return null;
  const whole = before + written.text;
  return {
    ...written,
    text: whole.slice(before.length, found.start),
    finish: 'stop',
    stoppedBy: whole.slice(found.start, found.end),
  };
}

function idsBehind(prompt: SentPrompt, { ids }: Written): readonly number[] {
  if (prompt.kind === 'ids' && ids !== null) return [...prompt.ids, ...ids];
  throw new PgenrmError(
    'DECODE_FAILED',
    'the server does not tell which tokens it wrote, so none can follow them',
  );
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
