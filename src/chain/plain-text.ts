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
};

/**
 * The text with full-width ASCII, typographic dashes, multiplication signs, colons and spaces replaced by their
 * ASCII form. Same length as the input; quotation marks and all other characters stay.
 */
export function plainText(text: string): string {
  return text.replace(
    /[\u00a0\u00b7\u00d7\u2009-\u2015\u202f\u2044\u2212-\u2236\u2248\u22c5\u2715\u2716\u3000\uff01-\uff5e]/g,
    (char) => {
      const code = char.charCodeAt(0);
      return code >= 0xff01 && code <= 0xff5e ? String.fromCharCode(code - 0xfee0) : (PLAIN[char] ?? char);
    },
  );
}
