// The rules of a plan that need no vocabulary.
import { describe, expect, it } from 'vitest';
import type { PlanPart } from '../../src/generator/plan.js';
import { checkPlanParts, placedParts } from '../../src/generator/plan-parts.js';

const free = (name: string, changes = {}): PlanPart => ({ kind: 'free', name, maxTokens: 8, ...changes });
const choice = (name: string, texts: string[], changes = {}): PlanPart => ({
  kind: 'choice',
  name,
  texts,
  ...changes,
});
const repeat = (name: string, body: PlanPart[], changes = {}): PlanPart => ({
  kind: 'repeat',
  name,
  body,
  least: 1,
  most: 3,
  another: '- ',
  end: '.',
  ...changes,
});

describe('plans', () => {
  it('number their parts in the order of the data, a repeat before its body', () => {
    const parts: PlanPart[] = [
      { kind: 'given', text: 'A' },
      repeat('r', [free('a'), choice('b', ['1', '2'])]),
      { kind: 'forEach', over: 'r', body: [{ kind: 'copy', of: 'a' }] },
    ];
    const placed = checkPlanParts({ parts });
    expect(placed.map(({ number, within }) => [number, within])).toEqual([
      [0, []],
      [1, []],
      [2, [1]],
      [3, [1]],
      [4, []],
      [5, [4]],
    ]);
    expect(placed).toEqual(placedParts({ parts }));
  });

  const refused: [why: string, parts: PlanPart[], message: RegExp][] = [
    ['no parts', [], /1 to 10000 parts/],
    ['an empty given text', [{ kind: 'given', text: '' }], /at least one character/],
    [
      'a bound of zero',
      [free('a', { maxTokens: 0 })],
      /maxTokens of free text 'a' must be an integer from 1/,
    ],
    [
      'bounds the wrong way round',
      [free('a', { minTokens: 9 })],
      /minTokens of free text 'a' .* 0 to 8; got 9/,
    ],
    ['an empty stop text', [free('a', { stop: [''] })], /at least one character/],
    ['a stop text that is barred', [free('a', { stop: ['a\n'], bars: ['\n'] })], /no barred text occurs/],
    ['a choice without texts', [choice('c', [])], /at least one text; got 'none'/],
    ['texts that coincide', [choice('c', ['7', '8', '7'])], /"7" twice/],
    ['a text that begins another', [choice('c', ['10', '2', '1'])], /"1" and "10"/],
    ['an unknown mode', [choice('c', ['1'], { mode: 'best' })], /sample, greedy, read; got 'best'/],
    ['a temperature out of range', [choice('c', ['1'], { temperature: -1 })], /temperature of choice 'c'/],
    ['no round at most', [repeat('r', [free('a')], { least: 0, most: 0 })], /most of repeat 'r'/],
    ['more rounds at least than at most', [repeat('r', [free('a')], { least: 4 })], /least of repeat 'r'/],
    ['a repeat without a body', [repeat('r', [])], /body of repeat 'r'/],
    ['another and end alike', [repeat('r', [free('a')], { end: '- ' })], /"- " twice/],
    ['a name that comes twice', [free('a'), choice('a', ['1'])], /no other part has; got 'a'/],
    [
      'a copy of what comes later',
      [{ kind: 'copy', of: 'a' }, free('a')],
      /earlier free text or choice; got 'a'/,
    ],
    [
      'a forEach over no repeat',
      [free('a'), { kind: 'forEach', over: 'a', body: [free('b')] }],
      /name of a repeat/,
    ],
    [
      'a forEach inside its repeat',
      [repeat('r', [{ kind: 'forEach', over: 'r', body: [free('b')] }])],
      /name of a repeat/,
    ],
    ['an unknown kind', [{ kind: 'guess' } as unknown as PlanPart], /kind of part 0 .* got 'guess'/],
  ];
  it.each(refused)('are refused: %s', (_, parts, message) => {
    expect(() => checkPlanParts({ parts })).toThrow(message);
    expect(() => checkPlanParts({ parts })).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });

  it('let texts begin alike where a terminator tells them apart, and need none where nothing is chosen', () => {
    checkPlanParts({ parts: [choice('c', ['1', '10'], { terminator: '\n' })] });
    checkPlanParts({ parts: [repeat('r', [free('a')], { least: 2, most: 2, another: '', end: '' })] });
  });
});
