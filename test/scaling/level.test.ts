import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { levelName, parseLevel } from '../../src/scaling/level.js';
import { weighNeighbours } from '../../src/scaling/neighbour-weights.js';
import { planWaves } from '../../src/scaling/waves.js';

const levels = fc.record({
  individual: fc.integer({ min: 1, max: 1024 }),
  prototype: fc.integer({ min: 0, max: 1024 }),
});

const smallLevels = fc.record({
  individual: fc.integer({ min: 1, max: 70 }),
  prototype: fc.integer({ min: 0, max: 40 }),
});

describe('a level', () => {
  it.each([
    ['1', 1, 0],
    ['ind-1', 1, 0],
    ['ind-16', 16, 0],
    [' Ind-8+Pro-4 ', 8, 4],
    ['ind-8,pro-4', 8, 4],
    ['ind-1024+pro-1024', 1024, 1024],
  ])('%s is read', (text, individual, prototype) => {
    expect(parseLevel(text)).toEqual({ individual, prototype });
  });

  it.each([
    '',
    '0',
    '2',
    'ind-0',
    'ind-08',
    'ind-8+pro-0',
    'pro-4',
    'ind-1025',
    'ind-8+pro-4+pro-4',
    'ind-8 pro-4',
    'ind--1',
    'ind-1e2',
  ])("'%s' is refused", (text) => {
    expect(() => parseLevel(text)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining(`got '${text}'`) }),
    );
  });

  it('without own chains is refused with what to do', () => {
    expect(() => parseLevel('pro-4')).toThrow(/ind-1\+pro-N/);
    expect(() => parseLevel(undefined as unknown as string)).toThrow(/got 'undefined'/);
  });

  it('has a name that reads back', () => {
    expect(levelName({ individual: 1, prototype: 0 })).toBe('1');
    expect(levelName({ individual: 1, prototype: 2 })).toBe('ind-1+pro-2');
    expect(levelName({ individual: 8, prototype: 4 })).toBe('ind-8+pro-4');
    fc.assert(
      fc.property(levels, (level) => {
        expect(parseLevel(levelName(level))).toEqual(level);
      }),
    );
  });
});

describe('waves', () => {
  it('of the usual levels', () => {
    const plan = (text: string, candidates = 2): string =>
      planWaves(parseLevel(text), candidates)
        .map(({ individual, prototype }) => `${individual}+${prototype}`)
        .join(' ');
    expect(plan('1')).toBe('1+0');
    expect(plan('ind-8')).toBe('2+0 4+0 6+0 8+0');
    expect(plan('ind-16')).toBe('4+0 8+0 12+0 16+0');
    expect(plan('ind-8+pro-4')).toBe('2+2 4+2 6+4 8+4');
    expect(plan('ind-16+pro-8')).toBe('4+2 8+4 12+6 16+8');
    expect(plan('ind-2+pro-16')).toBe('2+4 2+8 2+12 2+16');
    expect(plan('ind-9', 3)).toBe('3+0 6+0 9+0');
  });

  it('rise to the level, each but the last with all orders equally often', () => {
    fc.assert(
      fc.property(smallLevels, fc.integer({ min: 2, max: 5 }), (level, candidates) => {
        const waves = planWaves(level, candidates);
        expect(waves.at(-1)).toEqual(level);
        let before = { individual: 0, prototype: 0 };
        for (const wave of waves) {
          const added = wave.individual - before.individual + wave.prototype - before.prototype;
          expect(added).toBeGreaterThan(0);
          for (const kind of ['individual', 'prototype'] as const) {
            expect(wave[kind]).toBeGreaterThanOrEqual(before[kind]);
            if (wave[kind] < level[kind]) expect(wave[kind] % candidates).toBe(0);
          }
          before = wave;
        }
      }),
    );
  });
});

describe('weights of neighbours', () => {
  it('are equal, or fall with the distance to the most similar one', () => {
    expect(weighNeighbours([0.9, 0.1], 'equal', 0.3)).toEqual({ weights: [1, 1], individualShare: 0.3 });
    const { weights, individualShare } = weighNeighbours([0.9, 0.8, -1], 'similarity', 0.3);
    const [first, second, third] = weights;
    expect(first).toBe(1);
    expect(second).toBeCloseTo(Math.exp(-1), 12);
    expect(third).toBeGreaterThan(0);
    expect(individualShare).toBe(0.3);
  });

  it('are cosines, and their level counts less by the mean of them', () => {
    const { weights, individualShare } = weighNeighbours([0.8, 0.4, -0.5, 1.0000001], 'cosine', 0.5);
    expect(weights).toEqual([0.8, 0.4, 0, 1]);
    // Means of 0.55 beside 1.
    expect(individualShare).toBeCloseTo(1 / 1.55, 12);
    expect(weighNeighbours([1, 1], 'cosine', 0.25).individualShare).toBe(0.25);
    expect(weighNeighbours([0.6], 'cosine', 0)).toEqual({ weights: [0.6], individualShare: 0 });
    expect(weighNeighbours([-1], 'cosine', 0).individualShare).toBe(0);
    expect(weighNeighbours([-1, -0.2], 'cosine', 0.5)).toEqual({ weights: [0, 0], individualShare: 1 });
  });

  it.each(['equal', 'similarity', 'cosine'] as const)(
    'leave the share alone without neighbours: %s',
    (kind) => {
      expect(weighNeighbours([], kind, 0.5)).toEqual({ weights: [], individualShare: 0.5 });
    },
  );
});
