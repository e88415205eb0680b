// The names by which models call a response: `response_1`, `Response B`, `assistant_2`, `first response`, `1`.
// Knows names alone; nothing of scores.

const WORDS = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];
const ORDINALS = [
  'first',
  'second',
  'third',
  'fourth',
  'fifth',
  'sixth',
  'seventh',
  'eighth',
  'ninth',
  'tenth',
];
const SCORE = '(?:final|total|overall|weighted)?[\\s_-]{0,3}(?:score|rating)s?';
const NOUN =
  'responses?|resp|assistant|answer|reply|candidate|option|completion|output|r\\u00e9ponse|antwort|respuesta|resposta|risposta|\\u043e\\u0442\\u0432\\u0435\\u0442|\\u56de\\u590d|\\u56de\\u8986|\\u56de\\u7b54|\\u54cd\\u5e94|\\u7b54\\u6848|\\u56de\\u7b54\\u6587|\\u0627\\u0644\\u0631\\u062f';
const NUMBERED = new RegExp(
  `^(?:${SCORE}[\\s_-]{0,3}(?:of|for)?[\\s_-]{0,3})?(?:the\\s)?(?:(?:${NOUN})[\\s_#.:()[\\]-]{0,4}(?:no\\.?\\s{0,2})?(\\d{1,3}|(?<![a-z])[a-z]|${WORDS.join('|')})|r[\\s_#.-]{0,2}(\\d{1,3}))[\\s\\])_-]{0,3}(?:${SCORE})?$`,
  'iu',
);
const ORDINAL = new RegExp(`^(?:the\\s)?(${ORDINALS.join('|')})[\\s_-]{0,2}(?:${NOUN})$`, 'iu');
const ALONE = /^#?(\d{1,3}|[a-z])$/i;

/** The number of the response that a key names, from 1 (0 where it says so); null where it names none. */
export function responseNumber(name: string): number | null {
  const key = name.trim().replace(/^[\s*_`"'<[]{1,8}|[\s*_`"'>:]{1,8}$/g, '');
  if (key.length > 60) return null;
  const match = NUMBERED.exec(key) ?? ALONE.exec(key);
  if (match !== null) return ordinalOf((match[1] ?? match[2]!).toLowerCase());
  const ordinal = ORDINAL.exec(key);
  return ordinal === null ? null : ORDINALS.indexOf(ordinal[1]!.toLowerCase()) + 1;
}

function ordinalOf(text: string): number {
  if (/^\d/.test(text)) return Number(text);
  const word = WORDS.indexOf(text);
  return word >= 0 ? word + 1 : text.charCodeAt(0) - 0x60;
}
