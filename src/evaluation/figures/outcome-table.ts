// The outcomes of all rows in columns: what every figure of an evaluation is computed from.
// Holds some numbers a row and way to judge, never chains or texts.

import type { RowOutcome } from './level-outcome.js';

/** How ties count towards accuracy. A failed row is not correct, and under `excluded` it is left out too. */
export const TIE_CHOICES = ['half', 'wrong', 'excluded'] as const;

/** How ties count. @useDeclaredType */
export type TieChoice = (typeof TIE_CHOICES)[number];

/** What is known of a labelled row besides its outcomes. */
export interface RowTraits {
  /** Absent: a user of whom there is no other row. */
  readonly user?: string;
  /** History events known of the user. */
  readonly history: number;
  readonly criteria: boolean;
  /** `seen`, `unseen` or another name of a group of users. */
  readonly group?: string;
  readonly subset?: string;
}

/** Numerators and denominators of an accuracy, one entry a row; without denominators each row counts 1. */
export interface AccuracyValues {
  readonly numerators: Float64Array;
  readonly denominators?: Float64Array;
}

interface Column {
  readonly correct: number[];
  readonly tied: number[];
  readonly failed: number[];
  readonly half: number[];
}

/** Outcomes of labelled rows under every way to judge. */
export class OutcomeTable {
  /** Names of the ways to judge, in the order given. */
  readonly names: readonly string[];
  readonly #columns: ReadonlyMap<string, Column>;
  readonly #traits: Omit<RowTraits, 'user'>[] = [];
  readonly #users: number[] = [];
  readonly #userNumbers = new Map<string, number>();
  #nobodies = 0;

  constructor(names: readonly string[]) {
    this.names = names;
    this.#columns = new Map(names.map((name) => [name, { correct: [], tied: [], failed: [], half: [] }]));
  }

  get rows(): number {
    return this.#users.length;
  }

  /** Number of users; each row without a user counts as one. */
  get users(): number {
    return this.#userNumbers.size + this.#nobodies;
  }

  /** Adds a row; `outcomes` holds one for each of {@link names}. Gives the number of its user. */
  add({ user, ...traits }: RowTraits, outcomes: ReadonlyMap<string, RowOutcome>): number {
    const number = this.#userNumber(user);
    for (const [name, column] of this.#columns) {
      const { correct, tied, failed, half } = outcomes.get(name)!;
      column.correct.push(correct);
      column.tied.push(tied);
      column.failed.push(failed);
      column.half.push(half);
    }
    this.#traits.push(traits);
    this.#users.push(number);
    return number;
  }

  /** Rows whose traits pass the test; all where there is none. */
  select(test?: (traits: Omit<RowTraits, 'user'>) => boolean): readonly number[] {
    return this.#traits.flatMap((traits, row) => (test === undefined || test(traits) ? [row] : []));
  }

  /** Values of a trait that occur, each once. */
  valuesOf(pick: (traits: Omit<RowTraits, 'user'>) => string | undefined): string[] {
    return [...new Set(this.#traits.flatMap((traits) => pick(traits) ?? []))].sort();
  }

  /** User of each of the rows. */
  usersOf(rows: readonly number[]): Uint32Array {
    return Uint32Array.from(rows, (row) => this.#users[row]!);
  }

  /** Accuracy of one way to judge, row by row. */
  accuracy(name: string, ties: TieChoice, rows: readonly number[]): AccuracyValues {
    const { correct, tied, failed, half } = this.#columns.get(name)!;
    if (ties === 'half') return { numerators: Float64Array.from(rows, (row) => half[row]!) };
    const numerators = Float64Array.from(rows, (row) => correct[row]!);
    if (ties === 'wrong') return { numerators };
    const denominators = Float64Array.from(rows, (row) => Math.max(0, 1 - tied[row]! - failed[row]!));
    return { numerators, denominators };
  }

  /** How many of the rows are correct, tied, wrong and failed; fractions where a row stands for several judgments. */
  counts(
    name: string,
    rows: readonly number[],
  ): { correct: number; tied: number; wrong: number; failed: number } {
    const column = this.#columns.get(name)!;
    const total = (values: readonly number[]): number => rows.reduce((sum, row) => sum + values[row]!, 0);
    const [correct, tied, failed] = [total(column.correct), total(column.tied), total(column.failed)];
    return { correct, tied, wrong: rows.length - correct - tied - failed, failed };
  }

  #userNumber(user: string | undefined): number {
    if (user === undefined) {
      this.#nobodies += 1;
      return this.users - 1;
    }
    const known = this.#userNumbers.get(user);
    if (known !== undefined) return known;
    const number = this.users;
    this.#userNumbers.set(user, number);
    return number;
  }
}
