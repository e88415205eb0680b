// Steps of the engine for judgments that were not run: the scheduler's rules on numbers instead of tokens.
// Knows how rows are mixed into steps and what a step costs by a cost model; no model, no text.

import { seededRandom } from './statistics.js';

/** What one step of the engine costs, in milliseconds; none is negative. */
export interface StepCost {
  /** A step, whatever is in it. */
  readonly step: number;
  readonly promptRow: number;
  readonly sampleRow: number;
  /** A row for each KV cell in use. */
  readonly rowCell: number;
  /** Drawing one token. */
  readonly draw: number;
}

/** How the engine is sized. */
export interface EngineSizes {
  readonly maxSequences: number;
  /** Most rows of a step. */
  readonly batch: number;
  /** Most prompt rows of a step while samples decode. */
  readonly prefillChunk: number;
}

/** Judgments as the engine sees them. */
export interface Workload {
  readonly individual: number;
  readonly prototype: number;
  /** Orders that the candidates are shown in, at most; each is a prompt. */
  readonly orders: number;
  /** Tokens of a prompt. */
  readonly promptTokens: number;
  /** Of these, the share that is decoded: for all own prompts together, over one prompt's length; for a neighbour's. */
  readonly ownShare: number;
  readonly neighbourShare: number;
  /** Lengths of chains to draw from; not empty. */
  readonly chainTokens: readonly number[];
}

/** Counts of the engine's work, summed up. */
export interface EngineWork {
  readonly steps: number;
  readonly promptRows: number;
  readonly sampleRows: number;
  readonly rowCells: number;
  readonly generatedTokens: number;
}

/** What a simulation ended with, for one judgment. */
export interface Simulated extends EngineWork {
  /** Engine time: wall time where judgments run alone, time between two ends of judgments otherwise. */
  readonly ms: number;
  /** Until the first chain had ended; null for judgments at once. */
  readonly firstChainMs: number | null;
}

interface Prompt {
  readonly judgment: number;
  readonly length: number;
  /** Rows still to decode. */
  left: number;
  readonly own: boolean;
  readonly chains: number[];
}

interface Running {
  readonly judgment: number;
  readonly own: boolean;
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
  { judgments, atOnce, seed }: { readonly judgments: number; readonly atOnce: number; readonly seed: number },
): Simulated {
  return new Simulation(cost, sizes, work, seed).run(judgments, atOnce);
}

class Simulation {
  readonly #cost: StepCost;
  readonly #sizes: EngineSizes;
  readonly #work: Workload;
  readonly #random: () => number;
  readonly #prompts: Prompt[] = [];
  readonly #ready: { readonly prompt: Prompt; readonly chain: number }[] = [];
  #running: Running[] = [];
  readonly #judgments = new Map<number, Judgment>();
  #next = 0;
  #now = 0;
  #counts = { steps: 0, promptRows: 0, sampleRows: 0, rowCells: 0, generatedTokens: 0 };

  constructor(cost: StepCost, sizes: EngineSizes, work: Workload, seed: number) {
    this.#cost = cost;
    this.#sizes = sizes;
    this.#work = work;
    this.#random = seededRandom(seed);
  }

  run(judgments: number, atOnce: number): Simulated {
    const before = atOnce > 1 ? Math.ceil(atOnce / 2) : 0;
    let ended = 0;
    let mark = { at: 0, counts: this.#counts };
    let firstChains = 0;
    while (this.#judgments.size < atOnce) this.#begin();
    while (ended < before + judgments) {
      for (const judgment of this.#step()) {
        ended += 1;
        firstChains += (judgment.firstEnd ?? 0) - judgment.began;
        if (ended === before) mark = { at: this.#now, counts: this.#counts };
        if (ended < before + judgments) this.#begin();
      }
    }
    const each = (name: keyof EngineWork): number => (this.#counts[name] - mark.counts[name]) / judgments;
    return {
      ms: (this.#now - mark.at) / judgments,
      firstChainMs: atOnce > 1 ? null : firstChains / judgments,
      steps: each('steps'),
      promptRows: each('promptRows'),
      sampleRows: each('sampleRows'),
      rowCells: each('rowCells'),
      generatedTokens: each('generatedTokens'),
    };
  }

  #begin(): void {
    const { individual, prototype, orders, promptTokens, ownShare } = this.#work;
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
    const rows = promptTokens * ownShare;
    for (let index = 0; index < prompts; index += 1) {
      // The first prompt decodes what is new of the user; the others what differs by the order.
      const others = Math.min(rows / prompts, Math.max(0, rows - promptTokens) / Math.max(1, prompts - 1));
      const left = index === 0 ? rows - others * (prompts - 1) : others;
      const chains = Math.floor(individual / prompts) + (index < individual % prompts ? 1 : 0);
      this.#submit(id, true, left, chains);
    }
  }

  #submit(judgment: number, own: boolean, left: number, chains: number): void {
    const lengths = Array.from({ length: chains }, () => this.#chainLength());
    this.#prompts.push({
      judgment,
      own,
      length: this.#work.promptTokens,
      left: Math.max(1, Math.round(left)),
      chains: lengths,
    });
  }

  #chainLength(): number {
    const { chainTokens } = this.#work;
    return Math.max(2, chainTokens[Math.floor(this.#random() * chainTokens.length)]!);
  }

  /** One step; gives the judgments that ended in it. */
  #step(): Judgment[] {
    this.#start();
    const { batch, prefillChunk } = this.#sizes;
    const sampleRows = Math.min(this.#running.length, batch);
    let room = sampleRows === 0 ? batch : Math.min(batch - sampleRows, prefillChunk);
    let promptRows = 0;
    for (const prompt of this.#prompts) {
      const rows = Math.min(room, prompt.left);
      prompt.left -= rows;
      promptRows += rows;
      room -= rows;
      this.#judgments.get(prompt.judgment)!.cells += rows;
      if (room === 0) break;
    }
    this.#takeDecodedPrompts();
    const cells = this.#cells();
    const rows = sampleRows + promptRows;
    const { step, promptRow, sampleRow, rowCell, draw } = this.#cost;
    this.#now +=
      step + promptRow * promptRows + sampleRow * sampleRows + rowCell * rows * cells + draw * sampleRows;
    this.#counts = {
      steps: this.#counts.steps + 1,
      promptRows: this.#counts.promptRows + promptRows,
      sampleRows: this.#counts.sampleRows + sampleRows,
      rowCells: this.#counts.rowCells + rows * cells,
      generatedTokens: this.#counts.generatedTokens + sampleRows,
    };
    return this.#advance();
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
      this.#counts = { ...this.#counts, generatedTokens: this.#counts.generatedTokens + 1 };
      this.#now += this.#cost.draw;
      this.#running.push({ judgment: prompt.judgment, own: prompt.own, left: chain - 1, written: 1 });
    }
  }

  #advance(): Judgment[] {
    const ended: Judgment[] = [];
    for (const sample of this.#running) {
      sample.left -= 1;
      sample.written += 1;
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
      ended.push(judgment);
    }
    return ended;
  }

  #admitNeighbours(id: number): void {
    const { prototype, promptTokens, neighbourShare } = this.#work;
    for (let index = 0; index < prototype; index += 1) {
      this.#submit(id, false, promptTokens * neighbourShare, 1);
    }
  }

  #cells(): number {
    let cells = this.#work.promptTokens * (1 - Math.min(1, this.#work.ownShare));
    for (const judgment of this.#judgments.values()) cells += judgment.cells;
    for (const { written } of this.#running) cells += written;
    return cells;
  }
}
