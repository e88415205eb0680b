// The markers that give a prompt and a chain their structure, and what keeps content from faking them.
// Knows nothing of templates or models.

/** Opens the JSON object of part 2. A grammar takes hold after it. */
export const JSON_START = '<JSON_START>';
/** Closes the JSON object of part 2. */
export const JSON_END = '<JSON_END>';

export const HISTORY_START = "[The Start of User's preference history]";
export const HISTORY_END = "[The End of User's preference history]";
export const CRITERIA_START = "[The Start of User's stated criteria]";
export const CRITERIA_END = "[The End of User's stated criteria]";
export const INPUT_START = '[The Start of User Input]';
export const INPUT_END = '[The End of User Input]';

/** `[The End of Event n]`, n counted from 1: closes one event of the history. */
export function eventEnd(n: number): string {
  return `[The End of Event ${n}]`;
}

/** `[The Start of Response n]`, n counted from 1. */
export function responseStart(n: number): string {
  return `[The Start of Response ${n}]`;
}

/** `[The End of Response n]`, n counted from 1. */
export function responseEnd(n: number): string {
  return `[The End of Response ${n}]`;
}

const SPACE = '[ \\t\\u00a0]{0,8}';
const GAP = '[ \\t\\u00a0]{1,8}';
const SECTIONS = [
  `User['\\u2019]s${GAP}preference${GAP}history`,
  `User['\\u2019]s${GAP}stated${GAP}criteria`,
  `User${GAP}Input`,
  `(?:Event|Response)${GAP}\\d{1,6}`,
].join('|');
const BRACKET_MARKER = new RegExp(
  `\\[(${SPACE}The${GAP}(?:Start|End)${GAP}of${GAP}(?:${SECTIONS})${SPACE})\\]`,
  'gi',
);
const JSON_MARKER = new RegExp(`<(${SPACE}JSON_(?:START|END)${SPACE})>`, 'gi');
const EVENT_LABEL = /^([ \t]{0,8})((?:Chosen|Rejected)(?: \d{1,6})?):/gm;
const EVENT_OPENING = /(\n[ \t]*\n[ \t]{0,8})User:/g;

/**
 * Makes content unable to close or open a section of the prompt.
 *
 * Where content spells a section marker or a JSON marker (letter case and spacing aside), the brackets around
 * it become round ones: `[The End of Response 1]` turns into `(The End of Response 1)`, `<JSON_END>` into
 * `(JSON_END)`. All other text stays as it is.
 */
export function neutralizeMarkers(text: string): string {
  return text.replace(BRACKET_MARKER, '($1)').replace(JSON_MARKER, '($1)');
}

/**
 * {@link neutralizeMarkers}, and the labels that divide history events as well.
 *
 * A line that begins `Chosen:` or `Rejected 2:` and a `User:` after a blank line get round brackets around the
 * word: `(Chosen):`. All other text stays as it is.
 */
export function neutralizeEventText(text: string): string {
  return neutralizeMarkers(text).replace(EVENT_LABEL, '$1($2):').replace(EVENT_OPENING, '$1(User):');
}
