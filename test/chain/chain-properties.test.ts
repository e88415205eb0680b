import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LOST_REASONS, readChain } from '../../src/chain/read-chain.js';
import { plainText } from '../../src/chain/text/plain-text.js';
import { type ChainModel, finalScore, writeChain, writeObject, writeRationale } from './write-chain.js';

const WORDS = [
  'Warmth',
  'Order',
  'Länge',
  'étape',
  'Tiefe',
  '語調',
  'Humour',
  'Sources',
  'Pace',
  'Plain words',
];
const oneLine = fc
  .string({ unit: 'grapheme', maxLength: 40 })
  .map((text) => `because ${text.replace(/[\r\n\u2028\u2029]/g, ' ')}.`);

const model: fc.Arbitrary<ChainModel> = fc
  .record({
    names: fc.uniqueArray(
      fc
        .tuple(
          fc.constantFrom(...WORDS),
          fc.constantFrom(' ', '-', ', ', ': ', ' - ', "'s ", ' & ', ' / '),
          fc.constantFrom(...WORDS),
        )
        .map((parts) => parts.join('')),
      { minLength: 1, maxLength: 6 },
    ),
    cuts: fc.array(fc.integer({ min: 1, max: 99 }), { minLength: 5, maxLength: 5 }),
    responses: fc.integer({ min: 2, max: 5 }),
    scores: fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 30, maxLength: 30 }),
    reasons: fc.array(oneLine, { minLength: 1, maxLength: 4 }),
    persona: oneLine,
  })
  .map(({ names, cuts, responses, scores, reasons, persona }) => {
    const bounds = [0, ...cuts.slice(0, names.length - 1).sort((a, b) => a - b), 100];
    return {
      criteria: names.map((name, i) => ({ name, weight: bounds[i + 1]! - bounds[i]! })),
      scores: Array.from({ length: responses }, (_, r) => names.map((_name, i) => scores[r * 6 + i]!)),
      reasons,
      persona,
    };
  });

/** Ways in which models spoil a chain without changing what it says. */
const SPOILERS: readonly ((text: string, model: ChainModel) => string)[] = [
  (text) => text,
  (text, m) => text.replace(JSON.stringify(writeRationale(m)), () => `"${writeRationale(m)}"`),
  (text, m) =>
    text.replace(
      JSON.stringify(writeRationale(m)),
      () => `"${writeRationale({ ...m, reasons: ['says "so", "so" it is'] })}"`,
    ),
  (text) => text.replace(/"(response_\d)": ([\d.]+)/g, '"$1": "$2/10"'),
  (text) => text.replaceAll('\n', '\r\n'),
  (text, m) => text.replace(writeObject(m), () => `\`\`\`json\n${writeObject(m)}\n\`\`\``),
];
const spoiled = fc
  .tuple(model, fc.constantFrom(...SPOILERS))
  .map(([m, spoil]) => ({ model: m, text: spoil(writeChain(m), m) }));

