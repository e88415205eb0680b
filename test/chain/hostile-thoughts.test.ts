import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { LooseJson } from '../../src/chain/object/loose-json.js';
import { LOST_REASONS, MAX_CHAIN_CHARS, readChain } from '../../src/chain/read-chain.js';

const OPENINGS = ['<think>', '<thinking>', '[THINK]', '<seed:think>', '<|channel|>analysis<|message|>'];
const CLOSINGS = ['</think>', '</thinking>', '[/THINK]', '</seed:think>', '<|channel|>final<|message|>'];
const MARKS = [...OPENINGS, ...CLOSINGS, '<think', '&lt;think&gt;', '`<think>`', '"</think>"', '```think\n'];
const PARTS = [
  '{"rationale": "',
  '", "better_response": {"response_1": 7, "response_2": 3}}',
  '{"rationale": "a", "better_response": {"response_1": 9, "response_2": 4}}',
  '{"better_response": [8, 2]}',
  '<JSON_START>',
  '<JSON_END>',
  'PART 1: Analysis\n',
  'PART 2: Scores\n',
  '1. Warmth - 60%\n2. Order - 40%\n',
  'Response 1:\nWarmth: 6/10\nOrder: 5/10\nFinal Score = (6*0.6) + (5*0.4) = 5.6\n',
  'Response 2:\nFinal Score = 8.5\n',
];
const NOISE = ['{', '}', '[', ']', '"', "'", '\\', ',', ':', '//', '/*', '#', '\n', ' ', '\u200d', 'word '];
const piece = fc.constantFrom(...MARKS, ...PARTS, ...NOISE);
const hostile = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(''));
/** A chain inside a thought, and never the end of one. */
const draft = fc
  .array(fc.constantFrom(...PARTS, ...NOISE.slice(8)), { maxLength: 20 })
  .map((pieces) => pieces.join(''));

const answer = (a: number, b: number): string =>
  `PART 1: Analysis\nPART 2: Scores\n<JSON_START>\n${JSON.stringify({ rationale: 'So it is.', better_response: { response_1: a, response_2: b } })}\n<JSON_END>`;
const scoresOf = (text: string, thoughtsOpened = false): (number | null)[] =>
  readChain(text, { responses: 2, thoughtsOpened }).responses.map(({ score }) => score);

describe('a hostile text', () => {
  it('is read without a crash, and no score of it is not in it', () => {
    fc.assert(
      fc.property(hostile, fc.boolean(), (text, thoughtsOpened) => {
        const chain = readChain(text, { responses: 2, thoughtsOpened });
        if (chain.lost !== undefined) expect(LOST_REASONS).toContain(chain.lost);
        expect(chain.usable).toBe(chain.lost === undefined);
        const numbers = new Set((text.match(/\d+(?:\.\d+)?/g) ?? []).map(Number));
        for (const { stated, criterionScores, score, recomputed } of chain.responses) {
          if (stated !== null) expect(numbers).toContain(stated);
          for (const one of criterionScores ?? []) expect(numbers).toContain(one);
          expect(score === null).toBe(!chain.usable);
          if (score !== null) expect([stated, recomputed]).toContain(score);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('gives no score from a thought that does not end', () => {
    fc.assert(
      fc.property(draft, fc.constantFrom(...OPENINGS), (text, mark) => {
        expect(readChain(`${mark}${text}`, { responses: 2 })).toMatchObject({
          usable: false,
          lost: 'cutOff',
        });
        expect(readChain(text, { responses: 2, thoughtsOpened: true })).toMatchObject({ lost: 'cutOff' });
      }),
      { numRuns: 500 },
    );
  });

  it('gives the scores behind its thoughts, whatever they rehearse', () => {
    const score = fc.integer({ min: 1, max: 10 });
    fc.assert(
      fc.property(draft, fc.nat(OPENINGS.length - 1), score, score, (text, family, a, b) => {
        const thought = `${text}\n${CLOSINGS[family]}\n`;
        expect(scoresOf(`${OPENINGS[family]}${thought}${answer(a, b)}`)).toEqual([a, b]);
        expect(scoresOf(`${thought}${answer(a, b)}`, true)).toEqual([a, b]);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a long text', () => {
  afterEach(() => vi.restoreAllMocks());

  it('is lost beyond the bound, and read up to it', () => {
    const whole = answer(7, 3);
    const fits = whole.padStart(MAX_CHAIN_CHARS);
    expect(scoresOf(fits)).toEqual([7, 3]);
    expect(readChain(` ${fits}`, { responses: 2 })).toMatchObject({
      usable: false,
      lost: 'tooLong',
      analysisText: '',
    });
  });

  /** Characters that reading JSON passes over, all passes together. */
  const passedOver = (text: string): number => {
    let sum = 0;
    const read = LooseJson.prototype.read;
    vi.spyOn(LooseJson.prototype, 'read').mockImplementation(function (this: LooseJson, pos: number) {
      const reading = read.call(this, pos);
      sum += (reading?.end ?? text.length) - pos;
      return reading;
    });
    readChain(text, { responses: 2 });
    vi.restoreAllMocks();
    return sum;
  };

  it.each([
    '{"rationale":',
    '{"rationale": "',
    '<think>{"rationale": "a',
    '<JSON_START>{"rationale": "a", "better_response": {"response_1": 7',
    '<JSON_START>{"rationale": "a", "better_response": {"response_1": 7, "response_2": 6}}',
    '{"better_response": [',
    '{"scores": {"x": ',
    'PART 1\nPART 2\n{"rationale": "a"}\n',
  ])('of %j costs passes that grow no faster than it does', (unit) => {
    const short = passedOver(unit.repeat(200));
    const long = passedOver(unit.repeat(800));
    expect(short).toBeGreaterThan(0);
    expect(long).toBeLessThanOrEqual(4 * short + 10_000);
    // Every start passes over the rest at most once, and there are few of them.
    expect(long).toBeLessThanOrEqual(40 * unit.length * 800);
  });
});
