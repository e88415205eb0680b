import { describe, expect, it } from 'vitest';
import { readChain } from '../../src/chain/read-chain.js';

const FAMILIES = [
  ['<think>', '</think>'],
  ['<thinking>', '</thinking>'],
  ['[THINK]', '[/THINK]'],
  ['<seed:think>', '</seed:think>'],
  ['<|START_THINKING|>', '<|END_THINKING|>'],
  ['<|channel>thought\n', '<channel|>'],
  ['<unused94>thought\n', '<unused95>'],
  ['\u25c1think\u25b7', '\u25c1/think\u25b7'],
  ['<\uff5cthink\uff5c>', '<\uff5c/think\uff5c>'],
  ['<|begin_of_thought|>', '<|end_of_thought|>'],
  ['<|inner_prefix|>', '<|inner_suffix|>'],
  ['<antThinking>', '</antThinking>'],
  ['<internal_monologue>', '</internal_monologue>'],
  ['<longcat_think>', '</longcat_think>'],
  ['<scratchpad>', '</scratchpad>'],
  ['<cot>', '</cot>'],
] as const;

const PART_1 =
  'PART 1: Analysis\n\n1. **User**\nLikes kind replies.\n\n2. **Scoring**\n- Warmth (100%): wanted.\n\n';
const scores = (a: number, b: number): string =>
  `<JSON_START>${JSON.stringify({ rationale: 'So it is.', better_response: { response_1: a, response_2: b } })}<JSON_END>`;
const whole = (a: number, b: number): string => `${PART_1}PART 2: Scores\n${scores(a, b)}`;

function read(text: string, thoughtsOpened = false): string {
  const { usable, lost, responses, personaText, analysisText } = readChain(text, {
    responses: 2,
    thoughtsOpened,
  });
  expect(`${personaText} ${analysisText}`).not.toContain('draft');
  return usable ? responses.map(({ score }) => score).join(',') : String(lost);
}

describe.each(FAMILIES)('thoughts in %s', (open, close) => {
  it('count for nothing, wherever they stand', () => {
    expect(read(`${open}draft ${scores(2, 9)} no.${close}${whole(7, 5)}`)).toBe('7,5');
    expect(read(`${open}draft ${whole(2, 9)}${close}\n${whole(7, 5)}`)).toBe('7,5');
    expect(read(`${PART_1}${open}draft ${scores(2, 9)}${close}PART 2: Scores\n${scores(7, 5)}`)).toBe('7,5');
    expect(read(`${whole(7, 5)}${open}draft ${scores(2, 9)}${close}`)).toBe('7,5');
    expect(read(`draft ${scores(2, 9)}${close}${whole(7, 5)}`, true)).toBe('7,5');
  });

  it('that do not end leave a chain cut off', () => {
    expect(read(`${open}draft ${scores(2, 9)} hm`)).toBe('cutOff');
    expect(read(`${open}\n${whole(7, 5)} but wait`)).toBe('cutOff');
    expect(read(`draft ${whole(2, 9)}`, true)).toBe('cutOff');
  });
});