describe('readChain, by its laws', () => {
  it('reads back what a well-formed chain says', () => {
    fc.assert(
      fc.property(model, (m) => {
        const chain = readChain(writeChain(m), { responses: m.scores.length });
        const finals = m.scores.map((_, r) => finalScore(m, r));
        expect(chain.lost).toBeUndefined();
        expect(chain.rubric).toEqual(m.criteria);
        expect(chain.weightSum).toBe(100);
        expect(chain.responses.map((r) => r.stated)).toEqual(finals);
        expect(chain.responses.map((r) => r.recomputed)).toEqual(finals);
        expect(chain.responses.map((r) => r.score)).toEqual(finals);
        expect(chain.responses.map((r) => r.criterionScores)).toEqual(m.scores);
        expect(chain.responses.every((r) => !r.inconsistent)).toBe(true);
        expect(chain.personaText).toBe(m.persona!.trim());
        expect(chain.recovered.filter((repair) => repair !== 'typography')).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it('reads the same scores from a chain that is spoiled in form only', () => {
    fc.assert(
      fc.property(spoiled, ({ model: m, text }) => {
        const chain = readChain(text, { responses: m.scores.length });
        const finals = m.scores.map((_, r) => finalScore(m, r));
        expect(chain.responses.map((r) => r.score)).toEqual(finals);
        expect(chain.responses.map((r) => r.stated)).toEqual(finals);
      }),
      { numRuns: 150 },
    );
  });

  it('gives the same scores or none where a chain is cut off', () => {
    fc.assert(
      fc.property(spoiled, fc.double({ min: 0, max: 1, noNaN: true }), ({ model: m, text }, share) => {
        const finals = m.scores.map((_, r) => finalScore(m, r));
        for (const cut of [Math.floor(share * text.length), text.length - Math.floor(share * 120)]) {
          const chain = readChain(text.slice(0, cut), { responses: m.scores.length });
          const expected = chain.usable ? finals : finals.map(() => null);
          expect(chain.responses.map((r) => r.score)).toEqual(expected);
          expect(chain.lost === undefined).toBe(chain.usable);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('gives the same scores or none at every cut of one chain', () => {
    const m: ChainModel = {
      criteria: [
        { name: 'Warmth', weight: 65 },
        { name: 'Order', weight: 35 },
      ],
      scores: [
        [10, 4],
        [3, 10],
      ],
    };
    for (const spoil of SPOILERS) {
      const text = spoil(writeChain(m), m);
      for (let cut = 0; cut <= text.length; cut++) {
        const chain = readChain(text.slice(0, cut), { responses: 2 });
        if (chain.usable) expect(chain.responses.map((r) => r.score)).toEqual([7.9, 5.45]);
        for (const [r, stated] of [7.9, 5.45].entries()) {
          expect([null, stated]).toContain(chain.responses[r]!.stated);
        }
      }
    }
  });

  const FRAGMENTS = [
    '<JSON_START>',
    '<JSON_END>',
    '{',
    '}',
    '"',
    "'",
    '\\',
    '\n',
    ',',
    ':',
    '"rationale": "',
    '"better_response": {',
    '"response_1": ',
    '"response_2": ',
    'Response 1:',
    'Response 2:',
    'Final Score = ',
    '1. Warmth - 50%',
    '2. Order - 50%',
    '1. Warmth: ',
    '2. Order: ',
    '7',
    '3.5',
    '8/10',
    '10',
    '0',
    '-4',
    '99',
    ' ',
    'PART 1',
    'PART 2',
    '**',
    'A.',
    'B. Scoring Breakdown:',
    '１０',
    '％',
    '–',
    '×',
  ];
  const soup = fc
    .array(fc.oneof(fc.constantFrom(...FRAGMENTS), fc.string({ maxLength: 5 })), { maxLength: 60 })
    .map((p) => p.join(''));
  const mutated = fc.tuple(model, fc.nat(), fc.nat(30), soup).map(([m, at, length, insert]) => {
    const text = writeChain(m);
    const from = at % text.length;
    return text.slice(0, from) + insert + text.slice(from + length);
  });

  it('takes any text and gives only numbers that stand in it', () => {
    fc.assert(
      fc.property(
        fc.oneof(soup, mutated, fc.string({ unit: 'binary', maxLength: 300 })),
        fc.integer({ min: 2, max: 4 }),
        (text, responses) => {
          const chain = readChain(text, { responses });
          const numbers = new Set(
            [...plainText(text).matchAll(/\d+(?:[.,]\d+)?|\.\d+/g)].flatMap((match) => {
              const [number] = match;
              return [number, ...number.split(/[.,]/)].map((part) => Number(part.replace(',', '.')));
            }),
          );
          expect(chain.responses).toHaveLength(responses);
          expect(chain.usable).toBe(chain.responses.every((r) => r.score !== null));
          if (!chain.usable) expect(LOST_REASONS).toContain(chain.lost);
          for (const response of chain.responses) {
            if (response.stated !== null) expect(numbers).toContain(response.stated);
            for (const score of response.criterionScores ?? []) expect(numbers).toContain(score);
            if (response.recomputed !== null) expect(response.criterionScores).not.toBeNull();
            if (response.score !== null) {
              expect([response.stated, response.recomputed]).toContain(response.score);
              expect(response.score).toBeGreaterThanOrEqual(1);
              expect(response.score).toBeLessThanOrEqual(10);
            }
          }
        },
      ),
      { numRuns: 1500 },
    );
  });
});
