// The nouns that the whole method shares: turns, preference history, users, items to judge.
// Types only; `src/data` reads files into them and `src/prompt` writes them out.

/** One turn of a conversation. */
export interface Turn {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** One implicit signal: in this context the user chose one reply over another. */
export interface HistoryEvent {
  /** The conversation up to the replies; its last turn is the user's query. */
  readonly context: readonly Turn[];
  /** Names the prompt, where the data does. */
  readonly promptId?: string;
  readonly chosen: string;
  readonly rejected: string;
  /** The user's own ratings where the data has them (PRISM: 1 to 100). */
  readonly chosenScore?: number;
  readonly rejectedScore?: number;
}

/** Everything known of one user's wishes. Either signal may be missing. */
export interface User {
  readonly id?: string;
  /** Implicit signals, oldest first. */
  readonly history: readonly HistoryEvent[];
  /** Explicit signal: stated criteria in free text; '' or absent where none were stated. */
  readonly criteria?: string;
}

/** Replies to compare for one user in one context. */
export interface Item {
  /** The conversation up to the replies; its last turn is the user's query. */
  readonly context: readonly Turn[];
  /** The replies, two or more. */
  readonly candidates: readonly string[];
}
