// Chains of the project's own, good and bad, each with what the reader must make of it.

import type { ChainRepair, LostReason } from '../../src/chain/read-chain.js';
import { type ChainModel, writeChain, writeObject, writePart1, writeRationale } from './write-chain.js';

export interface ChainCase {
  readonly name: string;
  readonly text: string;
  readonly responses?: number;
  readonly lost?: LostReason;
  readonly scores?: readonly (number | null)[];
  readonly stated?: readonly (number | null)[];
  readonly recomputed?: readonly (number | null)[];
  readonly weights?: readonly (readonly [string, number | null])[];
  readonly criterionScores?: readonly (readonly number[] | null)[];
  readonly inconsistent?: readonly boolean[];
  readonly recovered?: readonly ChainRepair[];
}

const MODEL: ChainModel = {
  criteria: [
    { name: 'Warmth', weight: 60 },
    { name: 'Order', weight: 40 },
  ],
  scores: [
    [9, 4],
    [3, 8],
  ],
};
const SCORES = [7, 5];
const WEIGHTS = [
  ['Warmth', 60],
  ['Order', 40],
] as const;
const GRID = MODEL.scores;
const GOOD = writeChain(MODEL);
const OBJECT = writeObject(MODEL);
const RATIONALE = writeRationale(MODEL);
const ENTRIES = '{"response_1": 7, "response_2": 5}';

function withRationale(rationale: string, entries = ENTRIES): string {
  const object = `{"rationale": ${JSON.stringify(rationale)}, "better_response": ${entries}}`;
  return `${writePart1(MODEL)}\nPART 2: Final Scoring and JSON Output\n<JSON_START>\n${object}\n<JSON_END>`;
}

/** Entries alone: no breakdown to fall back on. */
function withEntries(entries: string): string {
  return `<JSON_START>\n{"rationale": "Both are fine.", "better_response": ${entries}}\n<JSON_END>`;
}

const whole = { scores: SCORES, stated: SCORES, recomputed: SCORES, weights: WEIGHTS, criterionScores: GRID };

