// Sets a model's thoughts apart from its answer: what stands between the marks of any model family.
// Knows marks; knows nothing of what an answer holds beyond the JSON objects in whose texts a mark is a quotation.

import { objectRanges } from '../object/object-ranges.js';

/** A text without its thoughts. */
export interface Answer {
  /** The text outside the thoughts; '' where nothing but thoughts was written. */
  readonly text: string;
  /** Thoughts began and did not end. */
  readonly unfinished: boolean;
}

/**
 * The marks that a generator watches for while a chain is written, exactly as models write them. A family that is missing
 * here costs a chain that ends at a draft inside its thoughts, which the reader then finds unfinished; never a score.
 */
export const GENERATED_MARKS: { readonly open: readonly string[]; readonly close: readonly string[] } = {
  open: [
    ...['think', 'thinking', 'thought', 'thoughts', 'reasoning', 'reflection', 'seed:think'].map(
      (n) => `<${n}>`,
    ),
    '[THINK]',
    '\u25c1think\u25b7',
    '<|channel|>analysis',
    '<|channel|>commentary',
    '<|channel>thought',
    '<|START_THINKING|>',
    '<|begin_of_thought|>',
    '<|inner_prefix|>',
    '<unused94>',
  ],
  close: [
    ...['think', 'thinking', 'thought', 'thoughts', 'reasoning', 'reflection', 'seed:think'].map(
      (n) => `</${n}>`,
    ),
    '[/THINK]',
    '\u25c1/think\u25b7',
    '<|channel|>final<|message|>',
    '<|channel|>final',
    '<channel|>',
    '<|END_THINKING|>',
    '<|end_of_thought|>',
    '<|inner_suffix|>',
    '<unused95>',
  ],
};

/** A mark in a text. */
interface Mark {
  readonly kind: 'open' | 'close' | 'answer' | 'noise';
  readonly start: number;
  readonly end: number;
}

const NAMES =
  'think|thinking|thoughts?|reasoning|scratch_?pad|reflect|reflection|deliberation|(?:ant|self)_?thinking|(?:inner|internal)_?(?:monologue|thoughts?|reasoning)|monologue|brainstorm(?:ing)?|planning|cot|chain_?of_?thoughts?|' +
  'pens\u00e9es?|r\u00e9flexions?|denken|gedanken|pensamientos?|razonamiento|racioc\u00ednio|pensieri|' +
  '\u043c\u044b\u0441\u043b\u0438|\u0440\u0430\u0437\u043c\u044b\u0448\u043b\u0435\u043d\u0438[\u0435\u044f]|' +
  '\u601d\u8003|\u601d\u7ef4|\u601d\u7dad|\u63a8\u7406|\u8003\u3048\u308b|\u601d\u8003\u904e\u7a0b|\u601d\u8003\u8fc7\u7a0b|\uc0dd\uac01|\u062a\u0641\u0643\u064a\u0631';
