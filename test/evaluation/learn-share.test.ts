import { beforeEach, describe, expect, it } from 'vitest';
import { openChains } from '../../src/evaluation/chains/chains-file.js';
import type { ChainsRow } from '../../src/evaluation/chains/chains-record.js';
import { learnShare } from '../../src/evaluation/figures/learn-share.js';
import { temporaryFolder } from '../support/preference-file.js';
import { fakeEval } from './fake-eval.js';
import { chainsOf, identity, SETTINGS, storedRow, writeStored } from './stored-chains.js';

const LEVEL = { individual: 1, prototype: 1 };
const BOTH = identity({ sampling: { individual: 1, prototype: 1 } });
let folder: string;

beforeEach(async () => {
  folder = await temporaryFolder();
});

/** A row whose own chain leads by `own` towards the choice and whose similar user's by `similar`. */
function both(number: number, own: number, similar: number, changes: Partial<ChainsRow> = {}): ChainsRow {
  const chains = [
    ...chainsOf([[5 + own, 5]]),
    ...chainsOf([[5 + similar, 5]], { level: 'prototype', neighbour: { userId: 'n', similarity: 1 } }),
  ];
  return storedRow(number, chains, changes);
}

async function learned(validation: readonly ChainsRow[], options = { identity: BOTH }) {
  const val = await writeStored(folder, validation, { ...options, name: 'val.jsonl' });
  const test = await writeStored(folder, [both(50, 1, -2)], { identity: BOTH, name: 'test.jsonl' });
  const settings = { kernels: SETTINGS.kernels, aggregate: {} };
  return learnShare(await openChains(val), await openChains(test), LEVEL, settings);
}

describe('learnShare', () => {
  it('takes the weight that decides most validation rows rightly, nearest to the half', async () => {
    // Right where w + (1 - w)(-2) > 0, w > 2/3: 0.7; and where 4(1 - w) - w > 0, w < 0.8: 0.7 and 0.75 do both.
    const rows = [both(1, 1, -2), both(2, -1, 4)];
    expect(await learned(rows)).toMatchObject({
      ...{ individualShare: 0.7, rows: 2, accuracy: 1, accuracyAtHalf: 0.5, level: 'ind-1+pro-1' },
    });
  });

  it('stays at the half where no weight is better', async () => {
    expect(await learned([both(1, 1, 1)])).toMatchObject({ individualShare: 0.5, accuracy: 1 });
  });

  it('refuses rows that are evaluated, another model, and rows that tell nothing', async () => {
    await expect(learned([both(1, 1, 1), both(50, 1, -2)])).rejects.toThrow(/row 50 .* among the rows/);
    const other = identity({ sampling: { individual: 1, prototype: 1 }, model: { sha256: 'b' } });
    await expect(learned([both(1, 1, 1)], { identity: other })).rejects.toThrow(/another model/);
    const alone = storedRow(1, chainsOf([[6, 5]]));
    await expect(learned([alone])).rejects.toThrow(/nothing to learn a weight from/);
  });
});

describe('pgenrm eval --learn-share', () => {
  it('evaluates with the learned weight and says where it is from', async () => {
    const rows = [both(1, 1, -2), both(2, -1, 4)];
    const val = await writeStored(folder, rows, { identity: BOTH, name: 'val.jsonl' });
    const test = await writeStored(folder, [both(50, 1, -2)], { identity: BOTH, name: 'test.jsonl' });
    const words = [
      '--from',
      test,
      '--resamples',
      '100',
      '--json',
      '--levels',
      'ind-1+pro-1',
      '--learn-share',
    ];
    const { code, out, err } = await fakeEval([...words, val]);
    expect({ code, err }).toEqual({ code: 0, err: expect.stringContaining('individual share 0.7, learned') });
    const { settings, levels } = JSON.parse(out);
    expect(settings).toMatchObject({
      aggregate: { individualShare: 0.7 },
      learnedShare: { rows: 2, path: 'val.jsonl' },
    });
    expect(levels[0].accuracy.wrong.value).toBe(1);
    expect((await fakeEval([...words, test])).err).toMatch(/RUN_MISMATCH.*among the rows evaluated/);
  });
});
