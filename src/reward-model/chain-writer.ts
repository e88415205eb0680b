// Has the chains of one judgment written and reads them as they end.
// Knows requests, samples and readings; not which chains a judgment needs.

import { chainSeed } from '../chain/chain-seed.js';
import { mapBack, type PresentationOrder } from '../chain/presentation.js';
import { readChain } from '../chain/read-chain.js';
import { GENERATED_MARKS } from '../chain/text/thoughts.js';
import type {
  GenerationRequest,
  GenerationUsage,
  Generator,
  Prompt,
  Sample,
} from '../generator/generator.js';
import { chainGrammar, GRAMMAR_TRIGGER } from '../prompt/grammar.js';
import { JSON_END } from '../prompt/markers.js';
import type { JudgeSettings, JudgeSubject } from './judge-settings.js';
import type { JudgedChain, JudgmentTokens } from './judgment.js';

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

/** What chains are written with. */
export interface ChainWriterOptions {
  readonly generator: Generator;
  readonly subject: JudgeSubject;
  readonly settings: JudgeSettings;
  /** Every prompt ends inside a thought that the chat template opens: a chain begins in it. */
  readonly thoughtsOpened: boolean;
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

  /** Chains that were asked of the generator and have not ended. */
  get unfinished(): number {
    return this.#submitted - this.#chains.size;
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
    const { generator, settled, stop } = this.#options;
    if (settled.aborted && !stop.aborted) return;
    const since = performance.now() - this.#began;
    this.#submitted += job.indices.length;
    let generated = 0;
    const taken = new Set<number>();
    const take = (sample: Sample): void => {
      if (taken.has(sample.index)) return;
      taken.add(sample.index);
      generated += sample.tokens;
      // A chain that was cut off has not ended: it is none that the model lost.
      const { finish } = sample;
      if (finish === 'cancelled') return;
      const chain = this.#read({ ...sample, finish }, job);
      const key = `${chain.level} ${chain.index}`;
      if (this.#chains.has(key)) return;
      this.#chains.set(key, chain);
      onChain(chain);
    };
    let usage: GenerationUsage | null = null;
    try {
      const generation = await generator.generate({ ...this.#requestOf(job), onSample: take });
      usage = generation.usage;
      // A sample that was not announced is taken from the answer.
      for (const sample of generation.samples) take(sample);
    } catch (error) {
      if (!settled.aborted || stop.aborted || error !== settled.reason) throw error;
    } finally {
      this.#tokens.prompt += usage?.promptTokens ?? job.promptTokens;
      this.#tokens.decodedPrompt += usage?.decodedPromptTokens ?? 0;
      this.#tokens.generated += usage?.generatedTokens ?? generated;
      this.#prefillMs = Math.max(this.#prefillMs, since + (usage?.prefillMs ?? 0));
    }
  }

  #requestOf({ level, prompt, indices }: ChainJob): GenerationRequest {
    const { settings, subject, thoughtsOpened } = this.#options;
    const { seed, attempt, sampling, maxTokens, grammar } = settings;
    const responses = subject.item.candidates.length;
    return {
      prompt,
      seeds: indices.map((index) => chainSeed({ seed, key: subject.key, level, index, attempt })),
      sampling,
      maxTokens,
      // What follows the judgment's own end is not read; a draft inside a thought ends nothing.
      stop: [JSON_END],
      thoughts: { opened: thoughtsOpened, ...GENERATED_MARKS },
      ...(grammar === 'part2' ? { grammar: chainGrammar(responses), grammarTrigger: GRAMMAR_TRIGGER } : {}),
      ...(grammar === 'chain' ? { grammar: chainGrammar(responses, { from: 'start' }) } : {}),
      // One of its own for each request: Node warns of the eleventh listener of one signal.
      signal: AbortSignal.any([this.#signal]),
    };
  }

  #read(
    sample: Sample & { readonly finish: JudgedChain['finish'] },
    { level, neighbour, order, promptText, indices }: ChainJob,
  ): JudgedChain {
    // The generator leaves the stop string out; the model wrote it.
    const text = sample.finish === 'stop' ? `${sample.text}${JSON_END}` : sample.text;
    const reading = readChain(text, {
      responses: order.length,
      prompt: promptText,
      prefer: this.#options.settings.prefer,
      thoughtsOpened: this.#options.thoughtsOpened,
    });
    const scores = reading.responses.map((response) => response.score);
    const usable = reading.usable && scores.every((score): score is number => score !== null);
    return {
      level,
      index: indices[sample.index]!,
      ...(neighbour === undefined ? {} : { neighbour }),
      seed: sample.seed,
      order,
      text,
      reading,
      scores: usable ? mapBack(order, scores) : null,
      lost: usable ? null : (reading.lost ?? 'missingScore'),
      finish: sample.finish,
      tokens: sample.tokens,
      elapsedMs: sample.elapsedMs,
    };
  }
}
