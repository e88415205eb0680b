// Has the chains of one judgment written and reads them as they end.
// Knows requests, samples and readings; not which chains a judgment needs.

import { chainSeed } from '../../chain/chain-seed.js';
import { mapBack, type PresentationOrder } from '../../chain/presentation.js';
import { readChain } from '../../chain/read-chain.js';
import { GENERATED_MARKS } from '../../chain/text/thoughts.js';
import type {
  FinishReason,
  GenerationRequest,
  GenerationUsage,
  Generator,
  Prompt,
  Sample,
} from '../../generator/generator.js';
import type { PlannedSample } from '../../generator/plan.js';
import type { Guide } from '../../guided/guide.js';
import { guidedChain } from '../../guided/guided-chain.js';
import { chainGrammar, GRAMMAR_TRIGGER } from '../../prompt/grammar.js';
import { JSON_END } from '../../prompt/markers.js';
import type { JudgeSettings, JudgeSubject } from '../judge-settings.js';
import type { JudgedChain, JudgmentTokens } from '../judgment.js';

/** Chains that share a prompt. */
export interface ChainJob {
  readonly level: JudgedChain['level'];
  readonly neighbour?: NonNullable<JudgedChain['neighbour']>;
  readonly order: PresentationOrder;
  readonly prompt: Prompt;
  /** The prompt as one text: an object that a chain copies from it is no judgment. */
  readonly promptText: string;
  readonly promptTokens: number;
  /** Numbers of the chains within their level. */
  readonly indices: readonly number[];
}

/** New text of a chain. */
export interface ChainText {
  readonly level: JudgedChain['level'];
  readonly index: number;
  readonly text: string;
  /** Tokens that the chain has so far. */
  readonly tokens: number;
}

/** What chains are written with. */
export interface ChainWriterOptions {
  readonly generator: Generator;
  readonly subject: JudgeSubject;
  readonly settings: JudgeSettings;
  /** Every prompt ends inside a thought that the chat template opens: a chain begins in it. */
  readonly thoughtsOpened: boolean;
  /** How guided chains are written; null where chains are free. */
  readonly guide: Guide | null;
  /** Gets the text of chains as it is written. */
  readonly onText?: (text: ChainText) => void;
  /** Ends the judgment with an error. */
  readonly stop: AbortSignal;
  /** Ends the writing alone: what has ended stays. */
  readonly settled: AbortSignal;
}

/** The chains of one judgment. */
export class ChainWriter {
  readonly #options: ChainWriterOptions;
  readonly #signal: AbortSignal;
  readonly #began = performance.now();
  readonly #chains = new Map<string, JudgedChain>();
  readonly #tokens = { prompt: 0, decodedPrompt: 0, generated: 0 };
  #submitted = 0;
  #prefillMs = 0;

  constructor(options: ChainWriterOptions) {
    this.#options = options;
    this.#signal = AbortSignal.any([options.stop, options.settled]);
  }

  /** The chains that have ended: the user's own, then those as similar users, by index. */
  get chains(): JudgedChain[] {
    return [...this.#chains.values()].sort((a, b) =>
      a.level === b.level ? a.index - b.index : a.level === 'individual' ? -1 : 1,
    );
  }

  /** Chains that were asked of the generator. */
  get submitted(): number {
    return this.#submitted;
  }

