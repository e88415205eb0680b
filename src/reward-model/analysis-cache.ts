// Part 1 of a user's first chain, kept for the user's later items within one run.
// Knows users and texts; nothing of banks, chains or files.

import { userKey } from '../chain/chain-seed.js';
import type { User } from '../preference/preference.js';

/** Part 1 of a chain for an earlier item of the same user. */
export interface EarlierAnalysis {
  readonly text: string;
  /** Key of the item that the chain was written for. */
  readonly from: string;
}

/** What a line of a run keeps of it, so that a resumed run goes on with the same texts. */
export interface AnalysisRecord {
  /** Names the user and all that is known of them; see `analysisKey`. */
  readonly of: string;
  /** The text, on the line of the item that it was written for. */
  readonly text?: string | undefined;
}

/** Users that are kept; the one whose item came longest ago is forgotten first. */
export const ANALYSIS_CAPACITY = 1024;

/**
 * Equal for items of the same user with the same history and criteria, null without a user id. A text written with
 * other history would tell of choices that an item may not see: those left out as its own.
 */
export function analysisKey(user: User | undefined): string | null {
  return user?.id === undefined ? null : userKey(user);
}

/**
 * The texts of a run. Items take their turns in the order in which they begin, and what an item gets depends on that order
 * alone, never on which chain ends first: the first item of a user writes, those after it wait until it has.
 */
export class AnalysisCache {
  readonly #capacity: number;
  /** By {@link analysisKey}, the user of the latest turn last. */
  readonly #latest = new Map<string, Promise<EarlierAnalysis | null>>();

  constructor(capacity = ANALYSIS_CAPACITY) {
    this.#capacity = capacity;
  }

  /** A cache for a run with these settings; null where they ask for none. */
  static for({
    prototypes,
    retrieveBy,
  }: {
    readonly prototypes: number;
    readonly retrieveBy: string;
  }): AnalysisCache | null {
    return prototypes > 0 && retrieveBy === 'cached' ? new AnalysisCache() : null;
  }

  /** The turn of an item; null where the user has no id. Whoever takes it ends it. */
  turn(user: User | undefined, key: string): AnalysisTurn | null {
    const of = analysisKey(user);
    if (of === null) return null;
    const turn = new AnalysisTurn(of, key, this.#latest.get(of) ?? NONE);
    this.#keep(of, turn.passedOn);
    return turn;
  }

  /** Takes the turn of an item that an earlier session judged; `key` is the item's. */
  replay({ of, text }: AnalysisRecord, key: string): void {
    const own = text === undefined ? null : { text, from: key };
    const earlier = this.#latest.get(of) ?? NONE;
    this.#keep(
      of,
      earlier.then((known) => known ?? own),
    );
  }

  #keep(of: string, latest: Promise<EarlierAnalysis | null>): void {
    this.#latest.delete(of);
    this.#latest.set(of, latest);
    for (const oldest of this.#latest.keys()) {
      if (this.#latest.size <= this.#capacity) return;
      this.#latest.delete(oldest);
    }
  }
}

const NONE: Promise<null> = Promise.resolve(null);

/** One item's turn: what earlier items of the user left, and what this one leaves where they left nothing. */
export class AnalysisTurn {
  /** What the user's earlier items left; null where they left nothing. */
  readonly earlier: Promise<EarlierAnalysis | null>;
  /** What later items get. */
  readonly passedOn: Promise<EarlierAnalysis | null>;
  readonly #of: string;
  readonly #own: Promise<string | null>;
  #settle: (text: string | null) => void = () => undefined;

  constructor(of: string, key: string, earlier: Promise<EarlierAnalysis | null>) {
    this.#of = of;
    this.earlier = earlier;
    this.#own = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const own = this.#own.then((text) => (text === null ? null : { text, from: key }));
    this.passedOn = earlier.then((known) => known ?? own);
  }

  /** Says what this item's own chains have for part 1, null for nothing; the first call counts. */
  settle(text: string | null): void {
    this.#settle(text);
  }

  /** Ends the turn, so that nobody waits for it any more, and gives what the item's line keeps. */
  async end(): Promise<AnalysisRecord> {
    this.#settle(null);
    const [earlier, own] = await Promise.all([this.earlier, this.#own]);
    return { of: this.#of, ...(earlier === null && own !== null ? { text: own } : {}) };
  }
}

/** Does an item's work within its turn; the result holds what its line keeps. Without a turn it is the work alone. */
export async function inTurn<T extends object>(
  turn: AnalysisTurn | null,
  work: () => Promise<T>,
): Promise<T & { readonly analysis?: AnalysisRecord }> {
  if (turn === null) return work();
  try {
    const done = await work();
    return { ...done, analysis: await turn.end() };
  } finally {
    turn.settle(null);
  }
}
