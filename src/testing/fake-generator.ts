// A Generator without a model: tokens are characters, texts come from a script.
// Keeps every request, so that tests can look at prompts, seeds and how much ran at once.

import { PgenrmError } from '../errors.js';
import type {
  Capabilities,
  Generation,
  GenerationRequest,
  Generator,
  GeneratorInfo,
  ModelInfo,
  Prompt,
  Sample,
} from '../generator/generator.js';
import type { PlannedGeneration, PlannedRequest, PlannedSample } from '../generator/plan.js';
import { checkPlannedRequest } from '../generator/plan-bounds.js';
import { checkPrompt, checkRequest, checkRoom } from '../generator/request-checks.js';
import { watchSampleSignals } from '../generator/sample-signals.js';
import { byLength, type FakeSample, responsesOf } from './fake-chains.js';
import { type FakePlanScript, followPlan } from './fake-plans.js';

/** How a {@link FakeGenerator} behaves. */
export interface FakeOptions {
  /**
   * The text of one sample; what it throws rejects the request. Default: a chain that scores responses by their length,
   * or words drawn by the seed where the prompt shows no responses.
   */
  readonly script?: (sample: FakeSample) => string;
  /** Milliseconds that a request takes, or that one with such a prompt takes; default 0. */
  readonly delayMs?: number | ((prompt: string) => number);
  /** Default 200,000. */
  readonly contextTokens?: number;
  /** Default 8. */
  readonly samplesAtOnce?: number;
  /** What samples of plans write; needs the capability `plans`. */
  readonly plans?: FakePlanScript;
  /** What it says it can do beside the usual; a grammar is the script's business. */
  readonly capabilities?: Partial<Capabilities>;
  /** In place of the usual facts. */
  readonly info?: Partial<GeneratorInfo>;
  readonly chatTemplate?: string;
  readonly metadata?: ReadonlyMap<string, string>;
}

const ROLES = ['<|system|>', '<|user|>', '<|assistant|>', '<|end|>'];
const FIRST_CONTROL = 0x110000;

/** The chat template of a {@link FakeGenerator}. */
export const FAKE_CHAT_TEMPLATE =
  '{% for message in messages %}<|{{ message.role }}|>\n{{ message.content }}<|end|>\n{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}';

/** A generator for tests of what is built on one: no model, no randomness, every request kept. */
export class FakeGenerator implements Generator {
  readonly info: GeneratorInfo;
  /** All plans that were asked for, in the order of asking. */
  readonly plannedRequests: PlannedRequest[] = [];
  readonly model: ModelInfo;
  /** All that was asked for, in the order of asking. */
  readonly requests: GenerationRequest[] = [];
  /** Requests at work, and the most that were at once. */
  active = 0;
  mostActive = 0;
  disposals = 0;
  readonly #options: FakeOptions;
  readonly #pauses = new Set<() => void>();
  #disposed = false;

  constructor(options: FakeOptions = {}) {
    this.#options = options;
    this.info = {
      kind: 'custom',
      engine: 'fake',
      version: '0',
      capabilities: { ...CAPABILITIES, ...options.capabilities },
      backend: 'cpu',
      devices: ['fake'],
      contextTokens: options.contextTokens ?? 200_000,
      samplesAtOnce: options.samplesAtOnce ?? 8,
      choices: ['fake: for tests'],
      details: {},
      ...options.info,
    };
    this.model = {
      name: '/nowhere/fake.gguf',
      description: 'fake 0B',
      parameters: 0,
      sizeBytes: 0,
      trainedContext: 200_000,
      chatTemplate: options.chatTemplate ?? FAKE_CHAT_TEMPLATE,
      bosToken: '',
      eosToken: '<|end|>',
      metadata: options.metadata ?? new Map([['pgenrm.template', 'compact']]),
    };
  }

  /** The tokens of a prompt: code points, and numbers beyond them for control tokens. Shape [promptTokens]. */
  tokensOf(prompt: Prompt): Int32Array {
    this.#throwIfDisposed();
    checkPrompt(prompt);
    const tokens: number[] = [];
    for (const run of trustedRuns(prompt)) {
      for (const word of run.trusted ? run.text.split(/(<\|(?:system|user|assistant|end)\|>)/) : [run.text]) {
        const role = run.trusted ? ROLES.indexOf(word) : -1;
        if (role >= 0) tokens.push(FIRST_CONTROL + role);
        else for (const character of word) tokens.push(character.codePointAt(0)!);
      }
    }
    return Int32Array.from(tokens);
  }

  async countTokens(prompt: Prompt, { signal }: { readonly signal?: AbortSignal } = {}): Promise<number> {
    signal?.throwIfAborted();
    return this.tokensOf(prompt).length;
  }

  async generate(request: GenerationRequest): Promise<Generation> {
    const promptTokens = this.tokensOf(request.prompt).length;
    checkRequest(request, this.info);
    checkRoom(promptTokens, request.maxTokens, this.info.contextTokens);
    request.signal?.throwIfAborted();
    this.requests.push(request);
    this.active += 1;
    this.mostActive = Math.max(this.mostActive, this.active);
    const cancelled = new Set<number>();
    const unwatch = watchSampleSignals(request.sampleSignals ?? [], (index) => cancelled.add(index));
    try {
      const prompt = promptText(request.prompt);
      const { delayMs = 0, script = byDefault } = this.#options;
      await this.#pause(typeof delayMs === 'function' ? delayMs(prompt) : delayMs, request.signal);
      const responses = responsesOf(prompt);
      const samples = request.seeds.map((seed, index): Sample => {
        if (cancelled.has(index))
          return { index, seed, text: '', tokens: 0, finish: 'cancelled', elapsedMs: 0 };
        const text = script({ prompt, responses, index, seed, request });
        return { index, seed, ...cut(text, request), elapsedMs: 1 };
      });
      for (const sample of samples) {
        const { index, tokens, text } = sample;
        if (text !== '') request.onText?.({ index, tokens, text });
        request.onSample?.(sample);
      }
      request.signal?.throwIfAborted();
      this.#throwIfDisposed();
      const generatedTokens = samples.reduce((sum, { tokens }) => sum + tokens, 0);
      return {
        samples,
        usage: { promptTokens, decodedPromptTokens: promptTokens, generatedTokens, prefillMs: 1, totalMs: 2 },
      };
    } finally {
      unwatch();
      this.active -= 1;
    }
  }