export const OWN_CHAINS: readonly ChainCase[] = [
  { name: 'well formed', text: GOOD, ...whole, recovered: [] },
  {
    name: 'headings in bold and as markdown headings',
    text: GOOD.replace(/^(PART \d.*)$/gm, '**$1**')
      .replace('1. **User', '### 1. **User')
      .replaceAll(/Response (\d):/g, '**Response $1:**')
      .replaceAll('Final Score =', '**Final Score** =')
      .replace('A. Evaluation Criteria & Weights:', '**A. Evaluation Criteria & Weights:**')
      .replace('B. Scoring Breakdown:', '**B. Scoring Breakdown:**'),
    ...whole,
    recovered: [],
  },
  {
    name: 'bold results',
    text: withRationale(RATIONALE.replace(/= (\d)$/gm, '= **$1**').replaceAll('/10', '/10**')),
    ...whole,
  },
  {
    name: 'no markers at all',
    text: GOOD.replace(/<JSON_(START|END)>/g, ''),
    ...whole,
    recovered: ['noStartMarker', 'noEndMarker'],
  },
  {
    name: 'only the start marker',
    text: GOOD.replace('<JSON_END>', ''),
    ...whole,
    recovered: ['noEndMarker'],
  },
  {
    name: 'only the end marker',
    text: GOOD.replace('<JSON_START>', ''),
    ...whole,
    recovered: ['noStartMarker'],
  },
  {
    name: 'prose before and after the object, with braces',
    text: GOOD.replace('<JSON_START>\n', '<JSON_START>\nHere it is:\n').replace(
      '\n<JSON_END>',
      '\nI hope {this} helps.\n<JSON_END> Bye {}.',
    ),
    ...whole,
  },
  {
    name: 'code fence',
    text: GOOD.replace(OBJECT, () => `\`\`\`json\n${OBJECT}\n\`\`\``),
    ...whole,
    recovered: [],
  },
  {
    name: 'code fence without markers',
    text: GOOD.replace(
      /<JSON_START>\n([\s\S]*)\n<JSON_END>/,
      (_all, object: string) => `\`\`\`json\n${object}\n\`\`\``,
    ),
    ...whole,
  },
  {
    name: 'single quotes',
    text: GOOD.replace(
      OBJECT,
      () =>
        `{'rationale': '${RATIONALE.replaceAll('\n', '\\n')}', 'better_response': {'response_1': 7, 'response_2': 5}}`,
    ),
    ...whole,
    recovered: ['brokenJson', 'singleQuotes'],
  },
  {
    name: 'trailing commas',
    text: GOOD.replace('"response_2": 5}}', '"response_2": 5,},}'),
    ...whole,
    recovered: ['trailingComma'],
  },
  { name: 'CRLF', text: GOOD.replaceAll('\n', '\r\n'), ...whole, recovered: [] },
  {
    name: 'raw CRLF inside the rationale',
    text: GOOD.replace(JSON.stringify(RATIONALE), () => `"${RATIONALE}"`).replaceAll('\n', '\r\n'),
    ...whole,
    recovered: ['rawNewlines'],
  },
  {
    name: 'full-width digits, percent signs and colons',
    text: withRationale(
      RATIONALE.replace('- 60%', '－ ６０％')
        .replace('- 40%', '： ４０％')
        .replaceAll('9/10', '９／１０')
        .replace('Response 1:', 'Response １：'),
    ),
    ...whole,
    recovered: ['typography'],
  },
  {
    name: 'full-width digits as scores',
    text: GOOD.replace(ENTRIES, '{"response_1"： ７.０， "response_2"： "５"}'),
    ...whole,
  },
  {
    name: 'weights as shares',
    text: withRationale(RATIONALE.replace('- 60%', '- 0.6').replace('- 40%', '(0.40)')),
    ...whole,
  },
  {
    name: 'weights without a percent sign',
    text: withRationale(RATIONALE.replace('60%', '60').replace('40%', '(weight: 40)')),
    ...whole,
  },
  {
    name: 'bold names with the weight in brackets',
    text: withRationale(
      RATIONALE.replace('Warmth - 60%', '**Warmth** (60%)').replace(
        'Order - 40%',
        '**Order (40%)**: plain lists win',
      ),
    ),
    ...whole,
  },
  {
    name: 'bulleted criteria, weights repeated in the breakdown',
    text: withRationale(
      RATIONALE.replace(/^\d\. /gm, '- ')
        .replaceAll('Warmth:', 'Warmth (60%):')
        .replaceAll('Order:', '**Order** - 40%:'),
    ),
    ...whole,
  },
  {
    name: 'criteria names with colons, commas and dashes',
    text: writeChain({
      criteria: [
        { name: 'Tone: warm, not stiff', weight: 50 },
        { name: 'Step-by-step', weight: 30 },
        { name: 'Depth - but brief', weight: 20 },
      ],
      scores: [
        [8, 6, 7],
        [4, 9, 3],
      ],
    }),
    weights: [
      ['Tone: warm, not stiff', 50],
      ['Step-by-step', 30],
      ['Depth - but brief', 20],
    ],
    criterionScores: [
      [8, 6, 7],
      [4, 9, 3],
    ],
    scores: [7.2, 5.3],
    recovered: [],
  },
  {
    name: 'two criteria of one name, told apart by their numbers',
    text: writeChain({
      criteria: [
        { name: 'Warmth', weight: 60 },
        { name: 'Warmth', weight: 40 },
      ],
      scores: GRID,
    }),
    scores: SCORES,
    recomputed: SCORES,
    criterionScores: GRID,
    recovered: [],
  },
  {
    name: 'two criteria of one name, not told apart',
    text: withRationale(RATIONALE.replaceAll('Order', 'Warmth').replace(/^\d\. (?=\w+:)/gm, '- ')),
    scores: SCORES,
    recomputed: [null, null],
  },
  {
    name: 'three candidates',
    responses: 3,
    text: writeChain({ ...MODEL, scores: [...GRID, [10, 10]] }),
    scores: [7, 5, 10],
    recovered: [],
  },
  {
    name: 'three candidates asked for, two judged',
    responses: 3,
    text: GOOD,
    lost: 'missingScore',
    scores: [null, null, null],
  },
  {
    name: 'one more response judged than shown',
    text: writeChain({ ...MODEL, scores: [...GRID, [10, 10]] }),
    ...whole,
  },
  {
    name: 'decimals with a comma',
    text: withEntries('{"response_1": 7,5, "response_2": "5,25"}'),
    scores: [7.5, 5.25],
    recovered: ['brokenJson', 'stringScores'],
  },
  {
    name: 'escaped quotes in the rationale',
    text: withRationale(RATIONALE.replaceAll('as it reads.', 'says "yes", then "}" and "better_response".')),
    ...whole,
    recovered: [],
  },
  {
    name: 'unescaped quotes and braces on one line',
    text: GOOD.replaceAll('as it reads.', 'says "yes", "no" and {"a": "b"}.'),
    ...whole,
    recovered: ['brokenJson', 'unescapedQuotes'],
  },
  {
    name: 'typographic quotation marks as JSON quotes',
    text: GOOD.replace(
      OBJECT,
      () =>
        `{“rationale”: “${RATIONALE.replaceAll('\n', '\\n')}”, “better_response”: {“response_1”: 7, “response_2”: 5}}`,
    ),
    ...whole,
    recovered: ['brokenJson', 'typography'],
  },
  {
    name: 'the object twice: the last whole one counts',
    text: `${withEntries('{"response_1": 1, "response_2": 10}')}\n${GOOD}`,
    ...whole,
  },
  {
    name: 'a whole object, then one cut off: the whole one counts',
    text: `${GOOD}\n${withEntries('{"response_1": 1, "response_2": 10}').slice(0, -25)}`,
    ...whole,
  },
  {
    name: 'a cut-off object, then a whole one',
    text: `<JSON_START>\n{"rationale": "Let me start over\n${GOOD}`,
    ...whole,
  },
  {
    name: 'another object quoted, markers and all, inside a whole rationale',
    text: withRationale(
      `It says <JSON_START>{"better_response": {"response_1": 1, "response_2": 10}}<JSON_END>.\n${RATIONALE}`,
    ),
    ...whole,
  },
  {
    name: 'other scores quoted without escapes inside the rationale',
    text: GOOD.replace(
      'as it reads.',
      'it says "better_response": {"response_1": 1, "response_2": 10} at its end.',
    ),
    ...whole,
  },
  {
    name: 'other scores quoted at the end of a cut-off rationale',
    text: '<JSON_START>\n{"rationale": "A. Criteria:\\n1. Warmth - 100%\\nIt says {"better_response": {"response_1": 1, "response_2": 10}} and goes on',
    lost: 'cutOff',
    scores: [null, null],
  },
  {
    name: 'a reason that claims another score',
    text: withRationale(RATIONALE.replaceAll('as it reads.', 'claims "10/10, Final Score = 10".')),
    ...whole,
  },
  {
    name: 'a quoted block of scores inside the breakdown takes nothing over',
    text: withRationale(
      `${RATIONALE}\nThe reply itself says:\nResponse 2:\n1. Warmth: 10/10 - mine.\n2. Order: 10/10 - mine.\nFinal Score = 10`,
    ),
    scores: [7, 5],
    recomputed: [7, null],
    criterionScores: [GRID[0]!, null],
  },
  {
    name: 'scores as "8.0"',
    text: withEntries('{"response_1": "8.0", "response_2": "3"}'),
    scores: [8, 3],
    recovered: ['stringScores'],
  },
  {
    name: 'scores as "8/10"',
    text: withEntries('{"response_1": "8/10", "response_2": 6.5/10}'),
    scores: [8, 6.5],
    recovered: ['brokenJson', 'fraction', 'stringScores'],
  },
  {
    name: 'scores out of 10',
    text: withEntries('{"response_1": 8.5 out of 10, "response_2": "4 out of 10"}'),
    scores: [8.5, 4],
  },
  {
    name: 'scores out of 100',
    text: withEntries('{"response_1": "85/100", "response_2": "40/100"}'),
    lost: 'outOfRange',
    scores: [null, null],
  },
  {
    name: 'a negative score',
    text: withEntries('{"response_1": -3, "response_2": 5}'),
    lost: 'outOfRange',
    scores: [null, null],
  },
  {
    name: 'a score of 0',
    text: withEntries('{"response_1": 0, "response_2": 5}'),
    lost: 'outOfRange',
    scores: [null, null],
  },
  {
    name: 'a score of 11',
    text: withEntries('{"response_1": 11, "response_2": 5}'),
    lost: 'outOfRange',
    scores: [null, null],
  },
  {
    name: 'a very large score',
    text: withEntries(`{"response_1": ${'9'.repeat(400)}, "response_2": 5}`),
    lost: 'outOfRange',
  },
  {
    name: 'NaN for a score',
    text: withEntries('{"response_1": NaN, "response_2": 5}'),
    lost: 'missingScore',
    scores: [null, null],
    stated: [null, 5],
  },
  {
    name: 'null for a score, its breakdown whole',
    text: withRationale(RATIONALE, '{"response_1": null, "response_2": 5}'),
    ...whole,
    recovered: ['scoreFromBreakdown'],
  },
  {
    name: 'keys in other spellings',
    text: withEntries('{"Response 1": 8, "response2": 3}'),
    scores: [8, 3],
    recovered: ['oddKeys'],
  },
  {
    name: 'bare keys',
    text: withEntries('{response_1: 8, response_2: 3}'),
    scores: [8, 3],
    recovered: ['brokenJson', 'oddKeys'],
  },
  {
    name: 'keys in another order',
    text: withEntries('{"response_2": 3, "response_1": 8}'),
    scores: [8, 3],
    recovered: ['swappedKeys'],
  },
  {
    name: 'keys counted from 0',
    text: withEntries('{"response_0": 8, "response_1": 3}'),
    lost: 'missingScore',
    scores: [null, null],
  },
  {
    name: 'one key twice with the same score',
    text: withEntries('{"response_1": 8, "response_1": 8.0, "response_2": 3}'),
    scores: [8, 3],
    recovered: [],
  },
  {
    name: 'one key twice with two scores',
    text: withEntries('{"response_1": 8, "response_1": 2, "response_2": 3}'),
    lost: 'missingScore',
    scores: [null, null],
    recovered: ['conflictingScores'],
  },
  {
    name: 'one key twice with two scores, its breakdown whole',
    text: withRationale(RATIONALE, '{"response_1": 8, "response_1": 2, "response_2": 5}'),
    ...whole,
    recovered: ['conflictingScores', 'scoreFromBreakdown'],
  },
  {
    name: 'better_response names a winner and gives no scores',
    text: withEntries('"Response 1"'),
    lost: 'missingScore',
    scores: [null, null],
  },
  {
    name: 'better_response before rationale',
    text: `<JSON_START>\n{"better_response": ${ENTRIES}, "rationale": ${JSON.stringify(RATIONALE)}}\n<JSON_END>`,
    ...whole,
    recovered: [],
  },
  {
    name: 'better_response before a broken rationale',
    text: `<JSON_START>\n{"better_response": ${ENTRIES}, "rationale": "${RATIONALE.replaceAll('as it reads.', 'says "yes".')}"}\n<JSON_END>`,
    ...whole,
    recovered: ['brokenJson', 'rawNewlines', 'unescapedQuotes'],
  },
  {
    name: 'response keys at the top',
    text: `<JSON_START>{"rationale": ${JSON.stringify(RATIONALE)}, "response_1": 7, "response_2": 5}<JSON_END>`,
    ...whole,
  },
  {
    name: 'rationale as a nested object',
    text: `<JSON_START>{"rationale": {"A": ["1. Warmth - 60%", "2. Order - 40%"], "B": ${JSON.stringify(RATIONALE.slice(RATIONALE.indexOf('Response 1')))}}, "better_response": ${ENTRIES}}<JSON_END>`,
    ...whole,
  },
  {
    name: 'line breaks escaped twice',
    text: withRationale(RATIONALE.replaceAll('\n', '\\n')),
    ...whole,
    recovered: ['doubleEscaped'],
  },
  {
    name: 'no rationale: rubric of part 1',
    text: `${writePart1(MODEL)}\n<JSON_START>{"better_response": ${ENTRIES}}<JSON_END>`,
    scores: SCORES,
    weights: WEIGHTS,
    recomputed: [null, null],
    criterionScores: [null, null],
  },
  {
    name: 'one criterion of the breakdown is missing',
    text: withRationale(RATIONALE.replace(/^2\. Order: 4.*\n/m, '')),
    scores: SCORES,
    recomputed: [null, 5],
    criterionScores: [null, GRID[1]!],
  },
  {
    name: 'a criterion score off the scale',
    text: withRationale(RATIONALE.replace('Warmth: 9/10', 'Warmth: 0/10')),
    scores: SCORES,
    recomputed: [null, 5],
  },
  {
    name: 'a criterion scored out of 5',
    text: withRationale(RATIONALE.replace('Warmth: 9/10', 'Warmth: 4/5')),
    scores: SCORES,
    recomputed: [null, 5],
  },
  {
    name: 'criterion scores without a denominator',
    text: withRationale(RATIONALE.replaceAll('/10', '')),
    ...whole,
  },
  {
    name: 'criterion scores after the reason',
    text: withRationale(RATIONALE.replace(/: (\d+)\/10 - as it reads\./g, ': 3 good points, hence $1/10')),
    ...whole,
  },
  {
    name: 'criteria renamed in the breakdown, in the same order',
    text: withRationale(RATIONALE.replaceAll('Warmth:', 'Kindness:').replaceAll('Order:', 'Layout:')),
    ...whole,
  },
  {
    name: 'a negative criterion score',
    text: withRationale(RATIONALE.replace('Warmth: 9/10', 'Warmth: -9/10')),
    scores: SCORES,
    recomputed: [null, 5],
  },
  {
    name: 'JSON and breakdown disagree',
    text: withRationale(RATIONALE, '{"response_1": 5, "response_2": 7}'),
    scores: [7, 5],
    stated: [5, 7],
    recomputed: [7, 5],
    inconsistent: [true, true],
  },
  {
    name: 'a sum rounded to one decimal agrees',
    text: writeChain({
      criteria: [
        { name: 'A', weight: 65 },
        { name: 'B', weight: 35 },
      ],
      scores: [
        [7, 8],
        [1, 1],
      ],
    }).replaceAll('7.35', '7.4'),
    scores: [7.35, 1],
    stated: [7.4, 1],
    inconsistent: [false, false],
  },
  {
    name: 'no object after the marker, the breakdown as plain text',
    text: `PART 2: Final Scoring\n<JSON_START>\n${RATIONALE}\n<JSON_END>`,
    ...whole,
    recovered: ['noObject', 'scoreFromBreakdown'],
  },
  {
    name: 'weights sum to 110',
    text: withRationale(RATIONALE.replace('60%', '70%')),
    scores: SCORES,
    recomputed: [null, null],
  },
  {
    name: 'weights in thirds',
    text: writeChain({
      criteria: [
        { name: 'A', weight: 33.3 },
        { name: 'B', weight: 33.3 },
        { name: 'C', weight: 33.3 },
      ],
      scores: [
        [10, 10, 10],
        [1, 2, 3],
      ],
    }),
    scores: [10, 2],
  },
  { name: 'cut off in part 1', text: GOOD.slice(0, 150), lost: 'noJson', scores: [null, null] },
  {
    name: 'cut off after the start marker',
    text: GOOD.slice(0, GOOD.indexOf('<JSON_START>') + 12),
    lost: 'cutOff',
    scores: [null, null],
  },
  {
    name: 'cut off inside the last criterion score',
    text: GOOD.slice(0, GOOD.lastIndexOf('8/10') + 1),
    lost: 'cutOff',
    scores: [null, null],
  },
  {
    name: 'cut off inside the last final score, its breakdown whole',
    text: GOOD.slice(0, GOOD.lastIndexOf('= 5') + 3),
    scores: SCORES,
    stated: [7, null],
    recovered: ['brokenJson', 'scoreFromBreakdown', 'noEndMarker', 'unclosedJson'],
  },
  {
    name: 'cut off inside a score of two digits',
    text: withEntries('{"response_1": 7, "response_2": 10}').slice(0, -13),
    lost: 'cutOff',
    scores: [null, null],
    stated: [7, null],
  },
  { name: 'white space only', text: ' \n\t ', lost: 'empty' },
  {
    name: 'something else altogether',
    text: 'I cannot judge {these} replies: 7, 8/10, response_1.',
    lost: 'noJson',
  },
];
