// Follows a plan on one sequence of a node-llama-cpp context: given text and choices by evaluating, free text by sampling.
// Owns nothing: the sequence is the lane's; what comes next is PlanRun's.
import type { LlamaContextSequence, LlamaGrammar, Token } from 'node-llama-cpp';
import type { Sampling } from '../generator.js';
import { nodeLlamaCpp } from '../llama/llama-library.js';
import type { PlannedSample } from '../plan.js';
import type { NodeReading } from '../plan-run/choice-trie.js';
import type { PartText, PlanRun } from '../plan-run/plan-run.js';
import { type TokenJoins, toBytes } from '../plan-run/token-joins.js';
import { barringEnd, type LaneModel, seedOf } from './lane-model.js';

/** What a lane is asked for a sample with a plan; the hooks are as in `LaneTask`. */
export interface PlannedTask {
  readonly prompt: Int32Array;
  readonly sampling: Sampling;
  readonly seed: number;
  readonly run: PlanRun;
  readonly joins: TokenJoins;
  /** Grammars of free texts, by their text. */
  readonly grammars: ReadonlyMap<string, LlamaGrammar>;
  readonly stopped: () => boolean;
  readonly cancelled: () => boolean;
  readonly onText?: ((pieces: readonly PartText[], tokens: number) => void) | undefined;
}

/** A sample as a lane gives it back. */
export type PlannedLaneSample = Pick<PlannedSample, 'text' | 'parts' | 'tokens' | 'finish'>;

/** A sample that was cancelled before it began. */
export const NOTHING_PLANNED: PlannedLaneSample = {
  text: '',
  parts: [],
  tokens: { given: 0, free: 0, chosen: 0, probed: 0, unjoined: 0 },
  finish: 'cancelled',
};

