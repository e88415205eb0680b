// A lane of the engine's scheduler on numbers instead of tokens: which prompts are let in, which chains write, what rows
// a step has. Knows no judgment but by number, and no time.
import type { EngineWork } from './engine-work.js';

/** A prompt on its way through a lane. */
export interface Prompt {
  readonly judgment: number;
  readonly length: number;
  /** Rows that are decoded for it, all in all: it shares the others. */
  readonly fresh: number;
  /** Rows still to decode. */
  left: number;
  readonly own: boolean;
  /** Tokens of each of its chains. */
  readonly chains: readonly number[];
  /** Chains that have not ended. */
  unended: number;
}

/** A chain that is being written. */
export interface Running {
  readonly of: Prompt;
  left: number;
  written: number;
}

/** What bounds a lane. */
export interface LaneLimits {
  readonly maxSequences: number;
  readonly maxUnfinished: number;
  readonly batch: number;
  readonly prefillChunk: number;
  readonly separatesPrompts: boolean;
  /** KV cells for prompts and what samples write; null where they bound nothing. */
  readonly cells: number | null;
  /** Whether a row passes over its own cells alone; over all that are in use otherwise. */
  readonly streams: boolean;
}

/** Cells kept free for each running chain when a prompt or a chain is let in. */
const HEADROOM = 32;
/** Rows next to each other for which attention reads what they share once, where four heads or fewer share a key. */
const READ_TOGETHER = 16;

export class SimulatedLane {
  readonly #limits: LaneLimits;
  /** Prompts that wait to be let in, those that are decoded, and chains whose prompt is. */
  readonly #waiting: Prompt[] = [];
  #prompts: Prompt[] = [];
  readonly #ready: { readonly prompt: Prompt; readonly chain: number }[] = [];
  #running: Running[] = [];
  #promptCells = 0;

  constructor(limits: LaneLimits) {
    this.#limits = limits;
  }

  get streams(): boolean {
    return this.#limits.streams;
  }

  /** Whether it has rows for a step. */
  get busy(): boolean {
    return this.#prompts.length > 0 || this.#running.length > 0;
  }

