// One sequence of a node-llama-cpp context that writes one sample after another.
// Owns the sequence and keeps the decoded prompt for the next sample; knows nothing of queues.
import type {
  LlamaContext,
  LlamaContextSequence,
  LlamaGrammar,
  LlamaGrammarEvaluationState,
  Token,
} from 'node-llama-cpp';
import type { FinishReason } from '../generator.js';
import type { TokenRequest } from '../llama/llama-info.js';
import { nodeLlamaCpp } from '../llama/llama-library.js';
import type { ShownTokens } from '../llama/shown-tokens.js';
import { FirstMatch, GrowingText, Thoughts } from '../text-scan.js';
import { barringEnd, type LaneModel, seedOf } from './lane-model.js';
import { followPlan, NOTHING_PLANNED, type PlannedLaneSample, type PlannedTask } from './planned-sample.js';

/** One sample to write. */
export interface LaneTask {
  readonly request: TokenRequest;
  /** Tokens of the prompt. */
  readonly prompt: Int32Array;
  readonly seed: number;
  readonly grammar: LlamaGrammar | null;
  /** Control tokens whose texts become part of the text. */
  readonly shown: ShownTokens;
  /** Asked before each decode step: true ends the sample without a result. */
  readonly stopped: () => boolean;
  /** Asked before each decode step too: true ends the sample with the text so far. */
  readonly cancelled: () => boolean;
  /** Called once no more of the prompt is decoded, with the prompt tokens that this took; `whole` unless cancelled. */
  readonly onPrompt: (decoded: number, whole: boolean) => void;
  /** Called with text that is settled, which may be empty, and the tokens so far; absent where nobody listens. */
  readonly onText?: ((text: string, tokens: number) => void) | undefined;
}

/** A sample as a lane gives it back. */
export interface LaneSample {
  readonly text: string;
  readonly tokens: number;
  readonly finish: FinishReason;
}

/** A sample that was cancelled before its first token. */
export const NOTHING_WRITTEN: LaneSample = { text: '', tokens: 0, finish: 'cancelled' };

/** A sequence and the prompt tokens that its memory holds. */
export class SequenceLane {
  readonly #context: LlamaContext;
  readonly #laneModel: LaneModel;
  #sequence: LlamaContextSequence;
  #prompt: Int32Array = new Int32Array();

  constructor(context: LlamaContext, laneModel: LaneModel) {
    this.#context = context;
    this.#laneModel = laneModel;
    this.#sequence = context.getSequence();
  }

