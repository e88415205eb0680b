import { describe, expect, it } from 'vitest';
import { readChain } from '../../src/chain/read-chain.js';
import { chainGrammar, GRAMMAR_TRIGGER } from '../../src/prompt/grammar.js';
import { gbnfMatcher } from './gbnf-matcher.js';

const PART_2 = String.raw`{"rationale": "A. Evaluation Criteria & Weights:\n1. Plain words - 70%\n2. Ordnung, klar - 30%\n(Total = 100%)\nB. Scoring Breakdown:\nResponse 1:\n1. Plain words: 8/10 - says \"yes\": good - 90% clear.\n2. Ordnung, klar: 10/10 - é.\nFinal Score = (8*0.70) + (10*0.30) = 8.6\nResponse 2:\n1. Plain words: 1/10 - no.\n2. Ordnung, klar: 2/10 - no.\nFinal Score = (1*0.70) + (2*0.30) = 1.3", "better_response": {"response_1": 8.6, "response_2": 1.3}}`;
const GOOD = `\n${PART_2}\n<JSON_END>`;
const WHOLE = `PART 1: Chain-of-Thought Analysis\n\n1. **User Preference Synthesis**\n- Plain.\n\n2. **Personalized Scoring Model Derivation**\n- Plain words (70%): yes.\n\nPART 2: Final Scoring and JSON Output\n<JSON_START>${GOOD}`;

describe('chainGrammar', () => {
  const two = gbnfMatcher(chainGrammar(2));

  it('takes a good part 2, with or without white space around the object', () => {
    expect(two.matches(GOOD)).toBe(true);
    expect(two.matches(`${PART_2}<JSON_END>`)).toBe(true);
  });

  it('takes only what the chain reader reads without repair', () => {
    const chain = readChain(`${GRAMMAR_TRIGGER}${GOOD}`, { responses: 2 });
    expect(chain).toMatchObject({ usable: true, recovered: [], weightSum: 100 });
    expect(chain.responses.map((r) => r.score)).toEqual([8.6, 1.3]);
  });

  it('can be followed from the first character to the last', () => {
    for (let end = 0; end <= GOOD.length; end += 7) expect(two.isPrefix(GOOD.slice(0, end))).toBe(true);
  });

  it.each([
    ['no end marker', GOOD.replace('<JSON_END>', '')],
    ['text after the end marker', `${GOOD}\n`],
    ['a raw line break in the rationale', GOOD.replace('\\n', '\n')],
    ['an unescaped quote in a reason', GOOD.replace('\\"yes\\"', '"yes"')],
    ['a score of 0', GOOD.replace('"response_2": 1.3', '"response_2": 0.3')],
    ['a score of 11', GOOD.replace('"response_2": 1.3', '"response_2": 11')],
    ['a score above 10', GOOD.replace('"response_2": 1.3', '"response_2": 10.5')],
    ['three decimals', GOOD.replace('"response_2": 1.3', '"response_2": 1.333')],
    ['a score as a string', GOOD.replace('"response_2": 1.3', '"response_2": "1.3"')],
    ['a missing response', GOOD.replace(', "response_2": 1.3', '')],
    [
      'swapped keys',
      GOOD.replace('"response_1": 8.6, "response_2": 1.3', '"response_2": 1.3, "response_1": 8.6'),
    ],
    ['a criterion scored 0', GOOD.replace('1/10 - no', '0/10 - no')],
    ['a criterion scored 12', GOOD.replace('1/10 - no', '12/10 - no')],
    ['a weight of 0', GOOD.replace('- 30%', '- 0%')],
    ['no criteria', GOOD.replace(/1\. Plain words - 70%\\n2\. Ordnung, klar - 30%\\n/, '')],
    ['no final score', GOOD.replace(/Final Score[^"\\]*\\n/, '')],
    ['another key', GOOD.replace('"better_response"', '"best_response"')],
    ['trailing prose', GOOD.replace('\n<JSON_END>', '\nDone.\n<JSON_END>')],
    ['nothing', ''],
  ])('refuses %s', (_what, text) => {
    expect(text).not.toBe(GOOD);
    expect(two.matches(text)).toBe(false);
  });

  it.each(['1', '9.5', '7.25', '10', '10.0', '10.00'])('takes the score %s', (score) => {
    expect(two.matches(GOOD.replace('"response_2": 1.3', `"response_2": ${score}`))).toBe(true);
  });

  it('forces as many responses as there are', () => {
    const three = gbnfMatcher(chainGrammar(3));
    expect(three.matches(GOOD)).toBe(false);
    const block = String.raw`\nResponse 3:\n1. Plain words: 5/10 - so.\n2. Ordnung, klar: 5/10 - so.\nFinal Score = (5*0.7) + (5*0.3) = 5`;
    const text = GOOD.replace('", "better', () => `${block}", "better`).replace(
      '2": 1.3',
      '2": 1.3, "response_3": 5',
    );
    expect(three.matches(text)).toBe(true);
    expect(two.matches(text)).toBe(false);
    expect(readChain(`<JSON_START>${text}`, { responses: 3 })).toMatchObject({ usable: true, recovered: [] });
  });

  it('forces the whole chain from the start', () => {
    const whole = gbnfMatcher(chainGrammar(2, { from: 'start' }));
    expect(whole.matches(WHOLE)).toBe(true);
    expect(whole.matches(GOOD)).toBe(false);
    expect(whole.matches(WHOLE.replace('PART 1', 'Part one'))).toBe(false);
    expect(whole.matches(WHOLE.replace('- Plain.', 'PART 3'))).toBe(false);
    expect(whole.matches(WHOLE.replace('- Plain.', '- Plain.\n'.repeat(90)))).toBe(false);
    expect(readChain(WHOLE, { responses: 2 })).toMatchObject({
      usable: true,
      personaText: '- Plain.',
      recovered: [],
    });
  });

  it('uses every rule that it defines and defines every rule that it uses', () => {
    for (const grammar of [chainGrammar(2), chainGrammar(5, { from: 'start' })]) {
      const defined = [...grammar.matchAll(/^([a-z-]+) ::=/gm)].map((match) => match[1]!);
      const bodies = grammar
        .replace(/^[a-z-]+ ::=/gm, '')
        .replace(/"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]/g, ' ');
      const used = new Set(bodies.match(/[a-z][a-z-]*/g));
      expect(new Set(defined)).toEqual(new Set([...used, 'root']));
      expect(defined).toHaveLength(new Set(defined).size);
    }
  });

  it.each([1, 0, 65, 2.5, Number.NaN])('refuses %s responses', (n) => {
    expect(() => chainGrammar(n)).toThrowError(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });
});