/** Follows the plan to its end on a sequence that holds the prompt or less; null where it was stopped from outside. */
export async function followPlan(
  sequence: LlamaContextSequence,
  lane: LaneModel & { readonly batchSize: number },
  task: PlannedTask,
): Promise<PlannedLaneSample | null> {
  const { model, endTokens, batchSize } = lane;
  const llamaPackage = nodeLlamaCpp();
  const { run } = task;
  const prompt = Array.from(task.prompt);
  const barred = new BarredTokens(task.joins, lane);
  let finish: PlannedSample['finish'] = 'complete';
  while (run.state !== 'done') {
    if (task.stopped()) return null;
    if (task.cancelled()) {
      await run.cancel();
      finish = 'cancelled';
      break;
    }
    task.onText?.(run.takeText(), run.tokens.length);
    const tokens = [...prompt, ...run.tokens] as Token[];
    await sequence.adaptStateToTokens(tokens.slice(0, -1), false);
    let rest = tokens.slice(sequence.nextTokenIndex);
    for (; rest.length > batchSize; rest = rest.slice(batchSize)) {
      if (task.stopped()) return null;
      await sequence.evaluateWithoutGeneratingNewTokens(rest.slice(0, batchSize));
    }
    if (run.state === 'draws') await draw(rest);
    else await read(tokens, rest);
  }
  task.onText?.(run.takeText(), run.tokens.length);
  return { text: run.text, parts: run.written, tokens: run.counts, finish };

  // Writes the free text to its end, or to where it is told to stop.
  async function draw(rest: Token[]): Promise<void> {
    const { free } = run;
    const grammar = free.part.grammar === undefined ? undefined : task.grammars.get(free.part.grammar);
    const state =
      grammar === undefined ? undefined : new llamaPackage.LlamaGrammarEvaluationState({ model, grammar });
    const { temperature, topP, minP } = task.sampling;
    const drawn = sequence.evaluate(rest, {
      temperature,
      topP,
      minP,
      topK: 0,
      // Another one for each text: a sampler begins anew with each.
      seed: seedOf((task.seed + Math.imul(run.draws, 0x9e3779b9)) >>> 0),
      ...(state === undefined ? {} : { grammarEvaluationState: state }),
      ...barringEnd(endTokens, () => free.drawn < (free.part.minTokens ?? 0)),
      tokenBias: () => {
        const never = barred.of(free.part, free.bytes);
        return never.length === 0
          ? llamaPackage.TokenBias.for(model)
          : llamaPackage.TokenBias.for(model).set(never as Token[], 'never');
      },
      yieldEogToken: true,
    });
    try {
      for (let step = await drawn.next(); step.done !== true; step = await drawn.next()) {
        if (task.stopped() || task.cancelled()) return;
        await run.accept(step.value);
        if (run.state !== 'draws' || run.free !== free) return;
        task.onText?.(run.takeText(), run.tokens.length);
      }
    } finally {
      await drawn.return();
    }
  }

  // Reads the root of a choice, then each path below it from the same place.
  async function read(tokens: Token[], rest: Token[]): Promise<void> {
    const { trie } = run;
    const ask = (node: number) => {
      const children = trie.children(node) as Token[];
      const temperature = trie.temperature > 0 ? trie.temperature : 1;
      return {
        generateNext: {
          logits: { filter: { tokens: children, includeTop: 1 } },
          totalLogitWeight: true,
          options: { temperature, topK: 0, topP: 1, minP: 0 },
        },
      };
    };
    const take = async (node: number, output: { readonly next: unknown } | undefined): Promise<void> => {
      const { logits, totalLogitWeight } = (output?.next ?? {}) as {
        readonly logits?: ReadonlyMap<number, number>;
        readonly totalLogitWeight?: number;
      };
      const best = logits === undefined ? Number.NaN : Math.max(...logits.values());
      const logSum = trie.temperature > 0 ? best + Math.log(totalLogitWeight ?? Number.NaN) : best;
      const reading: NodeReading = { logits: logits ?? new Map(), logSum };
      await run.read(node, reading);
    };
    const last = rest.pop() as Token;
    const outputs = await sequence.controlledEvaluate([...rest, [last, ask(0)]]);
    await take(0, outputs.at(-1));
    for (const path of trie.paths) {
      if (trie.complete || task.stopped() || task.cancelled()) return;
      await sequence.adaptStateToTokens(tokens, false);
      const wanted = path.nodes.map((node) => trie.wants(node));
      const probed = await sequence.controlledEvaluate(
        path.tokens.map((token, index) =>
          wanted[index] === true ? [token as Token, ask(path.nodes[index]!)] : (token as Token),
        ),
      );
      run.countProbed(path.tokens.length);
      for (const [index, node] of path.nodes.entries())
        if (wanted[index] === true) await take(node, probed[index]);
    }
  }
}

// Tokens that may not come next in a free text: those without text that end none, and those that complete a barred text.
class BarredTokens {
  readonly #vocabulary: readonly [token: number, piece: string][];
  readonly #silent: readonly number[];

  constructor(joins: TokenJoins, { endTokens, vocabularyTokens }: LaneModel) {
    const ends = new Set<number>(endTokens);
    const all = Array.from({ length: vocabularyTokens }, (_, token): [number, string] => [
      token,
      joins.piece(token),
    ]);
    this.#vocabulary = all.filter(([, piece]) => piece !== '');
    this.#silent = all.flatMap(([token, piece]) => (piece === '' && !ends.has(token) ? [token] : []));
  }

  of(
    { bars = [], stop = [] }: { readonly bars?: readonly string[]; readonly stop?: readonly string[] },
    bytes: string,
  ): number[] {
    if (bars.length === 0) return [...this.#silent];
    const barred = bars.map(toBytes);
    const stops = stop.map(toBytes);
    const before = Math.max(...[...barred, ...stops].map((text) => text.length)) - 1;
    const tail = before === 0 ? '' : bytes.slice(-before);
    // Behind a stop text, which ends the free text, nothing is barred.
    const completes = (piece: string): boolean => {
      const joined = tail + piece;
      const cuts = stops.map((text) => joined.indexOf(text)).filter((at) => at >= 0);
      const kept = cuts.length === 0 ? joined : joined.slice(0, Math.min(...cuts));
      return barred.some((text) => kept.includes(text));
    };
    return [
      ...this.#silent,
      ...this.#vocabulary.flatMap(([token, piece]) => (completes(piece) ? [token] : [])),
    ];
  }
}