  async generatePlanned(request: PlannedRequest): Promise<PlannedGeneration> {
    if (!this.info.capabilities.plans) {
      throw new PgenrmError(
        'INVALID_OPTION',
        'this fake generator follows no plans; ask it for that capability',
      );
    }
    const promptTokens = this.tokensOf(request.prompt).length;
    await checkPlannedRequest(request, promptTokens, this.info, (text) =>
      this.tokensOf([{ text, trusted: false }]),
    );
    request.signal?.throwIfAborted();
    this.plannedRequests.push(request);
    const cancelled = new Set<number>();
    const unwatch = watchSampleSignals(request.sampleSignals ?? [], (index) => cancelled.add(index));
    const { delayMs = 0, plans } = this.#options;
    const ms = typeof delayMs === 'function' ? delayMs(promptText(request.prompt)) : delayMs;
    this.active += 1;
    this.mostActive = Math.max(this.mostActive, this.active);
    try {
      await this.#pause(ms, request.signal);
      const samples = request.seeds.map((seed, index) =>
        cancelled.has(index)
          ? cancelledSample(index, seed)
          : followPlan(request.plan, index, seed, plans, (part, text) =>
              request.onText?.({ index, part, tokens: 0, text }),
            ),
      );
      for (const sample of samples) request.onSample?.(sample);
      request.signal?.throwIfAborted();
      const generatedTokens = samples.reduce((sum, { text }) => sum + text.length, 0);
      return {
        samples,
        usage: { promptTokens, decodedPromptTokens: promptTokens, generatedTokens, prefillMs: 1, totalMs: 2 },
      };
    } finally {
      unwatch();
      this.active -= 1;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async close(): Promise<void> {
    this.disposals += 1;
    this.#disposed = true;
    for (const wake of [...this.#pauses]) wake();
  }

  #throwIfDisposed(): void {
    if (this.#disposed) throw new PgenrmError('DISPOSED', 'the fake generator was disposed');
  }

  async #pause(ms: number, stop: AbortSignal | undefined): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#pauses.delete(done);
        stop?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#pauses.add(done);
      stop?.addEventListener('abort', done);
    });
    stop?.throwIfAborted();
    this.#throwIfDisposed();
  }
}

const CAPABILITIES: Capabilities = {
  seeds: true,
  keepsDataText: true,
  grammar: false,
  minTokens: true,
  streaming: true,
  plans: false,
  embeddings: false,
};

/** A prompt as one text. */
export function promptText(prompt: Prompt): string {
  return prompt.map(({ text }) => text).join('');
}

function cancelledSample(index: number, seed: number): PlannedSample {
  const tokens = { given: 0, free: 0, chosen: 0, probed: 0, unjoined: 0 };
  return { index, seed, text: '', parts: [], tokens, finish: 'cancelled', elapsedMs: 0 };
}

function byDefault(sample: FakeSample): string {
  if (sample.responses.length > 0) return byLength(sample);
  // Greedy texts do not depend on the seed.
  let state = sample.request.sampling.temperature === 0 ? 1 : sample.seed + 2;
  const words = Array.from({ length: 100 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8).toString(36);
  });
  return words.join(' ');
}

/** What of a text stays within the request's bounds, and why it ends. */
function cut(text: string, { stop = [], minTokens = 0, maxTokens, thoughts }: GenerationRequest) {
  const whole = [...text.padEnd(minTokens, '.')];
  const room = whole.slice(0, maxTokens).join('');
  const from = answerFrom(room, thoughts);
  const ends = stop.map((word) => room.indexOf(word, from)).filter((at) => at >= 0);
  if (ends.length > 0) {
    const before = room.slice(0, Math.min(...ends));
    return { text: before, tokens: Math.max(1, [...before].length), finish: 'stop' as const };
  }
  const finish = whole.length > maxTokens ? ('length' as const) : ('endOfGeneration' as const);
  return { text: room, tokens: Math.max(1, [...room].length), finish };
}

/** Where a text's answer begins: behind its thoughts, which may have no end. */
function answerFrom(text: string, thoughts: GenerationRequest['thoughts']): number {
  if (thoughts === undefined) return 0;
  const begun = text.trimStart();
  const mark = thoughts.opened ? '' : thoughts.open.find((one) => begun.startsWith(one));
  if (mark === undefined) return 0;
  const inside = thoughts.opened ? 0 : text.length - begun.length + mark.length;
  const ends = thoughts.close.flatMap((one) => {
    const at = text.indexOf(one, inside);
    return at < 0 ? [] : [{ at, end: at + one.length }];
  });
  return ends.sort((a, b) => a.at - b.at)[0]?.end ?? text.length;
}

function trustedRuns(prompt: Prompt): { text: string; trusted: boolean }[] {
  const runs: { text: string; trusted: boolean }[] = [];
  for (const { text, trusted } of prompt) {
    const last = runs.at(-1);
    if (text !== '' && last?.trusted === trusted) last.text += text;
    else if (text !== '') runs.push({ text, trusted });
  }
  return runs;
}
