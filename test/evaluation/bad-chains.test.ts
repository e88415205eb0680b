// Chains files that cannot be evaluated as asked, through the command line.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type ChainsIdentity, runName } from '../../src/evaluation/chains/chains-record.js';
import { temporaryFolder, writeRows } from '../support/preference-file.js';
import { fakeEval } from './fake-eval.js';
import { chainsOf, header, identity, storedRow, writeSealed, writeStored } from './stored-chains.js';

let folder: string;

beforeEach(async () => {
  folder = await temporaryFolder();
});

async function refused(...words: string[]): Promise<string> {
  const { code, out, err } = await fakeEval([...words, '--resamples', '100', '--quiet']);
  expect(out).toBe('');
  expect(code).not.toBe(0);
  return err;
}

describe('pgenrm eval --from', () => {
  it('refuses a level larger than what is stored', async () => {
    const path = await writeStored(folder, [storedRow(1, chainsOf([[1, 2], null]))]);
    expect(await refused('--from', path, '--levels', '1,ind-4')).toMatch(
      /INVALID_OPTION.*level ind-4 needs 4 individual and 0 prototype chains a row.*holds 2 and 0/,
    );
    expect(await refused('--from', path, '--levels', 'ind-2+pro-1')).toMatch(/needs 2 individual and 1/);
  });

  it('refuses chains of several models in one file, and writes no report', async () => {
    const [one, other] = [identity(), identity({ model: { sha256: 'b' } })];
    const row = (number: number, of: ChainsIdentity) =>
      storedRow(
        number,
        chainsOf([
          [1, 2],
          [2, 1],
        ]),
        { run: runName(of) },
      );
    const path = await writeSealed(join(folder, 'mixed.jsonl'), [
      header(one, { rows: 2 }),
      row(1, one),
      header(other, { rows: 2 }),
      row(2, other),
    ]);
    expect(await refused('--from', path, '--levels', '1', '--out', join(folder, 'out'))).toMatch(
      /RUN_MISMATCH.*mixes chains of different runs, from line 3 on: model sha256 was a, is b/,
    );
  });
});

describe('pgenrm eval --learn-share', () => {
  const SAMPLING = { individual: 2, prototype: 1 };
  const BOTH = identity({ sampling: SAMPLING });
  const both = (number: number) =>
    storedRow(number, [
      ...chainsOf([
        [6, 5],
        [6, 5],
      ]),
      ...chainsOf([[4, 5]], { level: 'prototype', neighbour: { userId: 'n', similarity: 1 } }),
    ]);
  let from: string[];

  beforeEach(async () => {
    const test = await writeStored(folder, [both(50)], { identity: BOTH, name: 'test.jsonl' });
    from = ['--from', test, '--levels', 'ind-2+pro-1'];
  });

  const stored = (rows: Parameters<typeof writeStored>[1], of: ChainsIdentity = BOTH): Promise<string> =>
    writeStored(folder, rows, { identity: of, name: 'val.jsonl' });

  it('refuses to stand beside a weight that is given, or beside levels without similar users', async () => {
    const val = await stored([both(1)]);
    expect(await refused(...from, '--learn-share', val, '--individual-share', '0.3')).toMatch(
      /--individual-share.*cannot be used with.*--learn-share/,
    );
    expect(await refused('--from', from[1]!, '--levels', '1,ind-2', '--learn-share', val)).toMatch(
      /INVALID_OPTION.*no part where no level has pro-N/,
    );
    // Levels that are not named are those stored; a file without similar users has none.
    const alone = await writeStored(
      folder,
      [
        storedRow(
          9,
          chainsOf([
            [1, 2],
            [1, 2],
          ]),
        ),
      ],
      { name: 'alone' },
    );
    expect(await refused('--from', alone, '--learn-share', val)).toMatch(
      /INVALID_OPTION.*cannot be learned at \S+, which asks no similar users/,
    );
  });

  it('refuses files that are absent or no chains, before anything is sampled', async () => {
    const pairs = await writeRows(join(folder, 'pairs.jsonl'), [{ prompt: 'q', chosen: 'a', rejected: 'b' }]);
    expect(await refused(...from, '--learn-share', join(folder, 'absent'))).toMatch(
      /INPUT_NOT_FOUND.*absent/,
    );
    expect(await refused(...from, '--learn-share', pairs)).toMatch(
      /INPUT_MALFORMED.*header of a chains file/,
    );
    await writeFile(join(folder, 'empty'), '');
    expect(await refused(...from, '--learn-share', join(folder, 'empty'))).toMatch(/INPUT_MALFORMED/);
  });

  it('refuses chains that hold less than the level, or are of another model or template', async () => {
    const small = identity({ sampling: { individual: 1, prototype: 1 } });
    expect(await refused(...from, '--learn-share', await stored([both(1)], small))).toMatch(
      /INVALID_OPTION.*val\.jsonl holds 1 and 1/,
    );
    const model = identity({ sampling: SAMPLING, model: { sha256: 'b' } });
    expect(await refused(...from, '--learn-share', await stored([both(1)], model))).toMatch(
      /RUN_MISMATCH.*another model/,
    );
    const template = { ...BOTH, template: { name: 'standard', hash: 'd' } };
    expect(await refused(...from, '--learn-share', await stored([both(1)], template))).toMatch(
      /RUN_MISMATCH.*another template/,
    );
  });

  it('refuses rows that are evaluated too, wherever they stand, and rows that tell nothing', async () => {
    expect(await refused(...from, '--learn-share', await stored([both(1), both(50)]))).toMatch(
      /RUN_MISMATCH.*row 50 .*is among the rows evaluated/,
    );
    const moved = { ...both(50), row: 3 };
    expect(await refused(...from, '--learn-share', await stored([moved]))).toMatch(/row 3 .*is among/);
    const { label: _, ...unlabelled } = both(1);
    expect(await refused(...from, '--learn-share', await stored([unlabelled]))).toMatch(
      /INPUT_MALFORMED.*nothing to learn a weight from/,
    );
    const lost = { ...both(1), chains: both(1).chains.filter(({ level }) => level === 'individual') };
    expect(await refused(...from, '--learn-share', await stored([lost]))).toMatch(/nothing to learn/);
  });
});
