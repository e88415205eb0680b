// The facade without what a platform brings: a model that is loaded, and judges responses for a user.
// Owns the generator's lifetime; needs nothing of Node. The judging itself is `judge.ts`.

import type { PrototypeBank } from '../bank/bank.js';
import { mapTogether } from '../concurrency/bring-together.js';
import { PgenrmError } from '../errors.js';
import type { GeneratorInfo, ModelInfo } from '../generator/generator.js';
import type { ModelDecoding } from '../guided/decoding.js';
import type { Kernels } from '../kernels/kernels.js';
import { checkRange, JUDGE_RANGES } from '../options/option-range.js';
import type { PromptTemplate } from '../prompt/template/template.js';
import { AnalysisCache, type AnalysisTurn } from './analysis-cache.js';
import { type JudgeParts, judgeItem } from './judge.js';
import {
  chainsAtOnce,
  checkIterable,
  checkObject,
  type JudgeSettings,
  judgeSettings,
  keyOfUser,
  wavesWait,
} from './judge-settings.js';
import type { JudgeInput, JudgeOptions, JudgeOutcome, Judgment } from './judgment.js';
import { type BestOfN, bestOf, type Ranking, rankingOf } from './ranking.js';
import type { RewardParts } from './reward-parts.js';

/** {@link JudgeOptions} for a stream of items. */
export interface JudgeManyOptions<I extends JudgeInput = JudgeInput> extends Omit<JudgeOptions, 'attempt'> {
  /** Most items in flight, from 1 to 256; by default as many as keep the generator busy. */
  readonly concurrency?: number;
  /**
   * Items among which those of one user are judged together, so that what their prompts share is decoded once; from
   * 1 (default: as they come) to 65,536. Outcomes keep the order of the items; one may wait for as many others. So many
   * items are read before the first is judged: leave it at 1 where the stream waits for outcomes.
   */
  readonly reorder?: number;
  /** What names an item's user to `reorder`; default `user.id`, else what is known of the user. */
  readonly userKey?: (input: I) => string | undefined;
}

/** A model that judges replies as one user would (P-GenRM, arXiv 2602.12116): what all reward models do, wherever they run. */
export class BaseRewardModel implements AsyncDisposable {
  /** The template that prompts are written with. */
  readonly template: PromptTemplate;
  /** SHA-256 of the model file, where known. */
  readonly modelSha256: string | null;
  readonly #parts: JudgeParts;
  readonly #ownsGenerator: boolean;
  readonly #ownsBank: boolean;
  #disposing: Promise<void> | undefined;

  /** Called by the `load` and `over` of the platform's own class. */
  protected constructor(parts: RewardParts) {
    // Not in the parameter list: declarations are written without what is internal.
    const { template, modelSha256, judge, ownsGenerator, ownsBank } = parts;
    this.template = template;
    this.modelSha256 = modelSha256;
    this.#parts = judge;
    this.#ownsGenerator = ownsGenerator;
    this.#ownsBank = ownsBank;
  }

  /** How the generator runs: backend, devices, context, sequences. */
  get generatorInfo(): GeneratorInfo {
    return this.#parts.generator.info;
  }

  /** Facts about the model file. */
  get modelInfo(): ModelInfo {
    return this.#parts.generator.model;
  }

  /** Where similar users are sought; null where there is no prototype level. */
  get bank(): PrototypeBank | null {
    return this.#parts.prototypes?.bank ?? null;
  }

  /** How chains are written where nothing is asked for, and why. */
  get decoding(): ModelDecoding {
    return this.#parts.defaults.decoding;
  }

  /** What aggregates scores. */
  get kernels(): Kernels {
    return this.#parts.kernels;
  }

  /** Tokens of a text as prompts count text that came from data. Errors: `DISPOSED`. */
  async countTokens(text: string): Promise<number> {
    this.#throwIfDisposed();
    return this.#parts.generator.countTokens([{ text, trusted: false }]);
  }

  /** What {@link judge} makes of options, every default filled in. Errors: `INVALID_OPTION`. */
  settings(options: JudgeOptions = {}): JudgeSettings {
    return judgeSettings(options, this.generatorInfo, {
      ...this.#parts.defaults,
      hasBank: this.bank !== null,
    });
  }

  /**
   * Judges responses for one user.
   *
   * `individual` chains are written for the user, and `prototypes` chains with a similar user's history in place of
   * the user's, the presentation order of the candidates changing from chain to chain. A level's score of a candidate is
   * its mean over the usable chains, the final score the mean of both levels; where one level has no usable chain the
   * other has all the weight (P-GenRM, test-time user-based scaling). Similar users are sought by part 1 of the first own
   * chain that is ready, so their chains run beside the other own ones; where all own chains are lost, by the history,
   * and the judgment says so. A user is never their own neighbour unless asked for. With `adaptive`, chains come in waves
   * and stop when more of them would not change the winner (`src/scaling/stopping.ts`).
   *
   * Every chain has a seed of its own, derived from `seed` and the item and not from what else runs; texts repeat as
   * far as the generator's arithmetic does. Where no chain is usable the judgment's status is `failed` and it holds no
   * score.
   *
   * Errors: `INVALID_OPTION`, `CONTEXT_OVERFLOW` (the prompt does not fit even without history),
   * `TEMPLATE_INVALID` (the template cannot hold so many candidates), `DECODE_FAILED`, `OUT_OF_MEMORY`,
   * `DISPOSED`; at the prototype level also those of the bank and the embedder. Rejects with the signal's reason where
   * it aborts, within one step of the generator.
   */
  async judge(input: JudgeInput, options: JudgeOptions = {}): Promise<Judgment> {
    return this.judgeInTurn(input, options, null);
  }

