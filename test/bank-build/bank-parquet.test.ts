// A bank as parquet and back: the same bytes, the same answers; what was changed in between is refused.
import { existsSync } from 'node:fs';
import { copyFile, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { PrototypeBank } from '../../src/bank/bank.js';
import { exportBank, importBank } from '../../src/bank-build/bank-parquet.js';
import { openRecords } from '../../src/data/files/records.js';
import { referenceKernels } from '../../src/kernels/reference/kernels.js';
import { indexFiles } from '../../src/native/index-files.js';
import { type MadeBank, madeBank } from '../bank/made-bank.js';
import { temporaryFolder } from '../support/preference-file.js';

const kernels = referenceKernels(indexFiles);
let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});
const at = (name: string): string => join(folder, name);
const made = (name = 'bank', seed = 1): Promise<MadeBank> =>
  madeBank(folder, { members: 300, users: 40, prototypes: 5, dim: 16, seed, name, indexFrom: 100 });

describe('a bank as parquet', () => {
  it.each([100, 1000])(
    'comes back byte for byte and answers alike (an index from %d members)',
    async (indexFrom) => {
      const { path, vector } = await madeBank(folder, {
        ...{ members: 300, users: 40, prototypes: 5, dim: 16, indexFrom },
      });
      const manifest = await exportBank(path, at('parquet'), { kernels });
      const back = await importBank(at('parquet'), at('back'), { kernels });
      expect(back).toEqual(manifest);
      expect((await readdir(at('back'))).sort()).toEqual((await readdir(path)).sort());
      for (const name of await readdir(path))
        expect((await readFile(join(at('back'), name))).equals(await readFile(join(path, name))), name).toBe(
          true,
        );
      await using one = await PrototypeBank.open(path, { kernels });
      await using other = await PrototypeBank.open(at('back'), { kernels });
      for (let member = 0; member < 300; member += 7)
        expect(await other.similarUsers(vector(member), 8)).toEqual(
          await one.similarUsers(vector(member), 8),
        );
    },
  );

  it('has the columns that other tools read', async () => {
    const { path, embeddings } = await made();
    await exportBank(path, at('parquet'), { kernels });
    const source = await openRecords(join(at('parquet'), 'members.parquet'));
    let rows = 0;
    for await (const some of source.read())
      for (const one of some) {
        const row = (one as { row: Record<string, unknown> }).row;
        expect(Object.keys(row)).toEqual([
          ...['row', 'user_id', 'user', 'prototype', 'persona', 'rubric', 'embedding'],
        ]);
        const number = Number(String(row.row).slice(1));
        expect(row).toMatchObject({ user_id: `u${number % 40}`, persona: `likes ${number}` });
        expect(row.embedding).toEqual([...embeddings.subarray(number * 16, number * 16 + 16)]);
        rows += 1;
      }
    expect(rows).toBe(300);
  });

  it('is refused where a file is of another bank or missing, and leaves nothing', async () => {
    const [one, other] = [await made('one'), await made('other', 2)];
    await exportBank(one.path, at('parquet'), { kernels });
    await exportBank(other.path, at('parquet-2'), { kernels });
    await copyFile(join(at('parquet-2'), 'members.parquet'), join(at('parquet'), 'members.parquet'));
    const imported = importBank(at('parquet'), at('back'), { kernels });
    await expect(imported).rejects.toMatchObject({ code: 'BANK_DAMAGED' });
    await expect(imported).rejects.toThrow(/are not those of the bank .*would differ/);
    expect(existsSync(at('back'))).toBe(false);
    await rm(join(at('parquet'), 'users.parquet'));
    await expect(importBank(at('parquet'), at('back'), { kernels })).rejects.toMatchObject({
      code: 'INPUT_NOT_FOUND',
    });
    expect(existsSync(at('back'))).toBe(false);
  });

  it('takes the place of nothing, and leaves out no additions', async () => {
    const { path, vector } = await made();
    await expect(exportBank(path, path, { kernels })).rejects.toMatchObject({ code: 'OUTPUT_FAILED' });
    await exportBank(path, at('parquet'), { kernels });
    await expect(importBank(at('parquet'), path, { kernels })).rejects.toMatchObject({
      code: 'OUTPUT_FAILED',
    });
    expect((await readdir(path)).length).toBeGreaterThan(5);
    await using bank = await PrototypeBank.open(path, { kernels });
    await bank.addUser({ id: 'new', user: { history: [] }, embedding: vector(0) });
    await expect(exportBank(path, at('more'), { kernels })).rejects.toThrow(/has 1 additions/);
  });
});
