// What is asked of a text generator and what it answers: a prompt in pieces, and m sampled texts.
// Knows nothing of chat templates, chains or users.

/**
 * A stretch of a prompt. Trusted text is the chat template's: a control token that it spells is that token. All else
 * is data: whatever it spells, it is read as text (where its `info.capabilities.keepsDataText` says so).
 */
export interface PromptPiece {
  readonly text: string;
  readonly trusted: boolean;
}

/**
 * A prompt in pieces, at least one character in all. Nothing is put between them, in front or behind: a token that begins a
 * sequence stands in a trusted piece. A prompt is not changed once a generator has seen it; one that measures and
 * generates the same array need not read it twice.
 */
export type Prompt = readonly PromptPiece[];

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

/** How a model marks what it thinks before it answers. */
export interface ThoughtMarks {
  /** The prompt ends inside thoughts: every text begins in them. */
  readonly opened: boolean;
  /** A text that begins with one of these, behind white space at most, begins in thoughts. */
  readonly open: readonly string[];
  /** The first of these ends the thoughts; at least one. */
  readonly close: readonly string[];
}

/** m samples that continue one prompt. */
export interface GenerationRequest {
  readonly prompt: Prompt;
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
  /** A GBNF grammar that the text must follow; its root rule is `root`. Needs `info.capabilities.grammar`. */
  readonly grammar?: string;
  /**
   * Text after whose first appearance the grammar begins to hold, when it shall not hold from the start.
   * The trigger itself stays free text.
   */
  readonly grammarTrigger?: string;
  /**
   * Within thoughts no stop string ends a sample and no grammar holds, nor is its trigger sought: all of them count from
   * behind the closing mark on. Control tokens that stand in a mark become part of the text, so that a reader sees it.
   */
  readonly thoughts?: ThoughtMarks;
  /**
   * What requests have in common whose prompts begin alike, such as the name of a user: several servers get each group of
   * them at one place. It changes no text. Default: the prompt.
   */
  readonly affinity?: string;
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
