// Steps of the engine for judgments that were not run: the scheduler's rules on numbers instead of tokens.
// Knows how rows are mixed into steps and what a step costs by a cost model; no model, no text.

import type { Scheduling } from '../generator/generator.js';
import { type ChainLengths, LengthDeck } from './chain-lengths.js';
import { decodeMs, type EngineWork, meanOf, NOTHING, type StepCost, sumOf } from './engine-work.js';
import { seededRandom } from './statistics.js';

/** How the engine is sized. */
export interface EngineSizes extends Scheduling {
  readonly maxSequences: number;
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

interface Prompt {
  readonly judgment: number;
  readonly length: number;
  /** Rows still to decode. */
  left: number;
  readonly own: boolean;
  readonly chains: readonly number[];
}

interface Running {
  readonly judgment: number;
  readonly own: boolean;
  readonly prompt: number;
  left: number;
  written: number;
}

interface Judgment {
  chainsLeft: number;
  /** Whether the neighbours' prompts have come: they do once an own chain has ended. */
  searched: boolean;
  firstEnd: number | null;
  readonly began: number;
  cells: number;
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
  readonly #sizes: EngineSizes;
  readonly #work: Workload;
  readonly #options: SimulateOptions;
  readonly #ownLengths: LengthDeck;
  readonly #neighbourLengths: LengthDeck;
  /** Prompts that wait to be let in, those that are decoded, and chains whose prompt is. */
  readonly #waiting: Prompt[] = [];
  readonly #prompts: Prompt[] = [];
  readonly #ready: { readonly prompt: Prompt; readonly chain: number }[] = [];
  #running: Running[] = [];
  readonly #judgments = new Map<number, Judgment>();
  #next = 0;
  #now = 0;
  #idleCells = 0;
  #counts = NOTHING;

