// What every text generator does: tokens in, m sampled texts out.
// Knows nothing of prompts, chains or users, nor of how a generator works.

import type { FlashAttention, KvType } from '../options/engine-options.js';
import type { PlannedGeneration, PlannedRequest } from './plan.js';

/** How the next token is drawn. Temperature 0 takes the most probable token (greedy). */
export interface Sampling {
  /** Logits are divided by this; range 0 to 10. */
  readonly temperature: number;
  /** Nucleus: the smallest set of tokens whose probability reaches this; range (0, 1], 1 switches it off. */
  readonly topP: number;
  /** Tokens below this share of the best token's probability are dropped; range [0, 1], 0 switches it off. */
  readonly minP: number;
}

/** Why a sampled text ended; `cancelled` only where the sample's own signal aborted. */
export type FinishReason = 'stop' | 'endOfGeneration' | 'length' | 'cancelled';

/** m samples that continue one prompt. */
export interface GenerationRequest {
  /** The prompt, already tokenized. Shape [promptTokens], at least one token. */
  readonly prompt: Int32Array;
  /** One seed a sample; its length is the number of samples m. Unsigned 32-bit integers. */
  readonly seeds: readonly number[];
  readonly sampling: Sampling;
  /** Most new tokens a sample; at least 1. */
  readonly maxTokens: number;
  /**
   * No token that ends a sample is drawn before it has this many tokens; 0 to `maxTokens`, default 0. Stop strings
   * still end it, and so does a grammar that allows nothing but the end.
   */
  readonly minTokens?: number;
  /** A sample ends where one of these appears; the stop string is not part of the text. */
  readonly stop?: readonly string[];
  /** A GBNF grammar that the text must follow; its root rule is `root`. */
  readonly grammar?: string;
  /**
   * Text after whose first appearance the grammar begins to hold, when it shall not hold from the start.
   * The trigger itself stays free text.
   */
  readonly grammarTrigger?: string;
  readonly signal?: AbortSignal;
  /**
   * One a seed. A sample whose signal aborts ends within one step, with the text so far and `finish: 'cancelled'`;
   * the others write what they would have written without that, as far as the arithmetic of a batch allows, and the
   * request is answered once all have ended.
   */
  readonly sampleSignals?: readonly (AbortSignal | undefined)[];
  /** Called as each sample ends, in order of completion. */
  readonly onSample?: (sample: Sample) => void;
  /**
   * Called with the text of each sample as it is written; without it no text crosses before a sample ends.
   * The pieces of a sample, in order, make up its `text`; one may hold several tokens, and a piece waits while a stop
   * string or a character could still begin in it. While JavaScript is busy the pieces of a sample grow into one.
   */
  readonly onText?: (piece: TextPiece) => void;
}

/** Newly written text of one sample. */
export interface TextPiece {
  /** Index into `seeds`. */
  readonly index: number;
  /** Tokens that the sample has so far. */
  readonly tokens: number;
  readonly text: string;
}

/** One sampled continuation. */
export interface Sample {
  /** Index into `seeds`. */
  readonly index: number;
  readonly seed: number;
  readonly text: string;
  /** New tokens, the ending token included. */
  readonly tokens: number;
  readonly finish: FinishReason;
  /** Milliseconds from the request's start until this sample ended. */
  readonly elapsedMs: number;
}

/** What a request gave, samples in the order of their seeds. */
export interface Generation {
  readonly samples: readonly Sample[];
  readonly usage: GenerationUsage;
}

/** Tokens and times of one request. */
export interface GenerationUsage {
  /** Tokens of the prompt. */
  readonly promptTokens: number;
  /** Tokens of the prompt that were decoded for this request; the rest was shared with earlier ones. */
  readonly decodedPromptTokens: number;
  /** New tokens over all samples. */
  readonly generatedTokens: number;
  /** Milliseconds from submission until the prompt was decoded, waiting included. */
  readonly prefillMs: number;
  /** Milliseconds from submission until the last sample ended. */
  readonly totalMs: number;
}

/** The vocabulary side of a model: what prompt building needs. */
export interface Tokenizer {
  /** Tokens of plain text: control tokens that the text spells out are read as text, nothing is added. */
  tokenize(text: string): Int32Array;
  /** Control tokens (such as `<|eot_id|>`) by their text. */
  readonly controlTokens: ReadonlyMap<string, number>;
  /** Text of the token that begins a sequence, or '' where the model has none. */
  readonly bosToken: string;
  /** Text of the token that ends a sequence, or '' where the model has none. */
  readonly eosToken: string;
}

