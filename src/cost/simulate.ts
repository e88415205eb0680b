// Steps of the engine for judgments that were not run: the scheduler's rules on numbers instead of tokens.
// Knows how rows are mixed into steps and what a step costs by a cost model; no model, no text.

import type { Scheduling } from '../generator/generator.js';
import { type ChainLengths, LengthDeck } from './chain-lengths.js';
import { decodeMs, type EngineWork, meanOf, NOTHING, type StepCost, sumOf } from './engine-work.js';
import { type Running, SimulatedLane } from './simulated-lane.js';
import { seededRandom } from './statistics.js';

/** How the engine is sized; those of `lone` are beside `maxSequences`. */
export interface EngineSizes extends Scheduling {
  readonly maxSequences: number;
  /** KV cells that all share; null where they bound nothing. */
  readonly cells: number | null;
  /** Of the CPU; absent in older results. */
  readonly threads?: number;
}

/** Prompts of one kind: tokens of one, and how many of them are decoded; the rest is shared. */
export interface PromptWork {
  readonly tokens: number;
  readonly decoded: number;
}

/** Judgments as the engine sees them. */
export interface Workload {
  readonly individual: number;
  readonly prototype: number;
  /** Orders that the candidates are shown in, at most; each is a prompt. */
  readonly orders: number;
  /** The first prompt of a judgment, and that of every other order. */
  readonly first: PromptWork;
  readonly other: PromptWork;
  readonly neighbour: PromptWork;
  readonly ownChains: ChainLengths;
  readonly neighbourChains: ChainLengths;
}

/** What a simulation ended with, for one judgment. */
export interface Simulated extends EngineWork {
  /** Engine time: wall time where judgments run alone, time between two ends of judgments otherwise. */
  readonly ms: number;
  /** Until the first chain had ended; null for judgments at once. */
  readonly firstChainMs: number | null;
}

/** What is simulated. */
export interface SimulateOptions {
  readonly judgments: number;
  readonly atOnce: number;
  readonly seed: number;
  /** After so many judgments prompts that no request needs are forgotten; absent: never. */
  readonly forgetsAfter?: number;
}

interface Judgment {
  chainsLeft: number;
  /** Whether the neighbours' prompts have come: they do once an own chain has ended. */
  searched: boolean;
  firstEnd: number | null;
  readonly began: number;
}

/**
 * Simulates `judgments` judgments of a workload, `atOnce` of them in flight, and gives the mean of one.
 * Deterministic in `seed`.
 */
export function simulate(
  cost: StepCost,
  sizes: EngineSizes,
  work: Workload,
  options: SimulateOptions,
): Simulated {
  return new Simulation(cost, sizes, work, options).run();
}

class Simulation {
  readonly #cost: StepCost;
  readonly #work: Workload;
  readonly #options: SimulateOptions;
  readonly #ownLengths: LengthDeck;
  readonly #neighbourLengths: LengthDeck;
  readonly #shared: SimulatedLane;
  /** Of chains that come alone; the shared one where the engine has no other. */
  readonly #lone: SimulatedLane;
  readonly #lanes: readonly SimulatedLane[];
  readonly #judgments = new Map<number, Judgment>();
  #next = 0;
  #now = 0;
  #counts = NOTHING;

  constructor(cost: StepCost, sizes: EngineSizes, work: Workload, options: SimulateOptions) {
    this.#cost = cost;
    this.#work = work;
    this.#options = options;
    const { lone } = sizes;
    this.#shared = new SimulatedLane({ ...sizes, streams: false });
    this.#lone =
      lone === null ? this.#shared : new SimulatedLane({ ...sizes, ...lone, cells: null, streams: true });
    this.#lanes = lone === null ? [this.#shared] : [this.#shared, this.#lone];
    const random = seededRandom(options.seed);
    this.#ownLengths = new LengthDeck(work.ownChains, random);
    this.#neighbourLengths = new LengthDeck(work.neighbourChains, random);
  }

  run(): Simulated {
    const { judgments, atOnce, forgetsAfter } = this.#options;
    const before = atOnce > 1 ? atOnce : 0;
    let ended = 0;
    let mark = { at: 0, counts: this.#counts };
    let firstChains = 0;
    while (this.#judgments.size < atOnce) this.#begin();
    while (ended < before + judgments) {
      for (const judgment of this.#step()) {
        ended += 1;
        firstChains += (judgment.firstEnd ?? 0) - judgment.began;
        if (ended === before) mark = { at: this.#now, counts: this.#counts };
        if (forgetsAfter !== undefined && ended % forgetsAfter === 0) this.#shared.forgetIdle();
        if (ended < before + judgments) this.#begin();
      }
    }
    return {
      ...meanOf(mark.counts, this.#counts, judgments),
      ms: (this.#now - mark.at) / judgments,
      firstChainMs: atOnce > 1 ? null : firstChains / judgments,
    };
  }

  #begin(): void {
    const { individual, prototype, orders, first, other } = this.#work;
    const id = this.#next;
    this.#next += 1;
    const prompts = Math.min(individual, orders);
    this.#judgments.set(id, {
      chainsLeft: individual + prototype,
      searched: prototype === 0,
      firstEnd: null,
      began: this.#now,
    });
    const lengths = this.#ownLengths.judgment(individual);
    for (let index = 0; index < prompts; index += 1) {
      const chains = lengths.filter((_, chain) => chain % prompts === index);
      this.#submit(id, true, index === 0 ? first : other, chains);
    }
  }

  #submit(judgment: number, own: boolean, { tokens, decoded }: PromptWork, chains: number[]): void {
    const left = Math.max(1, Math.round(decoded));
    const length = Math.max(left, Math.round(tokens));
    const lane = chains.length === 1 ? this.#lone : this.#shared;
    lane.submit({ judgment, own, length, fresh: left, left, chains, unended: chains.length });
  }

  /** One step, or many that are alike but for their lengths; gives the judgments that ended in it. */
  #step(): Judgment[] {
    for (const lane of this.#lanes) this.#beginLane(lane);
    const busy = this.#lanes.filter((lane) => lane.busy);
    const steps = Math.min(...busy.map((lane) => lane.alikeSteps));
    for (const lane of busy) this.#spend(lane.step(steps));
    return busy.flatMap((lane) => lane.end(steps)).flatMap((chain) => this.#endChain(chain));
  }

  /** Lets prompts in and starts chains. */
  #beginLane(lane: SimulatedLane): void {
    lane.admit();
    const started = lane.start();
    this.#counts = { ...this.#counts, generatedTokens: this.#counts.generatedTokens + started };
    this.#now += this.#cost.draw * started;
  }

  #spend(done: EngineWork): void {
    this.#now += decodeMs(this.#cost, done) + this.#cost.draw * done.generatedTokens;
    this.#counts = sumOf(this.#counts, done);
  }

  #endChain({ of: { judgment: id, own } }: Running): Judgment[] {
    const judgment = this.#judgments.get(id)!;
    judgment.firstEnd ??= this.#now;
    judgment.chainsLeft -= 1;
    if (own && !judgment.searched) {
      judgment.searched = true;
      this.#admitNeighbours(id);
    }
    if (judgment.chainsLeft > 0) return [];
    this.#judgments.delete(id);
    return [judgment];
  }

  #admitNeighbours(id: number): void {
    const { prototype, neighbour } = this.#work;
    for (let index = 0; index < prototype; index += 1) {
      this.#submit(id, false, neighbour, this.#neighbourLengths.judgment(1));
    }
  }
}