  /** How many leading tokens of `prompt` this lane has decoded already. */
  shared(prompt: Int32Array): number {
    const most = Math.min(prompt.length, this.#prompt.length);
    let count = 0;
    while (count < most && prompt[count] === this.#prompt[count]) count++;
    return count;
  }

  /** Whether the lane's last sample continued this very prompt. */
  holds(prompt: Int32Array): boolean {
    return prompt === this.#prompt;
  }

  /** Gives up what the sequence holds, after a failure left it in an unknown state. */
  async reset(): Promise<void> {
    this.#prompt = new Int32Array();
    if (this.#context.disposed) return;
    await this.#sequence.dispose();
    this.#sequence = this.#context.getSequence();
  }

  /** Writes one sample; null where it was stopped from outside. */
  async run(task: LaneTask): Promise<LaneSample | null> {
    const begun = await this.#decodePrompt(task);
    if (begun === null) return null;
    if (begun === 'cancelled') return NOTHING_WRITTEN;
    return this.#continue(task, begun.tail, begun.decoded);
  }

  /** Writes one sample by its plan; null where it was stopped from outside. */
  async follow(task: PlannedTask & Pick<LaneTask, 'onPrompt'>): Promise<PlannedLaneSample | null> {
    const begun = await this.#decodePrompt(task);
    if (begun === null) return null;
    if (begun === 'cancelled') return NOTHING_PLANNED;
    task.onPrompt(begun.decoded, true);
    return followPlan(this.#sequence, { ...this.#laneModel, batchSize: this.#context.batchSize }, task);
  }

  // Decodes the prompt but for its tail, the last batch of it.
  async #decodePrompt(
    task: Pick<LaneTask, 'prompt' | 'stopped' | 'cancelled' | 'onPrompt'>,
  ): Promise<{ readonly tail: Token[]; readonly decoded: number } | 'cancelled' | null> {
    const prompt = Array.from(task.prompt) as Token[];
    const sequence = this.#sequence;
    this.#prompt = task.prompt;
    await sequence.adaptStateToTokens(prompt.slice(0, -1), false);
    const held = sequence.nextTokenIndex;
    const step = this.#context.batchSize;
    let next = held;
    for (; !task.cancelled() && prompt.length - next > step; next += step) {
      if (task.stopped()) return null;
      await sequence.evaluateWithoutGeneratingNewTokens(prompt.slice(next, next + step));
    }
    if (task.stopped()) return null;
    if (task.cancelled()) {
      task.onPrompt(next - held, false);
      return 'cancelled';
    }
    return { tail: prompt.slice(next), decoded: prompt.length - held };
  }

  async #continue(task: LaneTask, tail: Token[], decoded: number): Promise<LaneSample | null> {
    const { request, seed } = task;
    const { minTokens = 0 } = request;
    const { temperature, topP, minP } = request.sampling;
    const sample = new GrowingSample(task, this.#laneModel);
    const tokens = this.#sequence.evaluate(tail, {
      temperature,
      topP,
      minP,
      topK: 0,
      seed: seedOf(seed),
      grammarEvaluationState: () => sample.heldGrammar,
      ...(minTokens === 0 ? {} : barringEnd(this.#laneModel.endTokens, () => sample.tokens < minTokens)),
      yieldEogToken: true,
    });
    try {
      let step = await tokens.next();
      task.onPrompt(decoded, true);
      while (step.done !== true) {
        if (task.stopped()) return null;
        if (task.cancelled()) return sample.result('cancelled');
        const replacement = sample.accept(step.value);
        if (sample.finish !== null) return sample.result(sample.finish);
        task.onText?.(sample.settledText(), sample.tokens);
        step = await (replacement === null ? tokens.next() : tokens.next(replacement));
      }
      return sample.result('endOfGeneration');
    } finally {
      await tokens.return();
    }
  }
}

// The text, stop strings, grammar trigger and length of one sample while it is written.
class GrowingSample {
  finish: FinishReason | null = null;
  private grammarState: LlamaGrammarEvaluationState | undefined;
  private readonly growing = new GrowingText();
  private readonly stops: FirstMatch;
  private readonly trigger: FirstMatch | null;
  private readonly thoughts: Thoughts;
  tokens = 0;
  private stopStart: number | null = null;
  private given = 0;

  constructor(
    private readonly task: LaneTask,
    private readonly laneModel: LaneModel,
  ) {
    const { stop = [], grammarTrigger, thoughts } = task.request;
    this.thoughts = new Thoughts(thoughts);
    this.stops = new FirstMatch(stop);
    const waits = task.grammar !== null && grammarTrigger !== undefined && grammarTrigger !== '';
    this.trigger = waits ? new FirstMatch([grammarTrigger]) : null;
    if (task.grammar !== null && !waits) this.holdGrammar(task.grammar);
  }

  /** The grammar where it holds: not within thoughts. */
  get heldGrammar(): LlamaGrammarEvaluationState | undefined {
    return this.thoughts.inside ? undefined : this.grammarState;
  }

  private holdGrammar(grammar: LlamaGrammar): void {
    this.grammarState = new (nodeLlamaCpp().LlamaGrammarEvaluationState)({
      model: this.laneModel.model,
      grammar,
    });
  }

  /** Takes a token; gives the tokens that stand in its place where it reaches past the grammar's trigger. */
  accept(token: Token): Token[] | null {
    this.tokens++;
    const { model, pieces } = this.laneModel;
    if (model.isEogToken(token)) {
      this.finish = 'endOfGeneration';
      return null;
    }
    const before = this.growing.text.length;
    const shown = this.task.shown.get(token);
    this.growing.append(shown === undefined ? pieces.of(token) : Buffer.from(shown));
    this.thoughts.follow(this.growing.text);
    let replacement: Token[] | null = null;
    const { inside, answerFrom } = this.thoughts;
    const seeks = this.grammarState === undefined && !inside;
    if (seeks && this.trigger !== null && this.task.grammar !== null) {
      const found = this.trigger.find(this.growing.text, answerFrom);
      if (found !== null) {
        this.holdGrammar(this.task.grammar);
        replacement = this.cutBehind(found.end, before);
      }
    }
    const stop = inside ? null : this.stops.find(this.growing.text, answerFrom);
    if (stop !== null) {
      this.stopStart = stop.start;
      this.finish = 'stop';
    } else if (this.tokens >= this.task.request.maxTokens) {
      this.finish = 'length';
    }
    return replacement;
  }

  // The grammar has to see all that follows the trigger, so what the same token wrote behind it is dropped.
  private cutBehind(end: number, before: number): Token[] | null {
    const { text } = this.growing;
    if (text.length === end) return null;
    const kept = text.slice(before, end);
    this.growing.cut(end);
    return this.laneModel.pieces.spell(kept) as Token[];
  }

  /** Text that was not given yet and in which no stop string can begin any more. */
  settledText(): string {
    const { text } = this.growing;
    const end = text.length - this.stops.unsettled(text);
    const settled = text.slice(this.given, end);
    this.given = Math.max(this.given, end);
    return settled;
  }

  result(finish: FinishReason): LaneSample {
    const text = this.stopStart === null ? this.growing.finish() : this.growing.text.slice(0, this.stopStart);
    this.task.onText?.(text.slice(this.given), this.tokens);
    return { text, tokens: this.tokens, finish };
  }
}