const SIDE = '(?:\\/|begin_?of_?|end_?of_?|start_?|end_?)';
const TAG = `(?:[<\\uff1c\\u25c1]|&lt;)\\s{0,3}[|\\uff5c]?\\s{0,3}${SIDE}?\\s{0,3}[|\\uff5c]?(?:[a-z]{1,12}[:_])?(?:${NAMES})(?:[:_][a-z]{1,12})?(?:\\s[^<>\\n]{0,60}?)?\\s{0,3}\\/?[|\\uff5c]?\\s{0,3}(?:[>\\uff1e\\u25b7]|&gt;)`;
const BRACKET = `[\\[\\uff3b\\u3010]\\s{0,3}${SIDE}?(?:think|thinking|thoughts?|\u601d\u8003)\\s{0,3}[\\]\\uff3d\\u3011]`;
const CLOSING = /^(?:[<\uff1c\u25c1[\uff3b\u3010]|&lt;)\s{0,3}[|\uff5c]?\s{0,3}(?:\/|end)/i;
const MARK = new RegExp(
  [
    `(?<tag>${TAG})`,
    `(?<bracket>${BRACKET})`,
    // Harmony: every channel but the final one is thoughts; the role may stand before the channel.
    '(?<channel><\\|channel\\|>\\s{0,3}(?<channelName>[a-z]{1,20})?(?:[^<\\n]{0,80}(?:<\\|constrain\\|>[^<\\n]{0,40})?<\\|message\\|>)?)',
    '(?<gemma><\\|channel>\\s{0,3}(?<gemmaName>[a-z]{1,20})?)',
    '(?<opener><unused94>|<\\|inner_prefix\\|>)',
    '(?<closer><channel\\|>|<unused95>|<\\|inner_suffix\\|>|^[ \\t]{0,8}\\.\\.\\.done thinking\\.?[ \\t]{0,8}$)',
    '(?<answer>\\[BEGIN FINAL RESPONSE\\]|<\\|START_(?:RESPONSE|TEXT)\\|>|<\\|begin_of_solution\\|>|<\\|content\\|>)',
    '(?<noise><\\|(?:start|end|return|call|message|end_of_solution|END_(?:RESPONSE|TEXT))\\|>|\\[END FINAL RESPONSE\\])',
    '(?<fence>^[ \\t]{0,8}`{3,6}[ \\t]{0,3}(?:think|thinking|thoughts?|reasoning)[ \\t]{0,3}$)',
  ].join('|'),
  'gimu',
);
// Only at the very beginning: openings in plain words, and what is left of marks whose control tokens were not written out.
const WORD_OPENING =
  /^\s{0,40}(?:[*_#]{0,4}(?:here (?:are|is) my (?:reasoning steps|reasoning|thought process|thinking)|thinking(?: process)?|reasoning process)[*_]{0,4}\s{0,3}(?::|\.\.\.)[*_]{0,4}\s|(?:analysis(?=[A-Z<{"'])|thought\n))/iu;
const HARMONY_OPENING = /^\s{0,40}(?:analysis(?=[A-Z<{"'\n])|thought\n)/u;
const HARMONY_ANSWER = /assistant\s{0,3}(?:final|commentary\s{0,3}final)(?=[A-Z*#1<{\n\s])/g;
const WORD_ANSWER =
  /^[ \t*_#]{0,8}(?:here is my (?:response|answer|judge?ment)|final (?:response|answer))\s{0,3}:/gim;

const MAX_MARKS = 20_000;

/**
 * Sets thoughts apart. `opened`: the prompt ended inside thoughts, so that the text begins in them.
 *
 * Thoughts go from their opening mark to a closing one, of whatever family; marks may nest. All that stands before a
 * closing mark without an opening one is thoughts as well, and so is all before the mark that begins the answer. A mark
 * in backticks or quotation marks, and one inside a string of a whole JSON object, is a quotation and no mark.
 * Linear in the text.
 */
export function withoutThoughts(text: string, opened = false): Answer {
  const marks = marksOf(text);
  let depth = opened ? 1 : 0;
  let closed = false;
  let nested = false;
  let answer = '';
  let from = 0;
  for (const mark of marks) {
    if (mark.start < from) continue;
    if (depth === 0) answer += text.slice(from, mark.start);
    from = mark.end;
    if (mark.kind === 'open') {
      if (depth > 0) nested = true;
      depth += 1;
    } else if (mark.kind === 'close') {
      if (depth === 0) answer = '';
      depth = Math.max(0, depth - 1);
      closed = true;
    } else if (mark.kind === 'answer') {
      answer = '';
      depth = 0;
      closed = true;
    }
  }
  const rest = text.slice(from);
  if (depth === 0) return { text: answer + rest, unfinished: false };
  // A mark that thoughts only mention opens a level that nothing closes: the form's first heading ends the doubt.
  if (nested && closed && depth === 1 && PART_1_FIRST.test(rest)) return { text: rest, unfinished: false };
  return { text: answer, unfinished: true };
}

const PART_1_FIRST = /^[\s#*_>]{0,12}PART[ \t]{1,3}1\b/i;

function marksOf(text: string): Mark[] {
  const found: Mark[] = [];
  const words = HARMONY_OPENING.exec(text) ?? WORD_OPENING.exec(text);
  if (words !== null) {
    found.push({ kind: 'open', start: 0, end: words[0].length });
    const answers = HARMONY_OPENING.test(text) ? HARMONY_ANSWER : WORD_ANSWER;
    for (const match of text.matchAll(answers)) {
      if (match.index < words[0].length || found.length > MAX_MARKS) continue;
      found.push({ kind: 'answer', start: match.index, end: match.index + match[0].length });
    }
  }
  let fencesEnd = false;
  for (const match of text.matchAll(MARK)) {
    let end = match.index + match[0].length;
    let kind = kindOf(match[0], match.groups!);
    if (match.groups!.fence !== undefined) {
      // Thoughts in a fenced block end where the block does.
      const close: number = fencesEnd ? -1 : text.indexOf('\n```', end);
      fencesEnd = close < 0;
      if (close >= 0) {
        kind = 'noise';
        end = close + 4;
      }
    }
    found.push({ kind, start: match.index, end });
    if (found.length > MAX_MARKS) break;
  }
  if (found.length === 0) return [];
  const objects = objectRanges(text);
  let range = 0;
  return found
    .sort((a, b) => a.start - b.start || b.end - a.end)
    .filter((mark) => {
      while (range < objects.length && objects[range]!.end <= mark.start) range++;
      const quoted = range < objects.length && objects[range]!.start <= mark.start;
      return !quoted && !isMention(text, mark);
    });
}

function kindOf(mark: string, groups: Readonly<Record<string, string | undefined>>): Mark['kind'] {
  if (groups.tag !== undefined || groups.bracket !== undefined) {
    if (CLOSING.test(mark) || /[:_]end\|?>$/i.test(mark)) return 'close';
    return /\/\s{0,3}(?:>|&gt;|\uff1e)$/.test(mark) ? 'noise' : 'open';
  }
  if (groups.channel !== undefined) return groups.channelName?.toLowerCase() === 'final' ? 'answer' : 'open';
  if (groups.gemma !== undefined)
    return /^(?:final|answer)$/i.test(groups.gemmaName ?? '') ? 'answer' : 'open';
  if (groups.opener !== undefined || groups.fence !== undefined) return 'open';
  if (groups.closer !== undefined) return 'close';
  return groups.answer === undefined ? 'noise' : 'answer';
}

/** Whether a mark stands in backticks or quotation marks: the text speaks of it. */
function isMention(text: string, { start, end }: Mark): boolean {
  const before = text[start - 1];
  const after = text[end];
  if (before === undefined || after === undefined) return false;
  const pair = before + after;
  return (
    pair === '``' ||
    pair === '""' ||
    pair === "''" ||
    pair === '\u201c\u201d' ||
    pair === '\u2018\u2019' ||
    pair === '\u00ab\u00bb'
  );
}