  constructor(cost: StepCost, sizes: EngineSizes, work: Workload, options: SimulateOptions) {
    this.#cost = cost;
    this.#sizes = sizes;
    this.#work = work;
    this.#options = options;
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
        if (forgetsAfter !== undefined && ended % forgetsAfter === 0) this.#idleCells = 0;
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
      cells: 0,
    });
    const lengths = this.#ownLengths.judgment(individual);
    for (let index = 0; index < prompts; index += 1) {
      const chains = lengths.filter((_, chain) => chain % prompts === index);
      this.#submit(id, true, index === 0 ? first : other, chains);
    }
  }

  #submit(judgment: number, own: boolean, { tokens, decoded }: PromptWork, chains: number[]): void {
    const left = Math.max(1, Math.round(decoded));
    this.#waiting.push({ judgment, own, length: Math.max(left, Math.round(tokens)), left, chains });
  }

  /** One step, or many that are alike but for their lengths; gives the judgments that ended in it. */
  #step(): Judgment[] {
    this.#admit();
    this.#start();
    if (this.#prompts.length === 0 && this.#running.length <= this.#sizes.batch) return this.#write();
    const { batch, prefillChunk, separatesPrompts } = this.#sizes;
    const sampleRows = Math.min(this.#running.length, batch);
    const taken = separatesPrompts ? 0 : sampleRows;
    let room = sampleRows === 0 ? batch : Math.min(batch - taken, prefillChunk);
    let [promptRows, promptAttended] = [0, 0];
    for (const prompt of this.#prompts) {
      const rows = Math.min(room, prompt.left);
      promptAttended += rows * (prompt.length - prompt.left) + (rows * (rows + 1)) / 2;
      prompt.left -= rows;
      promptRows += rows;
      room -= rows;
      if (room === 0) break;
    }
    const sampleAttended = this.#running
      .slice(0, sampleRows)
      .reduce((total, { prompt, written }) => total + prompt + written, 0);
    const both = sampleRows > 0 && promptRows > 0;
    const done = {
      calls: both && separatesPrompts ? 2 : 1,
      promptRows,
      sampleRows,
      promptAttended,
      sampleAttended,
      rowCells: (sampleRows + promptRows) * this.#cells(),
      generatedTokens: sampleRows,
    };
    this.#spend(done);
    this.#takeDecodedPrompts();
    return this.#advance(1);
  }

  /** Steps of samples alone until the first of them ends: nothing else changes before. */
  #write(): Judgment[] {
    const rows = this.#running.length;
    const steps = Math.max(1, Math.min(...this.#running.map(({ left }) => left)));
    // Every sample grows by one token a step.
    const grown = (rows * steps * (steps - 1)) / 2;
    const attended = this.#running.reduce((total, { prompt, written }) => total + prompt + written, 0);
    this.#spend({
      calls: steps,
      promptRows: 0,
      sampleRows: rows * steps,
      promptAttended: 0,
      sampleAttended: steps * attended + grown,
      rowCells: rows * (steps * this.#cells() + grown),
      generatedTokens: rows * steps,
    });
    return this.#advance(steps);
  }

  #spend(done: EngineWork): void {
    this.#now += decodeMs(this.#cost, done) + this.#cost.draw * done.generatedTokens;
    this.#counts = sumOf(this.#counts, done);
  }

  /** Prompts come in as long as running samples could use them soon. */
  #admit(): void {
    const { maxSequences, maxAhead } = this.#sizes;
    let unfinished =
      this.#running.length +
      this.#ready.length +
      this.#prompts.reduce((total, { chains }) => total + chains.length, 0);
    for (;;) {
      const [prompt] = this.#waiting;
      if (prompt === undefined || (unfinished > 0 && unfinished >= maxSequences + maxAhead)) return;
      this.#waiting.shift();
      this.#prompts.push(prompt);
      this.#judgments.get(prompt.judgment)!.cells += prompt.left;
      unfinished += prompt.chains.length;
    }
  }

  /** Prompts whose last row was decoded in this step: their chains wait to start. */
  #takeDecodedPrompts(): void {
    const decoded = this.#prompts.filter(({ left }) => left === 0);
    for (const prompt of decoded) {
      this.#prompts.splice(this.#prompts.indexOf(prompt), 1);
      for (const chain of prompt.chains) this.#ready.push({ prompt, chain });
    }
  }

  /** The first token of a chain is drawn from its prompt's logits as the chain starts. */
  #start(): void {
    while (this.#ready.length > 0 && this.#running.length < this.#sizes.maxSequences) {
      const { prompt, chain } = this.#ready.shift()!;
      const { judgment, own, length } = prompt;
      this.#counts = { ...this.#counts, generatedTokens: this.#counts.generatedTokens + 1 };
      this.#now += this.#cost.draw;
      this.#running.push({ judgment, own, prompt: length, left: chain - 1, written: 1 });
    }
  }

  #advance(steps: number): Judgment[] {
    const ended: Judgment[] = [];
    for (const sample of this.#running) {
      sample.left -= steps;
      sample.written += steps;
    }
    const [done, going] = [
      this.#running.filter(({ left }) => left <= 0),
      this.#running.filter(({ left }) => left > 0),
    ];
    this.#running = going;
    for (const { judgment: id, own } of done) {
      const judgment = this.#judgments.get(id)!;
      judgment.firstEnd ??= this.#now;
      judgment.chainsLeft -= 1;
      if (own && !judgment.searched) {
        judgment.searched = true;
        this.#admitNeighbours(id);
      }
      if (judgment.chainsLeft > 0) continue;
      this.#judgments.delete(id);
      this.#idleCells = Math.min(this.#sizes.maxIdleCells, this.#idleCells + judgment.cells);
      ended.push(judgment);
    }
    return ended;
  }

  #admitNeighbours(id: number): void {
    const { prototype, neighbour } = this.#work;
    for (let index = 0; index < prototype; index += 1) {
      this.#submit(id, false, neighbour, this.#neighbourLengths.judgment(1));
    }
  }

  /** Cells in use: prompts that are let in, samples, and prompts that nobody needs any more. */
  #cells(): number {
    let cells = this.#idleCells;
    for (const judgment of this.#judgments.values()) cells += judgment.cells;
    for (const { written } of this.#running) cells += written;
    return cells;
  }
}
