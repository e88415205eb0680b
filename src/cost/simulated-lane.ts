// A lane of the engine's scheduler on numbers instead of tokens: which prompts are let in, which chains write, what rows
// a step has. Knows no judgment but by number, and no time.
import type { SharedReading } from '../generator/generator.js';
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
  /** Most of them that prompts hold which no chain needs any more. */
  readonly maxIdleCells: number;
  readonly threads?: number;
  readonly sharedReading?: SharedReading | null;
  /** Whether a row passes over its own cells alone; over all that are in use otherwise. */
  readonly streams: boolean;
}

/** Cells kept free for each running chain when a prompt or a chain is let in. */
const HEADROOM = 32;

export class SimulatedLane {
  readonly #limits: LaneLimits;
  /** Prompts that wait to be let in, those that are decoded, and chains whose prompt is. */
  readonly #waiting: Prompt[] = [];
  #prompts: Prompt[] = [];
  readonly #ready: { readonly prompt: Prompt; readonly chain: number }[] = [];
  #running: Running[] = [];
  #promptCells = 0;
  #idleCells = 0;

  constructor(limits: LaneLimits) {
    this.#limits = limits;
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
  get #usedCells(): number {
    return this.#promptCells + this.#running.reduce((total, { written }) => total + written, 0);
  }

  /** All cells in use: prompts that no chain needs any more stay while nobody else needs theirs. */
  get #cells(): number {
    const used = this.#usedCells;
    return used + Math.min(this.#idleCells, Math.max(0, (this.#limits.cells ?? Infinity) - used));
  }

  forgetIdle(): void {
    this.#idleCells = 0;
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
    return all === null || this.#usedCells + cells + HEADROOM * (this.#running.length + 1) <= all;
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

  /** The work of `steps` steps, at most `alikeSteps`. */
  step(steps: number): EngineWork {
    const { batch, separatesPrompts, streams } = this.#limits;
    const cells = this.#cells;
    const rows = Math.min(this.#running.length, batch);
    // Every sample grows by one token a step.
    const grown = (rows * steps * (steps - 1)) / 2;
    const attended = this.#running
      .slice(0, rows)
      .reduce((total, { of, written }) => total + of.length + written, 0);
    const sampleAttended = steps * attended + grown;
    const planned = this.#plannedPromptRows(rows);
    const together = this.#rowsTogether(rows + planned);
    const sampleRead = together === 0 ? 0 : steps * this.#readAtOnce(rows, together) + grown;
    const { promptRows, promptAttended, promptRead } = this.#decodePrompts(rows, together);
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

  /** Rows next to each other for which attention reads what they share once, of so many in a call; 0 where that is not known. */
  #rowsTogether(rows: number): number {
    const { sharedReading, threads = 1 } = this.#limits;
    if (!sharedReading) return 0;
    let together = sharedReading.rows;
    const parts = () => sharedReading.headsKv * Math.ceil(rows / together);
    while (together > 1 && threads > 1 && parts() < 2 * threads) together = Math.floor(together / 2);
    return together;
  }

  /** Cells that attention of one row of each running chain reads: what rows near each other share, once. */
  #readAtOnce(rows: number, together: number): number {
    let read = 0;
    for (let first = 0; first < rows; first += together) {
      const prompts = new Set<Prompt>();
      for (const { of: prompt, written } of this.#running.slice(first, Math.min(first + together, rows))) {
        read += written;
        if (prompts.has(prompt)) continue;
        // What was not decoded for a prompt it shares with another one, mostly one that is at work as well.
        read += prompts.size === 0 ? prompt.length : prompt.fresh;
        prompts.add(prompt);
      }
    }
    return read;
  }

  #promptRoom(sampleRows: number): number {
    const { batch, prefillChunk, separatesPrompts } = this.#limits;
    const taken = separatesPrompts ? 0 : sampleRows;
    return sampleRows === 0 ? batch : Math.min(batch - taken, prefillChunk);
  }

  #plannedPromptRows(sampleRows: number): number {
    const left = this.#prompts.reduce((total, prompt) => total + prompt.left, 0);
    return Math.min(this.#promptRoom(sampleRows), left);
  }

  #decodePrompts(
    sampleRows: number,
    together: number,
  ): Record<'promptRows' | 'promptAttended' | 'promptRead', number> {
    let room = this.#promptRoom(sampleRows);
    let [promptRows, promptAttended, promptRead] = [0, 0, 0];
    for (const prompt of this.#prompts) {
      const rows = Math.min(room, prompt.left);
      const before = prompt.length - prompt.left;
      promptAttended += rows * before + (rows * (rows + 1)) / 2;
      for (let row = 0; together > 0 && row < rows; row += together) {
        const group = Math.min(together, rows - row);
        // Of themselves each sees those before it.
        promptRead += before + row + (group * (group + 1)) / 2;
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
      if (prompt.unended > 0) continue;
      this.#promptCells -= prompt.fresh;
      this.#idleCells = Math.min(this.#limits.maxIdleCells, this.#idleCells + prompt.fresh);
    }
    this.#running = this.#running.filter(({ left }) => left > 0);
    return done;
  }
}
