// What every text generator does: a prompt in, m sampled texts out.
// Knows nothing of how a generator works: in this process, behind HTTP, in a browser.

import type { Generation, GenerationRequest, Prompt } from './generation.js';
import type { PlannedGeneration, PlannedRequest } from './plan.js';

export type * from './generation.js';

/** Facts about a loaded model. */
export interface ModelInfo {
  /** Absolute path of the GGUF file, or what a server calls the model. */
  readonly name: string;
  /** llama.cpp's description, such as `llama 8B Q8_0`; a size that it has no name for is the parameter count: `llama 3.5M Q8_0`. */
  readonly description: string;
  /** Null where the engine does not tell, as the others. */
  readonly parameters: number | null;
  /** Bytes of the tensors. */
  readonly sizeBytes: number | null;
  /** Context length that the model was trained with, in tokens. */
  readonly trainedContext: number | null;
  /** The model's Jinja chat template; '' where it has none. */
  readonly chatTemplate: string;
  /** Text of the token that begins a sequence, or '' where the model has none. */
  readonly bosToken: string;
  /** Text of the token that ends a sequence, or '' where the model has none. */
  readonly eosToken: string;
  /** The GGUF's string metadata by key; empty where the engine does not tell. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** What of {@link GenerationRequest} and {@link Prompt} a generator can do. What it cannot it refuses, by name. */
export interface Capabilities {
  /** The same request with the same seed gives the same text, as far as the arithmetic of a batch allows. */
  readonly seeds: boolean;
  /** Untrusted text that spells a control token stays text; false: it may become one. */
  readonly keepsDataText: boolean;
  /** `grammar` and `grammarTrigger`. */
  readonly grammar: boolean;
  /** `minTokens` above 0. */
  readonly minTokens: boolean;
  /** `onText`. */
  readonly streaming: boolean;
  /** `generatePlanned`. */
  readonly plans: boolean;
  /** An embedder can be loaded from the same kind of engine. */
  readonly embeddings: boolean;
}

/** Kinds of generators that can be asked for by name. */
export const GENERATOR_KINDS = ['native', 'portable', 'http'] as const;

/** Which generator writes the chains. @useDeclaredType */
export type GeneratorKind = (typeof GENERATOR_KINDS)[number];

/** What a user should know of what was loaded, though it is no error. */
export interface LoadWarning {
  /** `PORTABLE_GENERATOR`: the native addon is missing, and chains are written several times slower. */
  readonly code: 'PORTABLE_GENERATOR';
  /** One line, with what to do. */
  readonly message: string;
}

/** How a generator runs, as plain data: what `doctor` and the run manifest state. */
export interface GeneratorInfo {
  /** `browser`: llama.cpp as WASM in a page; `custom`: a generator of the caller's own. */
  readonly kind: GeneratorKind | 'browser' | 'custom';
  /** What computes, such as `llama.cpp`. */
  readonly engine: string;
  /** Its release, such as `v0.5.0`. */
  readonly version: string;
  readonly capabilities: Capabilities;
  /** What it computes on: `cpu`, `cuda`, `metal` or `vulkan`; `remote` behind HTTP. */
  readonly backend: string;
  /** Devices in use as the backend names them, or addresses of servers. */
  readonly devices: readonly string[];
  /** Most tokens of prompt and answer together for one sample. */
  readonly contextTokens: number;
  /** Samples that decode at once at most: what keeps it busy. */
  readonly samplesAtOnce: number;
  /** Tokens of prompts and answers that it holds at once, of all samples together; absent where that is not known. */
  readonly tokensAtOnce?: number;
  /** Why this generator runs and no other, in a sentence; absent where nobody chose. */
  readonly why?: string;
  /** Choices made for this machine, each with its reason, for people. */
  readonly choices: readonly string[];
  /** The rest of what it runs with, in the engine's own terms. */
  readonly details: Readonly<Record<string, unknown>>;
}

/**
 * A loaded model that writes text. `native/`, `portable/` and `http/` implement it; `pgenrm/testing` has a generator without a
 * model, and the tests that every generator passes.
 *
 * `generate` rejects with the signal's reason when aborted, with a {@link PgenrmError} of code
 * `INVALID_OPTION`, `CONTEXT_OVERFLOW`, `GRAMMAR_INVALID`, `DECODE_FAILED`, `OUT_OF_MEMORY` or `DISPOSED` otherwise.
 * Calls may overlap; each is answered once. Disposing twice is safe; disposing rejects what is running.
 */
export interface Generator extends AsyncDisposable {
  readonly info: GeneratorInfo;
  readonly model: ModelInfo;
  /** Tokens of a prompt, as `generate` counts them. Rejects with the signal's reason, or with `DISPOSED`. */
  countTokens(prompt: Prompt, options?: { readonly signal?: AbortSignal }): Promise<number>;
  generate(request: GenerationRequest): Promise<Generation>;
  /**
   * Writes samples that follow a plan; absent where the generator cannot. The errors are those of `generate`, those of
   * `checkPlan`, and `DECODE_FAILED` where a distribution is not finite or a grammar leaves no token.
   */
  generatePlanned?(request: PlannedRequest): Promise<PlannedGeneration>;
  /** Ends what is at work with `DISPOSED` and frees the model; the same as `await using`. */
  close(): Promise<void>;
}
