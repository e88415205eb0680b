// A lane of the engine's scheduler on numbers instead of tokens: which prompts are let in, which chains write, what rows
// a step has. Knows no judgment but by number, and no time.
import type { EngineWork } from './engine-work.js';

/** A prompt on its way through a lane. */
export interface Prompt {
  readonly judgment: number;
  readonly length: number;
  /** Rows still to decode. */
  left: number;
  readonly own: boolean;
  /** Tokens of each of its chains. */
  readonly chains: readonly number[];
}

/** A chain that is being written. */
export interface Running {
  readonly judgment: number;
  readonly own: boolean;
  readonly prompt: number;
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
  /** Whether a row passes over its own cells alone; over all that are in use otherwise. */
  readonly streams: boolean;
}

export class SimulatedLane {
  readonly #limits: LaneLimits;
  /** Prompts that wait to be let in, those that are decoded, and chains whose prompt is. */
  readonly #waiting: Prompt[] = [];
  #prompts: Prompt[] = [];
  readonly #ready: { readonly prompt: Prompt; readonly chain: number }[] = [];
  #running: Running[] = [];

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

  /** Tokens that running chains have written: the cells they hold beyond their prompts. */
  get writtenCells(): number {
    return this.#running.reduce((total, { written }) => total + written, 0);
  }

  submit(prompt: Prompt): void {
    this.#waiting.push(prompt);
  }

  /** Prompts come in as long as running samples could use them soon; those that did. */
  admit(): Prompt[] {
    let unfinished =
      this.#running.length +
      this.#ready.length +
      this.#prompts.reduce((total, { chains }) => total + chains.length, 0);
    const admitted: Prompt[] = [];
    while (this.#waiting.length > 0 && (unfinished === 0 || unfinished < this.#limits.maxUnfinished)) {
      const prompt = this.#waiting.shift()!;
      admitted.push(prompt);
      unfinished += prompt.chains.length;
    }
    this.#prompts.push(...admitted);
    return admitted;
  }

  /** Starts chains whose prompts are decoded, with the first token drawn of the prompt's logits; how many. */
  start(): number {
    let started = 0;
    while (this.#ready.length > 0 && this.#running.length < this.#limits.maxSequences) {
      const { prompt, chain } = this.#ready.shift()!;
      const { judgment, own, length } = prompt;
      this.#running.push({ judgment, own, prompt: length, left: chain - 1, written: 1 });
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
      .reduce((total, { prompt, written }) => total + prompt + written, 0);
    const sampleAttended = steps * attended + grown;
    const { promptRows, promptAttended } = this.#decodePrompts(rows);
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
      generatedTokens: rows * steps,
    };
  }

  #decodePrompts(sampleRows: number): { readonly promptRows: number; readonly promptAttended: number } {
    const { batch, prefillChunk, separatesPrompts } = this.#limits;
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
    return { promptRows, promptAttended };
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
    this.#running = this.#running.filter(({ left }) => left > 0);
    return done;
  }
}