  /** Steps that are alike but for the lengths of samples: until one ends, or the next where prompts are decoded. */
  get alikeSteps(): number {
    if (this.#prompts.length > 0 || this.#running.length > this.#limits.batch) return 1;
    return Math.max(1, Math.min(...this.#running.map(({ left }) => left)));
  }

  /** Cells of prompts that some chain needs, and of what chains have written. */
  get usedCells(): number {
    return this.#promptCells + this.#running.reduce((total, { written }) => total + written, 0);
  }

  submit(prompt: Prompt): void {
    this.#waiting.push(prompt);
  }

  /** Prompts come in as long as running samples could use them soon, and there are cells for them. */
  admit(): void {
    let unfinished =
      this.#running.length +
      this.#ready.length +
      this.#prompts.reduce((total, { chains }) => total + chains.length, 0);
    while (this.#waiting.length > 0) {
      const prompt = this.#waiting[0]!;
      const fits = unfinished < this.#limits.maxUnfinished && this.#hasRoom(prompt.fresh);
      if (unfinished > 0 && !fits) break;
      this.#waiting.shift();
      this.#prompts.push(prompt);
      this.#promptCells += prompt.fresh;
      unfinished += prompt.chains.length;
    }
  }

  #hasRoom(cells: number): boolean {
    const { cells: all } = this.#limits;
    return all === null || this.usedCells + cells + HEADROOM * (this.#running.length + 1) <= all;
  }

  /** Starts chains whose prompts are decoded, with the first token drawn of the prompt's logits; how many. */
  start(): number {
    let started = 0;
    while (this.#ready.length > 0 && this.#running.length < this.#limits.maxSequences) {
      if (this.#running.length > 0 && !this.#hasRoom(1)) break;
      const { prompt, chain } = this.#ready.shift()!;
      this.#running.push({ of: prompt, left: chain - 1, written: 1 });
      started += 1;
    }
    return started;
  }

  /** The work of `steps` steps, at most `alikeSteps`; `cells` are in use as they begin, of this lane and others that share. */
  step(steps: number, cells: number): EngineWork {
    const { batch, separatesPrompts, streams } = this.#limits;
    const rows = Math.min(this.#running.length, batch);
    // Every sample grows by one token a step.
    const grown = (rows * steps * (steps - 1)) / 2;
    const attended = this.#running
      .slice(0, rows)
      .reduce((total, { of, written }) => total + of.length + written, 0);
    const sampleAttended = steps * attended + grown;
    const sampleRead = steps * this.#readAtOnce(rows) + grown;
    const { promptRows, promptAttended, promptRead } = this.#decodePrompts(rows);
    const both = rows > 0 && promptRows > 0;
    return {
      calls: both && separatesPrompts ? 2 : steps,
      promptRows,
      sampleRows: rows * steps,
      promptAttended,
      sampleAttended,
      rowCells: streams
        ? sampleAttended + promptAttended
        : rows * (steps * cells + grown) + promptRows * cells,
      cellsRead: sampleRead + promptRead,
      generatedTokens: rows * steps,
    };
  }

  /** Cells that attention of one row of each running chain reads: what rows near each other share, once. */
  #readAtOnce(rows: number): number {
    let read = 0;
    for (let first = 0; first < rows; first += READ_TOGETHER) {
      const prompts = new Set<Prompt>();
      const judgments = new Set<number>();
      for (const { of: prompt, written } of this.#running.slice(
        first,
        Math.min(first + READ_TOGETHER, rows),
      )) {
        read += written;
        if (prompts.has(prompt)) continue;
        prompts.add(prompt);
        // The user's own prompts of a judgment share what was decoded for the first.
        read += prompt.own && judgments.has(prompt.judgment) ? prompt.fresh : prompt.length;
        if (prompt.own) judgments.add(prompt.judgment);
      }
    }
    return read;
  }

  #decodePrompts(sampleRows: number): Record<'promptRows' | 'promptAttended' | 'promptRead', number> {
    const { batch, prefillChunk, separatesPrompts } = this.#limits;
    const taken = separatesPrompts ? 0 : sampleRows;
    let room = sampleRows === 0 ? batch : Math.min(batch - taken, prefillChunk);
    let [promptRows, promptAttended, promptRead] = [0, 0, 0];
    for (const prompt of this.#prompts) {
      const rows = Math.min(room, prompt.left);
      const before = prompt.length - prompt.left;
      promptAttended += rows * before + (rows * (rows + 1)) / 2;
      for (let row = 0; row < rows; row += READ_TOGETHER) {
        const together = Math.min(READ_TOGETHER, rows - row);
        // Of themselves each sees those before it.
        promptRead += before + row + (together * (together + 1)) / 2;
      }
      prompt.left -= rows;
      promptRows += rows;
      room -= rows;
      if (room === 0) break;
    }
    return { promptRows, promptAttended, promptRead };
  }

  /** Ends `steps` steps: chains of prompts whose last row was decoded wait to start. Gives the chains that ended. */
  end(steps: number): Running[] {
    for (const prompt of this.#prompts.filter(({ left }) => left === 0)) {
      for (const chain of prompt.chains) this.#ready.push({ prompt, chain });
    }
    this.#prompts = this.#prompts.filter(({ left }) => left > 0);
    for (const sample of this.#running) {
      sample.left -= steps;
      sample.written += steps;
    }
    const done = this.#running.filter(({ left }) => left <= 0);
    for (const { of: prompt } of done) {
      prompt.unended -= 1;
      if (prompt.unended === 0) this.#promptCells -= prompt.fresh;
    }
    this.#running = this.#running.filter(({ left }) => left > 0);
    return done;
  }
}
