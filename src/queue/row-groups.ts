// Brings judgments that are asked for one after the other together into jobs: those of one user with the same options.
// Knows what tells users apart; nothing of queues.

import { keyOfUser } from '../reward-model/judge-settings.js';
import type { JudgeInput } from '../reward-model/judgment.js';
import type { QueueJudgeOptions } from './contract.js';

/** Most rows of a job: what is lost with a worker, and what a worker may hold while others have nothing. */
export const MOST_ROWS = 8;
/** Milliseconds for which a group waits for more rows of its user. */
const WAIT_MS = 5;

/** A judgment that is asked for. */
export interface Asked {
  readonly input: JudgeInput;
  readonly options: QueueJudgeOptions;
}

/** Collects judgments; `full` gets each group, of one judgment or more. */
export class RowGroups<T extends Asked> {
  readonly #full: (group: readonly T[]) => void;
  #group: T[] = [];
  #key = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(full: (group: readonly T[]) => void) {
    this.#full = full;
  }

  add(asked: T): void {
    const key = JSON.stringify([keyOfUser(asked.input) ?? asked.input.id ?? null, asked.options]);
    if (this.#group.length > 0 && key !== this.#key) this.flush();
    this.#key = key;
    this.#group.push(asked);
    clearTimeout(this.#timer);
    if (this.#group.length >= MOST_ROWS) this.flush();
    else this.#timer = setTimeout(() => this.flush(), WAIT_MS);
  }

  /** Gives the group that waits, where one does. */
  flush(): void {
    clearTimeout(this.#timer);
    const group = this.#group;
    this.#group = [];
    if (group.length > 0) this.#full(group);
  }
}
