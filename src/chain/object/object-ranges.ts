// Finds where whole judgment objects stand in a text, so that what their strings quote is not taken for a mark.
// Knows the keys of part 2; knows nothing of scores.

import { LooseJson } from './loose-json.js';

/** Positions [start, end) in a text. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/** Where an object begins that holds a judgment, in any spelling of its keys. */
export const OBJECT_START =
  /[{\uff5b]\s{0,64}(?:\\{0,7}["'`\u201c\u201d\u201e\u2018\u2019\u00ab\u300c\uff02])?(?:rationale|reasoning|explanation|justification|better[_ -]?responses?|(?:final|overall|response)?[_ -]?(?:scores|ratings)|(?:score_)?(?:response|assistant)[_ -]{0,2}#?(?:[1a]|one))(?:\\{0,7}["'`\u201c\u201d\u201e\u2018\u2019\u00bb\u300d\uff02])?\s{0,8}[:\uff1a]/giu;

// Each start that turns out to open nothing whole costs a pass over the rest.
const MAX_FAILURES = 16;

/** The whole objects of a text, in order and apart. */
export function objectRanges(text: string): TextRange[] {
  const ranges: TextRange[] = [];
  let json: LooseJson | undefined;
  let failures = 0;
  let covered = 0;
  for (const { index } of text.matchAll(OBJECT_START)) {
    if (index < covered) continue;
    json ??= new LooseJson(text);
    const reading = json.read(index);
    if (reading?.value.kind === 'object' && reading.value.whole && !reading.faults.singleQuotes) {
      ranges.push({ start: index, end: reading.end });
      covered = reading.end;
    } else if (++failures >= MAX_FAILURES) break;
  }
  return ranges;
}
