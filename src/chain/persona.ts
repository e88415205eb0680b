// Part 1 of a chain: the whole of it, the persona in it, and the rubric that it derives.
// Knows headings; knows nothing of scores.

/** Part 1 taken apart. */
export interface Part1 {
  /** All of part 1, its heading included, trimmed: what gets embedded. */
  readonly analysis: string;
  /** The text under `User Preference Synthesis`, trimmed; without headings all of part 1 before the rubric. */
  readonly persona: string;
  /** The lines under `Personalized Scoring Model Derivation`. */
  readonly rubricLines: readonly string[];
}

const PART_1 = /^[ \t#*_>]{0,8}PART[ \t]{1,3}1\b[^\n]*$/gim;
const PART_2 = /^[ \t#*_>]{0,8}PART[ \t]{1,3}2\b/gim;
const SYNTHESIS = /^[ \t#*_>]{0,8}(?:1[.):][ \t*_]{0,4})?(?:user[ \t]{1,3})?preference synthesis\b[^\n]*$/im;
const DERIVATION =
  /^[ \t#*_>]{0,8}(?:2[.):][ \t*_]{0,4})?(?:personali[sz]ed[ \t]{1,3})?scoring model derivation\b[^\n]*$/im;

/**
 * Reads part 1 for a part 2 whose JSON begins at `before` (the text's length where there is none). The text is
 * searched for headings once, however many parts 2 are asked for.
 */
export function part1Reader(text: string): (before: number) => Part1 {
  const starts = [...text.matchAll(PART_1)].map((match) => ({ at: match.index, heading: match[0] }));
  const ends = [...text.matchAll(PART_2)].map((match) => match.index);
  return (before) => {
    const end = ends.findLast((at) => at < before) ?? before;
    const start = starts.findLast(({ at }) => at < end);
    return divide(text.slice(start?.at ?? 0, end).trim(), start?.heading.trim().length ?? 0);
  };
}

function divide(analysis: string, headingLength: number): Part1 {
  const body = analysis.slice(headingLength);
  const derivation = DERIVATION.exec(body);
  const synthesis = SYNTHESIS.exec(derivation === null ? body : body.slice(0, derivation.index));
  const personaStart = synthesis === null ? 0 : synthesis.index + synthesis[0].length;
  const persona = body.slice(personaStart, derivation?.index ?? body.length).trim();
  const rubricText = derivation === null ? '' : body.slice(derivation.index + derivation[0].length);
  return { analysis, persona, rubricLines: rubricText.split(/\n+/) };
}
