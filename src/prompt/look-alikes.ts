// Characters that look like the letters, digits and brackets of a marker, and those that nobody sees.
// Knows single characters; knows nothing of markers.

const OPENING =
  '[<\uff3b\uff1c\u3010\u3014\u301a\u27e6\u27e8\u2329\u3008\u300a\u2039\u00ab\u276e\u2770\u276c\u2772\ufe64\u227a\u02c2\u1438\u2045\ufe47\ufe3d\u29fc';
const CLOSING =
  ']>\uff3d\uff1e\u3011\u3015\u301b\u27e7\u27e9\u232a\u3009\u300b\u203a\u00bb\u276f\u2771\u276d\u2773\ufe65\u227b\u02c3\u1433\u2046\ufe48\ufe3e\u29fd';

/** Letters of other scripts by the Latin letter that they look like. */
const ALIKE: Readonly<Record<string, string>> = {
  a: '\u0430\u03b1\u0251\u15c5\u13aa\u0391\u0410',
  b: '\u0392\u0412\u13f4\u0184\u044c\u15af',
  c: '\u0441\u0421\u03f2\u03f9\u13df\u1d04',
  d: '\u0501\u13a0\u15de\u146f\u217e',
  e: '\u0435\u0415\u0395\u0454\u212e\u13ac\u04bd\u03b5',
  f: '\u03dc\u15b4\u0192\u017f',
  h: '\u04bb\u041d\u0397\u043d\u13bb\u157c\u0570\u12d5',
  i: '\u0456\u0406\u0399\u03b9\u04c0\u0131\u2170\u13a5\u07ca',
  j: '\u0458\u0408\u037f\u13ab\u148d\u03f3',
  n: '\u039d\u0578\u0438\u057c\u0418\u03b7\u043f',
  o: '\u043e\u041e\u039f\u03bf\u0585\u0555\u1d0f\u00f8\u00d8\u0d20',
  p: '\u0440\u0420\u03a1\u03c1\u13e2\u146d',
  r: '\u0433\u1d26\u13a1\u13d2\u0280\u1587\u042f\u0491',
  s: '\u0455\u0405\u054f\u13da\u13d5\ua731\ua644',
  t: '\u0442\u0422\u03a4\u03c4\u13a2\u1d1b\u0442',
  u: '\u057d\u03c5\u0446\u0531\u144c\u1d1c\u03bc\u0423',
  v: '\u03bd\u0475\u0474\u13d9\u142f\u1d20\u2174',
  y: '\u0443\u03b3\u04af\u04ae\u03a5\u03d2\u13a9\u0423',
};
const LATIN = new Map(
  Object.entries(ALIKE).flatMap(([latin, alike]) => [...alike].map((char) => [char, latin] as const)),
);
const UNSEEN = /[\s\p{C}\p{M}\u115f\u1160\u17b4\u17b5\u180e\u2800\u3164\uffa0]/u;
// Letters to Unicode, apostrophes to the eye.
const APOSTROPHES = '\u02b9\u02bb\u02bc\u02bd\u02c8\u02ca\u02cb\ua78c';
const LETTER_OR_DIGIT = /[\p{L}\p{N}]/u;
const DIGIT = /\p{Nd}/u;

const ANY_OPENING = new RegExp(`[${OPENING.replace('[', '\\[')}]`, 'g');

const ASCII = Array.from({ length: 0x80 }, (_, code) => {
  const char = String.fromCharCode(code);
  if (char === '>' || char === ']') return ']';
  if (char === '<' || char === '[') return '[';
  return /[a-z0-9/]/i.test(char) ? char.toLowerCase() : '';
});

/** The first position from `at` on of a character that opens a marker or looks like one that does; -1 where there is none. */
export function nextOpening(text: string, at: number): number {
  ANY_OPENING.lastIndex = at;
  return ANY_OPENING.exec(text)?.index ?? -1;
}

/** The first position from `at` on whose character is seen: no white space, control, joiner, accent or filler. */
export function skipUnseen(text: string, at: number): number {
  let pos = at;
  while (pos < text.length) {
    const code = text.charCodeAt(pos);
    if (code > 0x20 && code < 0x7f) break;
    const char = String.fromCodePoint(text.codePointAt(pos)!);
    if (!UNSEEN.test(char)) break;
    pos += char.length;
  }
  return pos;
}

/**
 * What the character at `at` looks like: small ASCII letters and digits, `[` or `]` for brackets, '' for a sign that may
 * stand between letters, null for a letter or digit that looks like no ASCII one. `length`: its UTF-16 units.
 */
export function folded(text: string, at: number): { readonly text: string | null; readonly length: number } {
  const code = text.charCodeAt(at);
  if (code < 0x80) return { text: ASCII[code]!, length: 1 };
  const char = String.fromCodePoint(text.codePointAt(at)!);
  const { length } = char;
  if (CLOSING.includes(char)) return { text: ']', length };
  if (OPENING.includes(char)) return { text: '[', length };
  if (APOSTROPHES.includes(char)) return { text: '', length };
  const alike = LATIN.get(char);
  if (alike !== undefined) return { text: alike, length };
  if (DIGIT.test(char))
    return { text: /^[0-9]$/.test(char.normalize('NFKC')) ? char.normalize('NFKC') : '0', length };
  const plain = char.normalize('NFKD').toLowerCase().replace(/\p{M}/gu, '');
  if (/^[a-z0-9/]{1,4}$/.test(plain)) return { text: plain, length };
  const small = LATIN.get(plain);
  if (small !== undefined) return { text: small, length };
  return { text: LETTER_OR_DIGIT.test(char) ? null : '', length };
}
