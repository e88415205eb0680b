import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GenerationRequest, Generator } from '../../src/generator/generator.js';
import { loadNativeGenerator } from '../../src/generator/native/native-generator.js';
import { loadPortableGenerator } from '../../src/generator/portable/portable-generator.js';
import { Thoughts } from '../../src/generator/text-scan.js';
import { loadNativeBinding } from '../../src/native/load.js';
import { promptOf } from '../support/prompt-of.js';
import { randomModel } from '../support/random-model.js';

const [OPEN, CLOSE] = ['<think>', '</think>'];
const INSIDE = { opened: true, open: [OPEN], close: [CLOSE] };
const MAYBE = { ...INSIDE, opened: false };
const noNative = loadNativeBinding().binding === null && process.env.PGENRM_REQUIRE_NATIVE !== '1';
const KINDS = [
  ['native', loadNativeGenerator, noNative],
  ['portable', loadPortableGenerator, false],
] as const;

/** The position behind the thoughts of a text that begins in them; null where they do not end. */
const answerOf = (text: string): number | null =>
  text.includes(CLOSE) ? text.indexOf(CLOSE) + CLOSE.length : null;

describe.each(KINDS)('thoughts in the %s generator', (_, load, skipped) => {
  describe.skipIf(skipped)('whose marks are control tokens', () => {
    let generator: Generator;
    beforeAll(async () => {
      // Few tokens, drawn almost evenly: every other text holds a mark somewhere.
      const modelPath = await randomModel({ vocabulary: 290, control: [OPEN, CLOSE], userDefined: [] });
      generator = await load({ modelPath, gpu: 'off', threads: 1, maxSequences: 1, engine: { workers: 1 } });
      // With the prompt decoded, and one sample at a time, the same draws give the same text to the last bit.
      await write({ seeds: [0], maxTokens: 1, minTokens: 1 });
    });
    afterAll(async () => generator[Symbol.asyncDispose]());

    const write = async (request: Partial<GenerationRequest>): Promise<string[]> => {
      const { samples } = await generator.generate({
        prompt: promptOf('The same prompt every time.'),
        seeds: Array.from({ length: 12 }, (_, seed) => seed),
        sampling: { temperature: 10, topP: 1, minP: 0 },
        maxTokens: 240,
        minTokens: 240,
        ...request,
      });
      return samples.map(({ text }) => text);
    };

    it('leave their marks in the text', async () => {
      const shown = await write({ thoughts: INSIDE });
      expect(shown.filter((text) => text.includes(CLOSE)).length).toBeGreaterThan(2);
      const hidden = await write({});
      expect(hidden).toEqual(shown.map((text) => text.replaceAll(CLOSE, '').replaceAll(OPEN, '')));
    });

    it('keep a stop string from ending a text before they end', async () => {
      const whole = await write({ thoughts: INSIDE });
      const stopped = await write({ thoughts: INSIDE, stop: ['a', 'e', '1'] });
      const expected = whole.map((text) => {
        const from = answerOf(text);
        const at = from === null ? -1 : text.slice(from).search(/[ae1]/);
        return at < 0 ? text : text.slice(0, from! + at);
      });
      expect(stopped).toEqual(expected);
      expect(stopped).not.toEqual(whole);
    });

    it('do not begin in the middle of a text', async () => {
      const whole = await write({ thoughts: MAYBE });
      expect(whole.some((text) => text.includes(OPEN))).toBe(true);
      const stopped = await write({ thoughts: MAYBE, stop: ['a', 'e', '1'] });
      expect(stopped).toEqual(whole.map((text) => text.split(/[ae1]/)[0]));
    });

    it('put off a grammar, and the search for its trigger', async () => {
      const whole = await write({ thoughts: INSIDE });
      const answers = (found: string[], pattern: RegExp): void =>
        found.forEach((text, index) => {
          const from = answerOf(whole[index]!);
          if (from === null) expect(text).toBe(whole[index]);
          else {
            expect(text.slice(0, from)).toBe(whole[index]!.slice(0, from));
            expect(text.slice(from)).toMatch(pattern);
          }
        });
      answers(await write({ thoughts: INSIDE, grammar: 'root ::= "yes" | "no"' }), /^(?:yes|no|y|ye|n|)$/);
      const grammar = { grammar: 'root ::= "!!"', grammarTrigger: 'e' };
      answers(await write({ thoughts: INSIDE, ...grammar }), /^(?:[^e]*|[^e]*e!{0,2})$/);
    });

    it('are refused without a mark that ends them', async () => {
      await expect(write({ thoughts: { ...INSIDE, close: [] } })).rejects.toMatchObject({
        code: 'INVALID_OPTION',
      });
    });
  });
});

describe('thoughts in a growing text', () => {
  const follow = (marks: typeof INSIDE, pieces: string[]): [boolean, number] => {
    const thoughts = new Thoughts(marks);
    let text = '';
    for (const piece of pieces) {
      text += piece;
      thoughts.follow(text);
    }
    return [thoughts.inside, thoughts.answerFrom];
  };

  it.each([
    ['open with a mark in pieces', MAYBE, [' \n<th', 'ink>x'], [true, 0]],
    ['end with one in pieces', MAYBE, ['<think>a</th', 'ink>b'], [false, 16]],
    ['do not open behind a word', MAYBE, ['x <think>'], [false, 0]],
    ['are still possible after half a mark', MAYBE, ['<thi', 's'], [false, 0]],
    ['begin where the prompt opened them', INSIDE, ['a </thin', 'k'], [true, 0]],
    ['end once only', INSIDE, ['a</think>', '<think>b</think>'], [false, 9]],
  ] as const)('%s', (_, marks, pieces, expected) => {
    expect(follow(marks, [...pieces])).toEqual(expected);
  });
});
