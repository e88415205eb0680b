// Numbers of JSON and Parquet that a double cannot hold: kept as the digits in which they are written.
// Knows how numbers are written; not which of them are ids.

/** Digits that every double keeps. */
const SAFE_DIGITS = 15;

/** The number of a text of digits where a double holds all of them; else the digits as a text. */
export function numberOrDigits(written: string): number | string {
  const number = Number(written);
  const plain = written.replace(/\.0*$|(\.\d*?)0+$/, '$1');
  if (Number.isInteger(number) ? Number.isSafeInteger(number) : keepsDigits(plain, number)) return number;
  return plain;
}

function keepsDigits(written: string, number: number): boolean {
  const digits = written
    .replace(/[eE].*$/, '')
    .replace(/[^0-9]/g, '')
    .replace(/^0+/, '');
  return digits.length <= SAFE_DIGITS || String(number) === written;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NUMBER = /-?(?:\d[\d.eE+-]*|Infinity|NaN)/y;

/**
 * JSON text in which numbers that a double cannot hold are texts of their digits, and `NaN` and `Infinity`, which
 * Python writes and JSON does not know, are null. Texts within it are left as they are.
 */
export function withExactNumbers(json: string): string {
  const pieces: string[] = [];
  let from = 0;
  for (let at = 0; at < json.length; ) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfText(json, at);
    } else if (beginsNumber(code)) {
      NUMBER.lastIndex = at;
      const written = NUMBER.exec(json)?.[0] ?? json.charAt(at);
      const exact = exactly(written);
      if (exact !== written) {
        pieces.push(json.slice(from, at), exact);
        from = at + written.length;
      }
      at += written.length;
    } else {
      at += 1;
    }
  }
  if (from === 0) return json;
  pieces.push(json.slice(from));
  return pieces.join('');
}

function beginsNumber(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || code === 0x2d || code === 0x49 || code === 0x4e;
}

function exactly(written: string): string {
  if (/^-?(?:Infinity|NaN)$/.test(written)) return 'null';
  const number = Number(written);
  if (Number.isNaN(number)) return written;
  const exact = Number.isFinite(number) ? numberOrDigits(written) : written;
  return typeof exact === 'number' ? written : `"${exact}"`;
}

/** Just past the quote that ends a text which begins at `start`. */
function endOfText(json: string, start: number): number {
  for (let end = json.indexOf('"', start + 1); end >= 0; end = json.indexOf('"', end + 1)) {
    let before = end - 1;
    while (json.charCodeAt(before) === BACKSLASH) before -= 1;
    if ((end - before) % 2 === 1) return end + 1;
  }
  return json.length;
}
