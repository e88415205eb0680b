// A Generator without a model: tokens are code points, chains come from a script.
// Keeps every request, so that tests can look at prompts, seeds and how much ran at once.

import { setMaxListeners } from 'node:events';
import { PgenrmError } from '../../src/errors.js';
import type {
  Generation,
  GenerationRequest,
  Generator,
  GeneratorInfo,
  KvCacheInfo,
  ModelInfo,
  Sample,
  Scheduling,
  Tokenizer,
} from '../../src/generator/generator.js';

/** What a script knows when it writes a chain. */
export interface FakeSample {
  /** The prompt as text, control tokens spelled out. */
  readonly prompt: string;
  /** Texts of the responses in the order of the prompt. */
  readonly responses: readonly string[];
  readonly index: number;
  readonly seed: number;
  readonly request: GenerationRequest;
}

export interface FakeOptions {
  /** The text of one sample; what it throws rejects the request. */
  readonly script?: (sample: FakeSample) => string;
  /** Milliseconds that a request takes. */
  readonly delayMs?: number | ((prompt: string) => number);
  readonly contextTokens?: number;
  readonly maxSequences?: number;
  readonly workers?: number;
  readonly kvCache?: KvCacheInfo;
  readonly chatTemplate?: string;
  readonly metadata?: ReadonlyMap<string, string>;
}

export const FAKE_SCHEDULING: Scheduling = {
  batch: 512,
  prefillChunk: 256,
  maxUnfinished: 9,
  maxIdleCells: 1000,
};
const ROLES = ['<|system|>', '<|user|>', '<|assistant|>', '<|end|>'];
const FIRST_CONTROL = 0x110000;
const CONTROL = new Map(ROLES.map((text, index) => [text, FIRST_CONTROL + index]));

export const FAKE_CHAT_TEMPLATE =
  '{% for message in messages %}<|{{ message.role }}|>\n{{ message.content }}<|end|>\n{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}';

/** A well-formed chain that gives these scores to the responses in order of presentation. */
export function chainText(scores: readonly (number | string)[]): string {
  const blocks = scores.map(
    (score, index) =>
      `Response ${index + 1}:\\n1. Fit: ${score}/10 - as wished.\\nFinal Score = (${score}*1.00) = ${score}\\n`,
  );
  const stated = scores.map((score, index) => `"response_${index + 1}": ${score}`);
  return [
    'PART 1: Chain-of-Thought Analysis',
    '',
    '1. **User Preference Synthesis**',
    '- Likes what fits.',
    '',
    '2. **Personalized Scoring Model Derivation**',
    '- Fit (100%): the one thing asked for.',
    '',
    'PART 2: Final Scoring and JSON Output',
    '<JSON_START>',
    `{"rationale": "A. Evaluation Criteria & Weights:\\n1. Fit - 100%\\n(Total = 100%)\\nB. Scoring Breakdown:\\n${blocks.join('')}", "better_response": {${stated.join(', ')}}}`,
    '<JSON_END>',
  ].join('\n');
}

/** Scores each response by the number of its characters: from 1, at most 10. */
export function byLength({ responses }: FakeSample): string {
  return chainText(responses.map((text) => Math.min(10, 1 + (text.length % 10))));
}

export class FakeGenerator implements Generator {
  readonly info: GeneratorInfo;
  readonly model: ModelInfo;
  readonly tokenizer: Tokenizer;
  readonly requests: GenerationRequest[] = [];
  active = 0;
  mostActive = 0;
  disposals = 0;
  readonly #options: FakeOptions;
  readonly #disposed = new AbortController();

  constructor(options: FakeOptions = {}) {
    this.#options = options;
    setMaxListeners(0, this.#disposed.signal);
    this.info = {
      kind: 'portable',
      llamaRelease: 'v0.0.0-fake',
      backend: 'cpu',
      devices: ['fake'],
      contextTokens: options.contextTokens ?? 200_000,
      ...(options.workers === undefined
        ? {}
        : {
            scheduling: {
              ...FAKE_SCHEDULING,
              workers: options.workers,
            },
          }),
      ...(options.kvCache === undefined ? {} : { kvCache: options.kvCache }),
      maxSequences: options.maxSequences ?? 8,
      threads: 1,
      choices: ['fake: for tests'],
    };
    this.model = {
      path: '/nowhere/fake.gguf',
      description: 'fake 0B',
      parameters: 0,
      sizeBytes: 0,
      trainedContext: 200_000,
      chatTemplate: options.chatTemplate ?? FAKE_CHAT_TEMPLATE,
      metadata: options.metadata ?? new Map([['pgenrm.template', 'compact']]),
    };
    this.tokenizer = {
      tokenize: (text) => Int32Array.from([...text], (character) => character.codePointAt(0)!),
      controlTokens: CONTROL,
      bosToken: '',
      eosToken: '<|end|>',
    };
  }

  async generate(request: GenerationRequest): Promise<Generation> {
    this.#throwIfStopped(request);
    this.requests.push(request);
    this.active += 1;
    this.mostActive = Math.max(this.mostActive, this.active);
    try {
      const prompt = promptText(request.prompt);
      const { delayMs = 0, script = byLength } = this.#options;
      await this.#pause(typeof delayMs === 'function' ? delayMs(prompt) : delayMs, request);
      const responses = responsesOf(prompt);
      const samples = request.seeds.map((seed, index): Sample => {
        const full = script({ prompt, responses, index, seed, request });
        const stop = request.stop?.map((word) => full.indexOf(word)).find((at) => at >= 0);
        const cut = full.slice(0, Math.min(stop ?? full.length, request.maxTokens));
        const finish = cut.length === stop ? 'stop' : cut.length < full.length ? 'length' : 'endOfGeneration';
        return { index, seed, text: cut, tokens: cut.length, finish, elapsedMs: 1 };
      });
      for (const sample of samples) request.onSample?.(sample);
      this.#throwIfStopped(request);
      const generatedTokens = samples.reduce((sum, sample) => sum + sample.tokens, 0);
      return {
        samples,
        usage: {
          promptTokens: request.prompt.length,
          decodedPromptTokens: request.prompt.length,
          generatedTokens,
          prefillMs: 1,
          totalMs: 2,
        },
      };
    } finally {
      this.active -= 1;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disposals += 1;
    this.#disposed.abort();
  }

  #throwIfStopped({ signal }: GenerationRequest): void {
    signal?.throwIfAborted();
    if (this.#disposed.signal.aborted) throw new PgenrmError('DISPOSED', 'the fake generator was disposed');
  }

  async #pause(ms: number, request: GenerationRequest): Promise<void> {
    const signals = [this.#disposed.signal, ...(request.signal === undefined ? [] : [request.signal])];
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        for (const signal of signals) signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      for (const signal of signals) signal.addEventListener('abort', done);
    });
    this.#throwIfStopped(request);
  }
}

/** The text of a prompt that {@link FakeGenerator} tokenized. */
export function promptText(tokens: Int32Array): string {
  return Array.from(tokens, (token) =>
    token >= FIRST_CONTROL ? ROLES[token - FIRST_CONTROL]! : String.fromCodePoint(token),
  ).join('');
}

function responsesOf(prompt: string): string[] {
  const pattern = /\[The Start of Response (\d+)\]\n([\s\S]*?)\n\[The End of Response \1\]/g;
  return [...prompt.matchAll(pattern)].map((match) => match[2]!);
}
