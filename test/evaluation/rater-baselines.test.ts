import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  type Choice,
  RATER_BASELINES,
  raterBaselines,
} from '../../src/evaluation/baselines/rater-baselines.js';

const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('baselines without a model', () => {
  it('know a user by style where users differ, and not by what all prefer', () => {
    const [long, short] = ['one two three four five six', 'one two'];
    const choices = Array.from({ length: 20 }, (_, user) =>
      Array.from({ length: 6 }, (_, at): Choice => {
        const [chosen, rejected] = user % 2 === 0 ? [long, short] : [short, long];
        return { user: `u${user}`, chosen, rejected, test: at === 5 };
      }),
    ).flat();
    const { values, users } = raterBaselines(choices);
    expect(users).toHaveLength(20);
    expect(mean(values.longer)).toBe(0.5);
    expect(mean(values.ownStyle)).toBe(1);
    expect(mean(values.bothStyles)).toBe(1);
    expect(mean(values.allStyle)).toBe(0.5);
    // Another user's weights: right where the peers choose as the user does.
    expect(mean(raterBaselines(choices, 3).swapped.values)).toBeCloseTo(0.5, 0);
    // Peers are users of the same prompt: of the same kind here, so that their weights do as well; or nobody.
    const asked = (prompt: (user: number) => string) =>
      raterBaselines(choices.map((one) => ({ ...one, prompt: prompt(Number(one.user.slice(1))) }))).swapped;
    expect(mean(asked((user) => `p${user % 2}`).values)).toBe(1);
    expect(asked((user) => `p${user}`).values.every(Number.isNaN)).toBe(true);
    // Half of the users choose each; without the user's own choices the other reply is ahead.
    expect(mean(values.others)).toBe(0);
  });

  // Intervals of ../shared/data/README.md, one for each of RATER_BASELINES. It gives none for the last two of polis: there,
  // the known value and the half width of the others, 0.013.
  const KNOWN: [string, [number, number][]][] = [
    [
      'rag',
      [
        [0.568, 0.616],
        [0.638, 0.68],
        [0.551, 0.597],
        [0.591, 0.631],
        [0.605, 0.651],
      ],
    ],
    [
      'polis',
      [
        [0.492, 0.517],
        [0.489, 0.515],
        [0.511, 0.536],
        [0.495, 0.521],
        [0.503, 0.529],
      ],
    ],
  ];
  // Own weights minus another user's, from the same table.
  const KNOWN_SWAPPED: Record<string, [number, number]> = { rag: [0.012, 0.046], polis: [0, 0.017] };
  it.each(KNOWN)('reproduce the known values of %s', (name, intervals) => {
    const path = `../shared/data/real/${name}/pairs.jsonl.gz`;
    if (!existsSync(path)) {
      console.warn(`skipped: ${path} is missing`);
      return;
    }
    const lines = gunzipSync(readFileSync(path)).toString().trim().split('\n');
    const choices = lines.map((line): Choice => {
      const { user_id, chosen, rejected, split, prompt_id: prompt } = JSON.parse(line);
      const test = split === 'test';
      return { user: user_id, chosen: chosen.content, rejected: rejected.content, prompt, test };
    });
    const { values, swapped } = raterBaselines(choices);
    const own = mean(values.bothStyles) - mean(swapped.values);
    expect(own).toBeGreaterThan(KNOWN_SWAPPED[name]![0]);
    expect(own).toBeLessThan(KNOWN_SWAPPED[name]![1]);
    RATER_BASELINES.forEach((one, at) => {
      expect(mean(values[one]), one).toBeGreaterThan(intervals[at]![0]);
      expect(mean(values[one]), one).toBeLessThan(intervals[at]![1]);
    });
  });
});