  /** @internal {@link judge} within a run: `turn` holds what earlier items of the user left, where they left anything. */
  async judgeInTurn(input: JudgeInput, options: JudgeOptions, turn: AnalysisTurn | null): Promise<Judgment> {
    this.#throwIfDisposed();
    checkObject('options', options);
    return judgeItem(this.#parts, input, options, turn);
  }

  /**
   * Judges n candidates, two or more, and gives them in the order of their scores, best first; equal scores keep the
   * order given and share a rank. Options and errors: as {@link judge}.
   */
  async rank(input: JudgeInput, options: JudgeOptions = {}): Promise<Ranking> {
    return rankingOf(input.candidates, await this.judge(input, options));
  }

  /**
   * Judges n candidates, two or more, and gives the best of them; null where no chain is usable. Of equal ones it is the
   * first, and `tie` is true. Options and errors: as {@link judge}.
   */
  async bestOfN(input: JudgeInput, options: JudgeOptions = {}): Promise<BestOfN> {
    return bestOf(await this.rank(input, options));
  }

  /**
   * Judges a stream of items, several at once, and yields the outcomes in input order.
   *
   * The stream is read no further than `reorder` and twice `concurrency` items ahead of the consumer. An item that fails has its
   * error as its outcome and the stream goes on; an error of the input stream itself is thrown at its place.
   * Leaving the loop stops what is at work. Throws the signal's reason where it aborts, and `INVALID_OPTION` or
   * `DISPOSED` before the first item.
   */
  async *judgeMany<I extends JudgeInput>(
    inputs: AsyncIterable<I> | Iterable<I>,
    options: JudgeManyOptions<I> = {},
  ): AsyncGenerator<JudgeOutcome<I>, void, undefined> {
    this.#throwIfDisposed();
    checkObject('options', options);
    checkIterable('inputs', inputs);
    const { concurrency, reorder = 1, userKey = keyOfUser, signal, ...judgeOptions } = options;
    checkRange('reorder', reorder, JUDGE_RANGES.reorder);
    const settings = this.settings(judgeOptions);
    const atOnce = this.judgmentsAtOnce(settings, concurrency);
    const analyses = AnalysisCache.for(settings);
    const judgeOne = async (input: I, index: number, stop: AbortSignal): Promise<JudgeOutcome<I>> => {
      const turn = analyses?.turn(input?.user, input?.id ?? `${index}`) ?? null;
      const own = { ...judgeOptions, signal: stop };
      try {
        return { index, input, judgment: await this.judgeInTurn(input, own, turn) };
      } catch (error) {
        // What is no error of this item (a listener that throws, a model disposed) ends the stream.
        if (stop.aborted || !(error instanceof PgenrmError) || error.code === 'DISPOSED') throw error;
        return { index, input, error };
      } finally {
        turn?.settle(null);
      }
    };
    yield* mapTogether(inputs, judgeOne, { concurrency: atOnce, signal, reorder, keyOf: userKey });
  }

  /**
   * Items to keep in flight, each with `chains` chains at once: as many as fill the generator's sequences, from 1 to
   * 16; or `wish` where given.
   *
   * Errors: `INVALID_OPTION` where `wish` is out of range.
   */
  concurrencyFor(chains: number, wish?: number): number {
    if (wish !== undefined) {
      checkRange('concurrency', wish, JUDGE_RANGES.concurrency);
      return wish;
    }
    const { samplesAtOnce } = this.generatorInfo;
    return Math.min(16, Math.max(1, Math.ceil(samplesAtOnce / chains)));
  }

  /**
   * Judgments with these settings to keep in flight: as {@link concurrencyFor}. Where waves of chains wait for each other,
   * no more than about as many as the generator holds the prompts of: one that is pushed out is decoded again for the
   * next wave, which costs more than a free place.
   *
   * Errors: `INVALID_OPTION` where `wish` is out of range.
   */
  judgmentsAtOnce(settings: JudgeSettings, wish?: number): number {
    const usual = this.concurrencyFor(chainsAtOnce(settings), wish);
    const { tokensAtOnce, contextTokens } = this.generatorInfo;
    if (wish !== undefined || tokensAtOnce === undefined || !wavesWait(settings, 2)) return usual;
    return Math.min(usual, 1 + Math.floor(tokensAtOnce / contextTokens));
  }

  /** Ends what is at work with `DISPOSED` and frees the model; safe to call twice. */
  async close(): Promise<void> {
    this.#disposing ??= this.#dispose();
    await this.#disposing;
  }

  /** As {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #dispose(): Promise<void> {
    const { generator, prototypes } = this.#parts;
    try {
      if (this.#ownsGenerator) await generator[Symbol.asyncDispose]();
    } finally {
      if (this.#ownsBank) {
        await prototypes?.embedder[Symbol.asyncDispose]();
        await prototypes?.bank.close();
      }
    }
  }

  #throwIfDisposed(): void {
    if (this.#disposing !== undefined) {
      throw new PgenrmError('DISPOSED', 'this reward model was disposed; load another one');
    }
  }
}
