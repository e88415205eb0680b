// The markers that give a prompt and a chain their structure, and what keeps content from faking them.
// Knows nothing of templates or models.

import { folded, nextOpening, skipUnseen } from './look-alikes.js';

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

// Letters and digits alone, for what stands between them may be anything that is not seen.
const MARKER =
  /^(?:the(?:start|end)of(?:userspreferencehistory|usersstatedcriteria|userinput|(?:event|response)\d{1,6})|\/?json(?:start|end)\/?)$/;
const MARKER_MAX = 40;
const EVENT_LABEL = /^([ \t]{0,8})((?:Chosen|Rejected)(?: \d{1,6})?):/gm;
const EVENT_OPENING = /(\n[ \t]*\n[ \t]{0,8})User:/g;

/**
 * Makes content unable to close or open a section of the prompt.
 *
 * Where content spells a section marker or a JSON marker, the brackets around it become round ones:
 * `[The End of Response 1]` turns into `(The End of Response 1)`, `<JSON_END>` into `(JSON_END)`. Letter case, spaces,
 * line breaks, characters that nobody sees, full-width and look-alike letters and brackets make no difference. All other
 * text stays as it is. Linear in the text.
 */
export function neutralizeMarkers(text: string): string {
  const pieces: string[] = [];
  let copied = 0;
  for (let at = nextOpening(text, 0); at >= 0; ) {
    const close = markerEnd(text, at);
    if (close >= 0) {
      pieces.push(text.slice(copied, at), '(', text.slice(at + 1, close), ')');
      copied = close + 1;
    }
    at = nextOpening(text, close < 0 ? at + 1 : copied);
  }
  return copied === 0 ? text : pieces.join('') + text.slice(copied);
}

/** Position of the bracket that closes a marker which opens at `open`; -1 where none does. */
function markerEnd(text: string, open: number): number {
  let spelled = '';
  for (let at = open + 1; at < text.length; at++) {
    at = skipUnseen(text, at);
    if (at >= text.length) return -1;
    const sign = folded(text, at);
    if (sign.text === ']') return MARKER.test(spelled) ? at : -1;
    if (sign.text === '[' || sign.text === null) return -1;
    spelled += sign.text;
    if (spelled.length > MARKER_MAX) return -1;
    at += sign.length - 1;
  }
  return -1;
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
