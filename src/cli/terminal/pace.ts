// How fast a run goes and when it will end, in the words of a progress line.
// Knows counts and seconds; nothing of terminals.

import type { JudgedCounts } from '../../run/judged-so-far.js';

/** What a progress line says of a run. */
export interface Pace {
  /** Rows that the output will hold soon: those of earlier sessions and those judged in this one, whole rows. */
  readonly rows: number;
  /** Such as `48 chains, 87 tokens/s, 1:20 left`. */
  readonly text: string;
}

/** Follows one phase of a run. */
export class RunPace {
  readonly #began: number;
  readonly #before: number;
  readonly #total: number;

  /** `before`: rows of `total` that were done when the phase began. */
  constructor(total: number, before: number, now = performance.now()) {
    this.#began = now;
    this.#before = before;
    this.#total = total;
  }

  /** The pace over all of the phase: it does not jump with the order in which rows end. */
  at({ rows, chains, tokens }: JudgedCounts, now = performance.now()): Pace {
    const seconds = (now - this.#began) / 1000;
    const left = Math.max(0, this.#total - this.#before - rows);
    const facts = [`${chains} chains`];
    if (seconds > 0 && tokens > 0) facts.push(`${Math.round(tokens / seconds)} tokens/s`);
    if (seconds > 0 && rows > 0) facts.push(`${clock((left * seconds) / rows)} left`);
    return { rows: Math.min(this.#total, this.#before + Math.floor(rows)), text: facts.join(', ') };
  }
}

/** `0:07`, `12:30` or `1:02:03`. */
export function clock(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const two = (value: number): string => String(value).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
