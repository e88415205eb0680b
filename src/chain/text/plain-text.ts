// Typography made plain, character for character, so that positions stay the same.
// Knows nothing of chains.

const PLAIN: Readonly<Record<string, string>> = {
  '\u2010': '-',
  '\u2011': '-',
  '\u2012': '-',
  '\u2013': '-',
  '\u2014': '-',
  '\u2015': '-',
  '\u2212': '-',
  '\u00d7': '*',
  '\u2715': '*',
  '\u2716': '*',
  '\u2217': '*',
  '\u22c5': '*',
  '\u00b7': '*',
  '\u2236': ':',
  '\u2044': '/',
  '\u2215': '/',
  '\u2248': '=',
  '\u00a0': ' ',
  '\u2009': ' ',
  '\u202f': ' ',
  '\u3000': ' ',
  '\u066a': '%',
  '\u066b': '.',
  '\u060c': ',',
  '\u3001': ',',
};

/** The zeros of the decimal digits of Unicode's scripts, each followed by its 1 to 9. */
const ZEROS = [
  0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0,
  0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50,
  0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0,
];
const DIGITS = new Map(
  ZEROS.flatMap((zero) =>
    Array.from({ length: 10 }, (_, digit) => [String.fromCharCode(zero + digit), String(digit)] as const),
  ),
);
const DIGIT_RANGES = ZEROS.map((zero) => `${hex(zero)}-${hex(zero + 9)}`).join('');
const TYPOGRAPHY = new RegExp(
  `[\\u00a0\\u00b7\\u00d7\\u060c\\u066a\\u066b\\u2009-\\u2015\\u202f\\u2044\\u2212-\\u2236\\u2248\\u22c5\\u2715\\u2716\\u3000\\u3001\\uff01-\\uff5e${DIGIT_RANGES}]`,
  'g',
);

/**
 * The text with full-width ASCII, digits of any script, typographic dashes, multiplication signs, colons and spaces
 * replaced by their ASCII form. Same length as the input; quotation marks and all other characters stay.
 */
export function plainText(text: string): string {
  return text.replace(TYPOGRAPHY, (char) => {
    const code = char.charCodeAt(0);
    if (code >= 0xff01 && code <= 0xff5e) return String.fromCharCode(code - 0xfee0);
    return PLAIN[char] ?? DIGITS.get(char) ?? char;
  });
}

/** Marks of writing direction, zero-width spaces and byte order marks; joiners stay where they join letters or signs. */
const UNSEEN =
  /[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]|(?<![\p{L}\p{M}\p{Extended_Pictographic}])[\u200c\u200d]|[\u200c\u200d](?![\p{L}\p{M}\p{Extended_Pictographic}])/gu;

/** The text without characters that nobody sees and that carry no meaning. */
export function withoutUnseen(text: string): string {
  return text.replace(UNSEEN, '');
}

function hex(code: number): string {
  return `\\u${code.toString(16).padStart(4, '0')}`;
}