/** Facts about a loaded model. */
export interface ModelInfo {
  /** Absolute path of the GGUF file. */
  readonly path: string;
  /** llama.cpp's description, such as `llama 8B Q8_0`; a size that it has no name for is the parameter count: `llama 3.5M Q8_0`. */
  readonly description: string;
  readonly parameters: number;
  /** Bytes of the tensors. */
  readonly sizeBytes: number;
  /** Context length that the model was trained with, in tokens. */
  readonly trainedContext: number;
  /** The GGUF's Jinja chat template; '' where it has none. */
  readonly chatTemplate: string;
  /** The GGUF's string metadata by key. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** What a generator does at this moment: the rows of its newest step, and sums over its life. */
export interface StepStatistics {
  /** Rows of the step that belong to running samples. */
  readonly decodeRows: number;
  /** Rows of the step that belong to prompts. */
  readonly prefillRows: number;
  /** Samples that decode. */
  readonly running: number;
  readonly waitingRequests: number;
  /** KV cells in use or set aside for prompts. */
  readonly cells: number;
  readonly steps: number;
  readonly decodedPromptTokens: number;
  readonly generatedTokens: number;
  /** Samples that gave their cells back and went on later. */
  readonly preempted: number;
  /** Tokens written a second since the last report. */
  readonly generatedTokensPerSecond: number;
}

/** What a generator counted since it was loaded; measuring takes differences. */
export interface EngineCounters {
  /** Calls of llama_decode. */
  readonly calls: number;
  /** Rows of prompts that were decoded, and of samples. */
  readonly promptRows: number;
  readonly sampleRows: number;
  /** Over all decoded rows, the KV cells that in use as the row is decoded. */
  readonly rowCells: number;
  /**
   * KV cells that attention read, each counted once for the rows that it was read for together; 0 where that is not known, as
   * of llama.cpp's attention.
   */
  readonly cellsRead: number;
  /** Over all decoded rows of prompts, and of samples, the tokens that the row attends to, itself among them. */
  readonly promptAttended: number;
  readonly sampleAttended: number;
  readonly generatedTokens: number;
  /** Samples that gave their cells back and went on later. */
  readonly preempted: number;
  /** Milliseconds until the logits of all steps were there, and of drawing tokens from them. */
  readonly decodeMs: number;
  readonly drawMs: number;
  /** KV cells in use or set aside at this moment. */
  readonly cells: number;
}

/** How the keys and values of tokens are kept. */
export interface KvCacheInfo {
  readonly type: KvType;
  /** `auto` leaves it to llama.cpp, which switches it on where the backend has it. */
  readonly flashAttention: FlashAttention;
  /** Whose kernel computes attention; absent in older results: llama.cpp's. */
  readonly attention?: 'pgenrm' | 'llama.cpp';
  /** Cells of all sequences together. */
  readonly cells: number;
}

/** How the native engine makes decode calls of requests; memory aside, the sizes of one worker. */
export interface Scheduling {
  /** Parts that decode at once, each with its share of the threads while another has work; absent in older results: 1. */
  readonly workers?: number;
  /** Most rows of a call. */
  readonly batch: number;
  /** Most prompt rows of a step while samples decode. */
  readonly prefillChunk: number;
  /** A prompt is let in while fewer samples than this are unfinished. */
  readonly maxUnfinished: number;
  /** Most KV cells of prompts that no request needs. */
  readonly maxIdleCells: number;
}

/** How a generator runs: what `doctor` and the run manifest state. */
export interface GeneratorInfo {
  readonly kind: 'native' | 'portable';
  /** llama.cpp release, such as `v0.5.0`. */
  readonly llamaRelease: string;
  /** Backend that decodes: `cpu`, `cuda`, `metal` or `vulkan`. */
  readonly backend: string;
  /** Devices in use, as llama.cpp names them. */
  readonly devices: readonly string[];
  /** Most tokens of prompt and answer together for one sample. */
  readonly contextTokens: number;
  /** Most samples that decode at once, in a worker where there are several. */
  readonly maxSequences: number;
  readonly threads: number;
  /** How rows come together in decode calls; absent as `kvCache`. */
  readonly scheduling?: Scheduling;
  /** Absent where the generator does not choose it. */
  readonly kvCache?: KvCacheInfo;
  /** Choices made for this machine, each with its reason, for people. */
  readonly choices: readonly string[];
}

/**
 * A loaded model that writes text. Implementations: `native-generator.ts` (the addon's engine) and
 * `portable-generator.ts` (node-llama-cpp's public API).
 *
 * `generate` rejects with the signal's reason when aborted, with a {@link PgenrmError} of code
 * `CONTEXT_OVERFLOW`, `GRAMMAR_INVALID`, `DECODE_FAILED`, `OUT_OF_MEMORY` or `DISPOSED` otherwise.
 * Calls may overlap; each is answered once. Disposing twice is safe; disposing rejects what is running.
 */
export interface Generator extends AsyncDisposable {
  readonly info: GeneratorInfo;
  readonly model: ModelInfo;
  readonly tokenizer: Tokenizer;
  /** Absent or null where the generator does not count. Throws `DISPOSED`. */
  counters?(): EngineCounters | null;
  /** Forgets prompts that no request needs: what comes next shares nothing with what has ended. Absent: it keeps none. */
  forget?(): void;
  generate(request: GenerationRequest): Promise<Generation>;
  /**
   * Writes samples that follow a plan; absent where the generator cannot. The errors are those of `generate`, those of
   * `checkPlan`, and `DECODE_FAILED` where a distribution is not finite or a grammar leaves no token.
   */
  generatePlanned?(request: PlannedRequest): Promise<PlannedGeneration>;
}
