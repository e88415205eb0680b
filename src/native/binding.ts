// The whole native boundary, typed: what build/native/pgenrm.node exports for generation.
// The kernels' part of the addon is typed beside the kernels; nothing here knows how to load the file.

/** The addon. */
export interface NativeBinding {
  /** llama.cpp release whose headers the addon was built with, such as `v0.5.0`. */
  readonly llamaRelease: string;
  /** What the attention kernel runs on here, such as `avx2`; null where it does not. */
  readonly attentionKernel: string | null;
  /** Attention operations in this process that the kernel computed, and that it left to llama.cpp where it was to be used. */
  attentionCounts(): { readonly computed: number; readonly left: number };
  /** Opens a llama.cpp library of that release; throws where it cannot be opened or is of another one. */
  openLibrary(paths: LibraryPaths): NativeLibrary;
  readonly Engine: new (
    options: NativeEngineOptions,
    onEvents: (events: NativeEvent[]) => void,
  ) => NativeEngine;
}

/** Absolute paths of one build of llama.cpp. */
export interface LibraryPaths {
  readonly llama: string;
  readonly ggml: string;
  readonly ggmlBase: string;
  readonly backendsDir: string;
}

/** An opened library. */
export interface NativeLibrary {
  readonly version: string;
  readonly devices: readonly NativeDevice[];
  /** ggml type numbers of weights that its CPU backend copies into an order of its own. */
  readonly repackedTypes: readonly number[];
}

/** One device that llama.cpp can compute on; memory in bytes. */
export interface NativeDevice {
  readonly name: string;
  readonly description: string;
  readonly gpu: boolean;
  readonly memoryFree: number;
  readonly memoryTotal: number;
}

export interface NativeEngineOptions {
  readonly library: LibraryPaths;
  readonly modelPath: string;
  /** Layers on the GPU; -1 for all. */
  readonly gpuLayers: number;
  /** Whether the file is mapped into memory, where llama.cpp finds that good, or read. */
  readonly mapsWeights: boolean;
  /** KV cells that all sequences share. */
  readonly cells: number;
  /** Sequences, prompts and samples together; at most 256. */
  readonly sequences: number;
  /** Most rows of one decode call. */
  readonly batch: number;
  readonly threads: number;
  readonly kvQ8_0: boolean;
  /** -1 as llama.cpp decides, 0 off, 1 on. */
  readonly flashAttention: -1 | 0 | 1;
  /** Attention by the addon's own kernel, whatever `flashAttention` says; on a CPU, keys and values in f16. */
  readonly attentionKernel: boolean;
  /** False loads the model for embedding only. */
  readonly generates: boolean;
  /** Most tokens of one text to embed, and of one batch of them. */
  readonly embeddingTokens: number;
  /** llama.cpp's pooling: -1 as the GGUF says (mean where it says nothing), 1 mean, 2 cls, 3 last. */
  readonly pooling: number;
  /** Samples that decode at once. */
  readonly maxRunning: number;
  /** Most prompt rows of a step while samples decode. */
  readonly prefillChunk: number;
  /** A prompt is let in while fewer samples than this are unfinished. */
  readonly maxUnfinished: number;
  /** Most KV cells that prompts may hold which no request needs. */
  readonly maxIdleCells: number;
  /**
   * Parts that decode at once, each with contexts of the sizes above, and with its share of `threads` while another one
   * has work too.
   */
  readonly workers: number;
  /** Whether `step` events are sent, at most ten a second. */
  readonly reportsSteps: boolean;
}

/** Fields as in `GenerationRequest`; '' stands for no grammar and no trigger. */
export interface NativeRequest {
  readonly prompt: Int32Array;
  readonly seeds: Uint32Array;
  readonly temperature: number;
  readonly topP: number;
  readonly minP: number;
  readonly maxTokens: number;
  /** 0 for none. */
  readonly minTokens: number;
  readonly stop: readonly string[];
  readonly thoughtsOpened: boolean;
  readonly thoughtsOpen: readonly string[];
  /** Empty for no thoughts. */
  readonly thoughtsClose: readonly string[];
  /** Control tokens whose texts become part of the text, and those texts; shape [shown] both. */
  readonly shownTokens: Int32Array;
  readonly shownTexts: readonly string[];
  readonly grammar: string;
  readonly grammarTrigger: string;
  /** Null for none; with it `maxTokens` bounds all that it can become. */
  readonly plan: readonly NativePlanPart[] | null;
  /** Whether `text` events are sent. */
  readonly streams: boolean;
}

/** A part of a plan, see src/generator/plan.ts; fields that its kind has not are '', 0, false or empty. */
export interface NativePlanPart {
  readonly kind: 'given' | 'free' | 'choice' | 'copy' | 'repeat' | 'forEach';
  readonly text: string;
  readonly minTokens: number;
  readonly maxTokens: number;
  readonly stop: readonly string[];
  readonly bars: readonly string[];
  readonly grammar: string;
  /** Of a choice; of a repeat `[another, end]`. */
  readonly texts: readonly string[];
  readonly terminator: string;
  readonly greedy: boolean;
  /** -1 for the request's. */
  readonly temperature: number;
  /** Whether only tokens at which texts part are weighed. */
  readonly branches: boolean;
  readonly least: number;
  readonly most: number;
  readonly numbered: boolean;
  readonly afterNumber: string;
  /** Number of what a copy copies, or of the repeat that a forEach follows; -1 for none. */
  readonly of: number;
  readonly body: readonly NativePlanPart[];
}

