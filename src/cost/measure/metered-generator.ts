// A generator that keeps account of what each judgment asks of it: prompts, what of them is shared, chains.
// Knows requests and their answers; how they are generated is the generator's inside.

import { AsyncLocalStorage } from 'node:async_hooks';
import { PgenrmError } from '../../errors.js';
import type {
  Generation,
  GenerationRequest,
  Generator,
  GeneratorInfo,
  ModelInfo,
  Prompt,
} from '../../generator/generator.js';
import { telling } from '../../generator/llama/llama-info.js';
import { forgetting } from '../../generator/native/native-info.js';
import type { PlannedGeneration, PlannedRequest } from '../../generator/plan.js';

/** What one judgment asked of its generator. */
export interface RequestAccount {
  requests: number;
  /** Chains that were asked for. */
  chains: number;
  /** Prompt tokens, each request's prompt once. */
  promptTokens: number;
  /** Prompt tokens if every chain decoded a prompt of its own. */
  unsharedPromptTokens: number;
  /** Prompt tokens that had to be decoded; what other judgments left in the cache is not among them. */
  decodedPromptTokens: number;
  /** Prompt tokens that no other prompt of the judgment begins with: what it needs KV cells for. */
  distinctPromptTokens: number;
  generatedTokens: number;
  /** New tokens of each chain that ended. */
  readonly chainTokens: number[];
  readonly prompts: Int32Array[];
  /** Each request in the order of asking; `decoded` is 0 until it has ended. */
  readonly each: { readonly length: number; readonly chains: number; decoded: number }[];
}

/** The account of no request at all. */
export function emptyAccount(): RequestAccount {
  return {
    requests: 0,
    chains: 0,
    promptTokens: 0,
    unsharedPromptTokens: 0,
    decodedPromptTokens: 0,
    distinctPromptTokens: 0,
    generatedTokens: 0,
    chainTokens: [],
    prompts: [],
    each: [],
  };
}

/** A generator that answers as `inside` does and keeps accounts. Disposing it disposes `inside`. */
export class MeteredGenerator implements Generator {
  readonly #inside: Generator;
  readonly #judgments = new AsyncLocalStorage<RequestAccount>();
  #spentMs = 0;

  constructor(inside: Generator) {
    this.#inside = inside;
  }

  get info(): GeneratorInfo {
    return this.#inside.info;
  }

  get model(): ModelInfo {
    return this.#inside.model;
  }

  /** Milliseconds that keeping accounts took so far. */
  get spentMs(): number {
    return this.#spentMs;
  }

  /** Has the generator forget prompts, where it keeps any. */
  forget(): void {
    forgetting(this.#inside)?.forget();
  }

  countTokens(prompt: Prompt, options?: { readonly signal?: AbortSignal }): Promise<number> {
    return this.#inside.countTokens(prompt, options);
  }

  /** Runs a judgment and gives it the account of all requests that it makes. */
  async account<T>(
    judge: () => Promise<T>,
  ): Promise<{ readonly result: T; readonly account: RequestAccount }> {
    const account = emptyAccount();
    return { result: await this.#judgments.run(account, judge), account };
  }

  generate(request: GenerationRequest): Promise<Generation> {
    return this.#metered(request, () => this.#inside.generate(request));
  }

  generatePlanned(request: PlannedRequest): Promise<PlannedGeneration> {
    return this.#metered(request, async () => {
      if (this.#inside.generatePlanned !== undefined) return this.#inside.generatePlanned(request);
      throw new PgenrmError('GENERATOR_UNAVAILABLE', `the ${this.info.kind} generator follows no plans`);
    });
  }

  async #metered<T extends Generation | PlannedGeneration>(
    request: Pick<GenerationRequest, 'prompt' | 'seeds'>,
    generate: () => Promise<T>,
  ): Promise<T> {
    const account = this.#judgments.getStore();
    if (account === undefined) return generate();
    const began = performance.now();
    const entry = enter(account, request, this.#tokensOf(request.prompt));
    this.#spentMs += performance.now() - began;
    const generation = await generate();
    const ended = performance.now();
    account.decodedPromptTokens += generation.usage.decodedPromptTokens;
    entry.decoded = generation.usage.decodedPromptTokens;
    account.generatedTokens += generation.usage.generatedTokens;
    for (const { tokens, finish } of generation.samples) {
      if (finish === 'cancelled') continue;
      account.chainTokens.push(typeof tokens === 'number' ? tokens : tokens.free + tokens.chosen);
    }
    this.#spentMs += performance.now() - ended;
    return generation;
  }

  // Only prompts in tokens tell what they share.
  #tokensOf(prompt: Prompt): Int32Array {
    const inside = telling(this.#inside);
    if (inside !== null) return inside.tokensOf(prompt);
    throw new PgenrmError(
      'GENERATOR_UNAVAILABLE',
      `what judgments share is measured on the native or the portable generator; this one (${this.info.kind}) does not tell tokens`,
    );
  }

  async close(): Promise<void> {
    await this.#inside.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function enter(
  account: RequestAccount,
  { seeds }: Pick<GenerationRequest, 'seeds'>,
  prompt: Int32Array,
): RequestAccount['each'][number] {
  account.requests += 1;
  account.chains += seeds.length;
  account.promptTokens += prompt.length;
  account.unsharedPromptTokens += prompt.length * seeds.length;
  const shared = account.prompts.reduce((most, other) => Math.max(most, sharedLength(prompt, other)), 0);
  account.distinctPromptTokens += prompt.length - shared;
  account.prompts.push(prompt);
  const entry = { length: prompt.length, chains: seeds.length, decoded: 0 };
  account.each.push(entry);
  return entry;
}

/** How many tokens two prompts begin with alike. */
function sharedLength(a: Int32Array, b: Int32Array): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a[length] === b[length]) length += 1;
  return length;
}