  get tokens(): JudgmentTokens {
    return { ...this.#tokens };
  }

  /** Milliseconds from the start until the last prompt was decoded. */
  get prefillMs(): number {
    return this.#prefillMs;
  }

  /**
   * Writes the chains of a job, each told to `onChain` as it ends; resolves early where `settled` aborts. Errors: those of
   * the generator.
   */
  async write(job: ChainJob, onChain: (chain: JudgedChain) => void): Promise<void> {
    const { guide, settled, stop } = this.#options;
    if (settled.aborted && !stop.aborted) return;
    const since = performance.now() - this.#began;
    this.#submitted += job.indices.length;
    let generated = 0;
    const taken = new Set<number>();
    // A chain that was cut off has not ended: it is none that the model lost.
    const take = (index: number, tokens: number, written: WrittenChain | null): void => {
      if (taken.has(index)) return;
      taken.add(index);
      generated += tokens;
      if (written === null) return;
      const chain = judged(written, job, index);
      const key = `${chain.level} ${chain.index}`;
      if (this.#chains.has(key)) return;
      this.#chains.set(key, chain);
      onChain(chain);
    };
    let usage: GenerationUsage | null = null;
    try {
      usage = await (guide === null ? this.#writeFree(job, take) : this.#writeGuided(job, guide, take));
    } catch (error) {
      if (!settled.aborted || stop.aborted || error !== settled.reason) throw error;
    } finally {
      this.#tokens.prompt += usage?.promptTokens ?? job.promptTokens;
      this.#tokens.decodedPrompt += usage?.decodedPromptTokens ?? 0;
      this.#tokens.generated += usage?.generatedTokens ?? generated;
      this.#prefillMs = Math.max(this.#prefillMs, since + (usage?.prefillMs ?? 0));
    }
  }

  async #writeFree(job: ChainJob, take: Take): Promise<GenerationUsage> {
    const { settings, subject, thoughtsOpened, generator } = this.#options;
    const { sampling, maxTokens, grammar } = settings;
    const responses = subject.item.candidates.length;
    const onSample = (sample: Sample): void => {
      const { finish } = sample;
      take(
        sample.index,
        sample.tokens,
        finish === 'cancelled' ? null : this.#read({ ...sample, finish }, job),
      );
    };
    const { samples, usage } = await generator.generate({
      prompt: job.prompt,
      seeds: this.#seedsOf(job),
      sampling,
      maxTokens,
      // What follows the judgment's own end is not read; a draft inside a thought ends nothing.
      stop: [JSON_END],
      thoughts: { opened: thoughtsOpened, ...GENERATED_MARKS },
      ...(grammar === 'part2' ? { grammar: chainGrammar(responses), grammarTrigger: GRAMMAR_TRIGGER } : {}),
      ...(grammar === 'chain' ? { grammar: chainGrammar(responses, { from: 'start' }) } : {}),
      ...this.#affinityOf(job),
      // One of its own for each request: Node warns of the eleventh listener of one signal.
      signal: AbortSignal.any([this.#signal]),
      ...this.#streamOf(job),
      onSample,
    });
    // A sample that was not announced is taken from the answer.
    for (const sample of samples) onSample(sample);
    return usage;
  }

  async #writeGuided(job: ChainJob, { plan, chain }: Guide, take: Take): Promise<GenerationUsage> {
    const { generator, settings } = this.#options;
    const onSample = (sample: PlannedSample): void => {
      const { given, free, chosen } = sample.tokens;
      const tokens = given + free + chosen;
      const { index, seed, elapsedMs, finish } = sample;
      const written =
        finish === 'cancelled'
          ? null
          : { ...guidedChain(sample.parts, chain), seed, finish, tokens, elapsedMs };
      take(index, tokens, written);
    };
    const { samples, usage } = await generator.generatePlanned!({
      prompt: job.prompt,
      plan,
      seeds: this.#seedsOf(job),
      sampling: settings.sampling,
      ...this.#affinityOf(job),
      // One of its own for each request: Node warns of the eleventh listener of one signal.
      signal: AbortSignal.any([this.#signal]),
      ...this.#streamOf(job),
      onSample,
    });
    for (const sample of samples) onSample(sample);
    return usage;
  }

  #streamOf({ level, indices }: ChainJob): Pick<GenerationRequest, 'onText'> {
    const { onText } = this.#options;
    if (onText === undefined) return {};
    return {
      onText: ({ index, text, tokens }) => onText({ level, index: indices[index]!, text, tokens }),
    };
  }

  /** Prompts begin with what is known of a user. */
  #affinityOf({ neighbour }: ChainJob): { affinity?: string } {
    const whose = neighbour?.userId ?? this.#options.subject.user.id;
    return whose === undefined ? {} : { affinity: whose };
  }

  #seedsOf({ level, indices }: ChainJob): number[] {
    const { settings, subject } = this.#options;
    const { seed, attempt } = settings;
    return indices.map((index) => chainSeed({ seed, key: subject.key, level, index, attempt }));
  }

  #read(
    sample: Sample & { readonly finish: Exclude<FinishReason, 'cancelled'> },
    { order, promptText }: ChainJob,
  ): WrittenChain {
    // The generator leaves the stop string out; the model wrote it.
    const text = sample.finish === 'stop' ? `${sample.text}${JSON_END}` : sample.text;
    const reading = readChain(text, {
      responses: order.length,
      prompt: promptText,
      prefer: this.#options.settings.prefer,
      thoughtsOpened: this.#options.thoughtsOpened,
    });
    const { seed, finish, tokens, elapsedMs } = sample;
    return { text, reading, seed, finish, tokens, elapsedMs };
  }
}

/** A chain that ended, its scores by position of presentation. */
type WrittenChain = Pick<JudgedChain, 'text' | 'reading' | 'seed' | 'finish' | 'tokens' | 'elapsedMs'>;

/** Takes a sample's chain, null where it was cut off; `tokens` are its new ones. */
type Take = (index: number, tokens: number, chain: WrittenChain | null) => void;

function judged(
  written: WrittenChain,
  { level, neighbour, order, indices }: ChainJob,
  sample: number,
): JudgedChain {
  const { reading } = written;
  const scores = reading.responses.map((response) => response.score);
  const usable = reading.usable && scores.every((score): score is number => score !== null);
  return {
    level,
    index: indices[sample]!,
    ...(neighbour === undefined ? {} : { neighbour }),
    order,
    ...written,
    scores: usable ? mapBack(order, scores) : null,
    lost: usable ? null : (reading.lost ?? 'missingScore'),
  };
}
