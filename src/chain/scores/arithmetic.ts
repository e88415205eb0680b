// Evaluates the small sums that stand on Final Score lines: `(9*0.60) + (4*0.40)`.
// Knows numbers and + - * / ( ) %; takes no text with anything else in it.

const TOKEN = /\s*(?:(\d{1,6}(?:[.,]\d{1,9})?|\.\d{1,9})(\s{0,2}%)?|(\\times|\\cdot|[-+*/()xX]))/y;
const MAX_CHARS = 400;
const MAX_DEPTH = 20;

/** The value of a sum, or null where the text is none. Plain typography expected; `$` around it is passed over. */
export function arithmetic(text: string): number | null {
  if (text.length > MAX_CHARS) return null;
  const tokens = tokensOf(text.replaceAll('$', ' ').replaceAll('**', ' ').trim());
  if (tokens === null || tokens.length === 0) return null;
  let at = 0;

  function sum(depth: number): number | null {
    let value = product(depth);
    while (value !== null && (tokens![at] === '+' || tokens![at] === '-')) {
      const sign = tokens![at++] === '+' ? 1 : -1;
      const next = product(depth);
      value = next === null ? null : value + sign * next;
    }
    return value;
  }

  function product(depth: number): number | null {
    let value = factor(depth);
    while (value !== null && (tokens![at] === '*' || tokens![at] === '/')) {
      const times = tokens![at++] === '*';
      const next = factor(depth);
      value = next === null ? null : times ? value * next : value / next;
    }
    return value;
  }

  function factor(depth: number): number | null {
    const token = tokens![at++];
    if (typeof token === 'number') return token;
    if (token !== '(' || depth >= MAX_DEPTH) return null;
    const value = sum(depth + 1);
    return tokens![at++] === ')' ? value : null;
  }

  const value = sum(0);
  return value !== null && at === tokens.length && Number.isFinite(value) ? value : null;
}

function tokensOf(text: string): (number | string)[] | null {
  const tokens: (number | string)[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const match = TOKEN.exec(text);
    if (match === null) return null;
    const [, number, percent, sign] = match;
    if (number !== undefined)
      tokens.push(Number(number.replace(',', '.')) / (percent === undefined ? 1 : 100));
    else tokens.push(/^(?:[xX]|\\)/.test(sign!) ? '*' : sign!);
  }
  return tokens;
}
