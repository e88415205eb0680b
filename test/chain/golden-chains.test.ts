import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readChain } from '../../src/chain/read-chain.js';

interface GoldenCase {
  name: string;
  text: string;
  expect: {
    usable: boolean;
    scores?: Record<string, number>;
    weights?: [string, number][];
    breakdown?: Record<string, number[]>;
    recomputed?: Record<string, number>;
    inconsistent?: string[];
    weight_sum?: number;
  };
}

const file = resolve('../shared/golden/chains.jsonl');
const present = existsSync(file);
const cases: GoldenCase[] = present
  ? readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => JSON.parse(line) as GoldenCase)
  : [];

describe.skipIf(!present)(`golden chains${present ? '' : ' (skipped: ../shared/golden is absent)'}`, () => {
  it('has the 16 cases', () => {
    expect(cases).toHaveLength(16);
  });

  it.each(cases.map((golden) => [golden.name, golden] as const))('%s', (_name, golden) => {
    const expected = golden.expect;
    const chain = readChain(golden.text, { responses: 2 });
    const byKey = <T>(values: readonly T[]) =>
      Object.fromEntries(values.map((value, index) => [`response_${index + 1}`, value]));

    expect(chain.usable).toBe(expected.usable);
    expect(chain.lost === undefined).toBe(expected.usable);
    if (expected.weights !== undefined) {
      expect(chain.rubric.map(({ name, weight }) => [name, weight])).toEqual(expected.weights);
    }
    if (expected.weight_sum !== undefined) expect(chain.weightSum).toBe(expected.weight_sum);
    if (!expected.usable) {
      expect(chain.responses.map((response) => response.score)).toEqual([null, null]);
      return;
    }
    expect(byKey(chain.responses.map((response) => response.stated))).toEqual(expected.scores);
    expect(byKey(chain.responses.map((response) => response.criterionScores))).toEqual(expected.breakdown);
    expect(byKey(chain.responses.map((response) => response.recomputed))).toEqual(
      expected.recomputed ?? { response_1: null, response_2: null },
    );
    const inconsistent = chain.responses.flatMap((response, index) =>
      response.inconsistent ? [`response_${index + 1}`] : [],
    );
    expect(inconsistent).toEqual(expected.inconsistent ?? []);
    const counted = expected.recomputed ?? expected.scores!;
    expect(byKey(chain.responses.map((response) => response.score))).toEqual(counted);
    const stated = readChain(golden.text, { responses: 2, prefer: 'stated' });
    expect(byKey(stated.responses.map((response) => response.score))).toEqual(expected.scores);
  });
});
