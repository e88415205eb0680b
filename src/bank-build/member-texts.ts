// Which texts a build needs embedded, and what each member needs of them.
// Knows rows and texts; nothing of vectors but their numbers.

import type { PreferenceRow } from '../data/preference-data.js';
import type { RefinementData } from '../kernels/refine.js';
import type { ChainedRow } from './chain-lines.js';
import { TextNumbers, type TextVectors } from './text-vectors.js';
import { ownEvent } from './user-book.js';

interface PairTexts {
  readonly member: number;
  readonly query: number;
  readonly chosen: number;
  readonly rejected: number;
  /** Numbers of query, chosen and rejected of each event. */
  readonly history: readonly (readonly [number, number, number])[];
}

/** The texts of the members by their numbers. */
export class MemberTexts {
  readonly numbers = new TextNumbers();
  /** Text of part 1 of each member's chain. */
  readonly analyses: number[] = [];
  readonly #pairs: PairTexts[] = [];
  readonly #events: number | null;

  /** `events`: most recent events a row that refinement sees; null where nothing is refined. */
  constructor(events: number | null) {
    this.#events = events;
  }

  /** Notes the next member. Rows without a label, or with a blank text, are not refined on. */
  add({ row, reading }: ChainedRow): void {
    const member = this.analyses.length;
    this.analyses.push(this.numbers.of(reading.analysisText)!);
    const texts = this.#pairOf(row);
    if (texts === null) return;
    const [query, chosen, rejected] = texts.own.map((text) => this.numbers.of(text)!) as [
      number,
      number,
      number,
    ];
    const history = texts.history.map(
      (event) => event.map((text) => this.numbers.of(text)!) as [number, number, number],
    );
    this.#pairs.push({ member, query, chosen, rejected, history });
  }

  /** The texts of a member in the order in which {@link add} numbers them. */
  textsOf({ row, reading }: ChainedRow): string[] {
    const pair = this.#pairOf(row);
    return [reading.analysisText, ...(pair === null ? [] : [...pair.own, ...pair.history.flat()])];
  }

  /** What refinement trains on; null where there is nothing. */
  async refinementData(
    vectors: TextVectors,
    assignment: Uint32Array,
  ): Promise<Omit<RefinementData, 'dim' | 'prototypes'> | null> {
    const pairs = this.#pairs;
    if (this.#events === null || pairs.length === 0) return null;
    const events = pairs.flatMap(({ history }) => history);
    const historyStart = new Uint32Array(pairs.length + 1);
    pairs.forEach(({ history }, row) => {
      historyStart[row + 1] = historyStart[row]! + history.length;
    });
    return {
      assignment: Uint32Array.from(pairs, ({ member }) => assignment[member]!),
      query: await vectors.rows(pairs.map(({ query }) => query)),
      chosen: await vectors.rows(pairs.map(({ chosen }) => chosen)),
      rejected: await vectors.rows(pairs.map(({ rejected }) => rejected)),
      historyStart,
      historyQuery: await vectors.rows(events.map(([query]) => query)),
      historyChosen: await vectors.rows(events.map(([, chosen]) => chosen)),
      historyRejected: await vectors.rows(events.map(([, , rejected]) => rejected)),
    };
  }

  #pairOf(row: PreferenceRow): { own: string[]; history: string[][] } | null {
    if (this.#events === null) return null;
    const whole = (texts: readonly string[]): boolean => texts.every((text) => text.trim() !== '');
    const own = ownEvent(row);
    if (own === null) return null;
    const texts = [lastTurn(own.context), own.chosen, own.rejected];
    if (!whole(texts)) return null;
    const recent = this.#events === 0 ? [] : row.user.history.slice(-this.#events);
    const history = recent
      .map(({ context, chosen, rejected }) => [lastTurn(context), chosen, rejected])
      .filter(whole);
    return { own: texts, history };
  }
}

function lastTurn(context: PreferenceRow['item']['context']): string {
  return context.at(-1)?.content ?? '';
}
