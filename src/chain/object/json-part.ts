// One JSON object of part 2 as it was found, and what had to be mended to read it.
// Types alone.

import type { ScoreEntries } from './score-entries.js';

/** One JSON object of part 2, or what stands in its place. */
export interface JsonPart {
  /** Position of the marker or brace that begins it. */
  readonly start: number;
  /** Position of the object's brace; of what stands in its place where there is none. */
  readonly body: number;
  /** Position after the object. */
  readonly end: number;
  /** The rationale, escapes resolved; '' where there is none. */
  readonly rationale: string;
  readonly entries: ScoreEntries;
  /** The object is whole: nothing was cut off. */
  readonly closed: boolean;
  /** The end marker stands after it. */
  readonly endMarker: boolean;
  /** The start marker stands before it. */
  readonly startMarker: boolean;
  readonly repairs: readonly JsonRepair[];
}

/** What had to be mended to read an object. */
export type JsonRepair =
  | 'rawNewlines'
  | 'unescapedQuotes'
  | 'singleQuotes'
  | 'typography'
  | 'trailingComma'
  | 'brokenJson'
  | 'doubleEncoded' // the object as a JSON string
  | 'noObject';