/** What a sample wrote by its plan. */
export interface NativePlanOutcome {
  readonly parts: readonly {
    readonly kind: 'given' | 'free' | 'choice' | 'copy' | 'repeat';
    readonly number: number;
    readonly rounds: readonly number[];
    readonly text: string;
    readonly finish?: 'stop' | 'end' | 'length' | 'cancelled';
    readonly drawn?: number;
    readonly chosen?: number;
    readonly probabilities?: readonly number[];
  }[];
  readonly given: number;
  readonly free: number;
  readonly chosen: number;
  readonly probed: number;
  readonly unjoined: number;
}

export interface NativeEngine {
  /** The request's id; it ends with exactly one `end` event. */
  submit(request: NativeRequest): number;
  /** The request's id; it ends with exactly one `embedding` event. */
  embed(request: { readonly texts: readonly string[] }): number;
  /** The request, or with an index that sample alone, ends as cancelled within one step, if it has not ended. */
  cancel(id: number, index?: number): void;
  /** Drops prompts that no request needs, before what is submitted later. */
  forget(): void;
  /** Ends everything as closed; the `closed` event is the last. */
  close(): void;
  tokenize(text: string): Int32Array;
  /** Tokens that write exactly this text in the middle of another; null where the vocabulary has none. */
  spell(text: string): Int32Array | null;
  modelInfo(): NativeModelInfo;
  statistics(): NativeStatistics;
}

export interface NativeModelInfo {
  readonly description: string;
  readonly chatTemplate: string;
  readonly parameters: number;
  readonly sizeBytes: number;
  readonly trainedContext: number;
  readonly bosToken: string;
  readonly eosToken: string;
  readonly cells: number;
  readonly vocabulary: number;
  readonly metadata: [string, string][];
  readonly controlTokens: [string, number][];
}

/** Counters of the newest step, and from `steps` on sums over the engine's life. */
export interface NativeStatistics {
  readonly decodeRows: number;
  readonly prefillRows: number;
  readonly running: number;
  readonly waitingRequests: number;
  readonly cells: number;
  readonly steps: number;
  readonly decodedPromptTokens: number;
  readonly decodedTokens: number;
  readonly generatedTokens: number;
  readonly preempted: number;
  /** Calls of llama_decode: a step makes at most one. */
  readonly calls: number;
  /** Over all decoded rows, the KV cells in use as the row was decoded. */
  readonly rowCells: number;
  /** KV cells that pgenrm's attention read, each once for the rows that it was read for together; 0 where llama.cpp's did. */
  readonly cellsRead: number;
  /** Over all decoded rows of prompts, and of samples, the tokens that the row attends to. */
  readonly promptAttended: number;
  readonly sampleAttended: number;
  /** Milliseconds from the calls of llama_decode until their logits were there. */
  readonly decodeMs: number;
  /** Milliseconds of drawing tokens from logits. */
  readonly drawMs: number;
}

export type NativeEvent =
  | { readonly type: 'ready'; readonly failure: NativeFailure | null }
  | { readonly type: 'progress'; readonly share: number }
  | NativeTextEvent
  | NativeSampleEvent
  | NativeEndEvent
  | NativeEmbeddingEvent
  | ({ readonly type: 'step' } & NativeStatistics)
  | { readonly type: 'closed' };

/** New text of samples whose requests stream: all that gathered since JavaScript was last called. */
export interface NativeTextEvent {
  readonly type: 'text';
  readonly pieces: readonly {
    readonly id: number;
    readonly index: number;
    readonly tokens: number;
    readonly text: string;
    /** Index of the written part of a plan; -1 without one. */
    readonly part: number;
  }[];
}

export interface NativeSampleEvent {
  readonly type: 'sample';
  readonly id: number;
  readonly index: number;
  readonly text: string;
  readonly tokens: number;
  readonly finish: 'stop' | 'endOfGeneration' | 'length' | 'cancelled' | 'complete';
  readonly elapsedMs: number;
  /** Null without a plan. */
  readonly plan: NativePlanOutcome | null;
}

/** Why a load or an embedding failed. */
export interface NativeFailure {
  readonly code: 'unusable' | 'noMemory' | 'cancelled' | 'closed' | 'tooLong' | 'decodeFailed';
  readonly detail: string;
}

export interface NativeEmbeddingEvent {
  readonly type: 'embedding';
  readonly id: number;
  /** Null where it is done. */
  readonly failure: NativeFailure | null;
  readonly dimension: number;
  /** Unit vectors. Shape [texts x dimension]. */
  readonly vectors: Float32Array;
}

export interface NativeEndEvent {
  readonly type: 'end';
  readonly id: number;
  readonly status: 'done' | 'cancelled' | 'tooLong' | 'decodeFailed' | 'planFailed' | 'noToken' | 'closed';
  readonly detail: string;
  /** Of `planFailed`: number of the part of the plan; -1 otherwise. */
  readonly part: number;
  readonly promptTokens: number;
  readonly decodedPromptTokens: number;
  readonly generatedTokens: number;
  readonly prefillMs: number;
  readonly totalMs: number;
}
