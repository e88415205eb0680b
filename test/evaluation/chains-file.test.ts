import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ChainsWriter, openChains } from '../../src/evaluation/chains/chains-file.js';
import { asChainsRow, runName } from '../../src/evaluation/chains/chains-record.js';
import { identityDifferences } from '../../src/run/identity.js';
import { error } from '../bank/made-world.js';
import { temporaryFolder, writeRows } from '../support/preference-file.js';
import { chain, chainsOf, header, identity, storedRow, writeSealed, writeStored } from './stored-chains.js';

const CHAINS = chainsOf([
  [5, 1],
  [1, 5],
]);

async function readAll(path: string): Promise<number[]> {
  const numbers: number[] = [];
  for await (const { row } of (await openChains(path)).rows()) numbers.push(row);
  return numbers;
}

describe('openChains', () => {
  it('gives back what was written', async () => {
    const folder = await temporaryFolder();
    const rows = [storedRow(1, CHAINS, { group: 'seen', subset: 's' }), storedRow(2, [chain(0, null)])];
    const stored = await openChains(await writeStored(folder, rows));
    const read = [];
    for await (const row of stored.rows()) read.push(row);
    expect(read).toEqual(rows.map((row) => ({ ...row, run: stored.header.run })));
  });

  it('leaves out a last line that was half written', async () => {
    const path = await writeStored(await temporaryFolder(), [storedRow(1, CHAINS), storedRow(2, CHAINS)]);
    const { length } = await readFile(path);
    await truncate(path, length - 20);
    expect(await readAll(path)).toEqual([1]);
  });

  it('tells every changed byte from a result', async () => {
    const path = await writeStored(await temporaryFolder(), [storedRow(1, CHAINS), storedRow(2, CHAINS)]);
    const whole = await readFile(path);
    for (let at = 0; at < whole.length - 1; at += 1) {
      const flipped = Buffer.from(whole);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 7));
      await writeFile(path, flipped);
      await expect(readAll(path)).rejects.toMatchObject({
        code: expect.stringMatching(/RUN_MISMATCH|MALFORMED/),
      });
    }
    await writeFile(path, whole.subarray(0, -1));
    const stored = await openChains(path);
    for await (const _ of stored.rows());
    expect(stored.cutBytes).toBeGreaterThan(100);
  });

  it('keeps distributions of scores, one for each candidate', () => {
    const criteria = [
      {
        name: 'plain',
        weight: 0.5,
        distributions: [
          [0.2, 0.8],
          [1, 0],
        ],
      },
    ];
    const row = { ...storedRow(1, [chain(0, [1, 2], { criteria })]), run: 'r' };
    expect(asChainsRow('file', 1, row)).toEqual(row);
    const short = [{ name: 'plain', weight: 0.5, distributions: [[1]] }];
    const wrong = { ...row, chains: [chain(0, [1, 2], { criteria: short })] };
    expect(() => asChainsRow('file', 1, wrong)).toThrow(/plain has 1 distributions for 2 candidates/);
  });

  it('takes files of one run that stand one after another', async () => {
    const folder = await temporaryFolder();
    const of = identity();
    const first = await writeStored(folder, [storedRow(1, CHAINS)], { identity: of, name: 'a' });
    const second = await writeStored(folder, [storedRow(2, CHAINS)], { identity: of, name: 'b' });
    const both = join(folder, 'both.jsonl');
    await writeFile(both, (await readFile(first, 'utf8')) + (await readFile(second, 'utf8')));
    expect(await readAll(both)).toEqual([1, 2]);
  });

  it('refuses chains of another model, with and without their header', async () => {
    const folder = await temporaryFolder();
    const [one, other] = [identity(), identity({ model: { sha256: 'b' } })];
    const mixed = await writeSealed(join(folder, 'mixed'), [
      header(one),
      storedRow(1, CHAINS, { run: runName(one) }),
      header(other),
      storedRow(2, CHAINS, { run: runName(other) }),
    ]);
    await expect(readAll(mixed)).rejects.toMatchObject(
      error('RUN_MISMATCH', /from line 3 on: model sha256 was a, is b/),
    );
    const headless = await writeSealed(join(folder, 'headless'), [
      header(one),
      storedRow(2, CHAINS, { run: runName(other) }),
    ]);
    await expect(readAll(headless)).rejects.toMatchObject(error('RUN_MISMATCH', /mixes chains.*line 2/));
  });

  it('refuses a row that comes twice', async () => {
    const path = await writeStored(await temporaryFolder(), [storedRow(1, CHAINS), storedRow(1, CHAINS)]);
    await expect(readAll(path)).rejects.toMatchObject(error('DUPLICATE_ID', /line 3: row 1 \(r1\)/));
  });

  it('refuses what is no chains file', async () => {
    const folder = await temporaryFolder();
    const other = await writeRows(join(folder, 'other'), [{ row: 1, status: 'scored' }]);
    await expect(openChains(other)).rejects.toMatchObject(
      error('INPUT_MALFORMED', /header of a chains file/),
    );
    const empty = await writeRows(join(folder, 'empty'), []);
    await expect(openChains(empty)).rejects.toMatchObject(error('INPUT_MALFORMED'));
    await expect(openChains(join(folder, 'absent'))).rejects.toMatchObject(
      error('INPUT_NOT_FOUND', /absent/),
    );
    await expect(openChains(folder)).rejects.toMatchObject(error('INPUT_NOT_FOUND', /not a file/));
    const later = await writeRows(join(folder, 'later'), [{ ...header(identity()), pgenrmChains: 1 }]);
    await expect(openChains(later)).rejects.toMatchObject(
      error('RUN_MISMATCH', /chains file of version 1 \(written by pgenrm 0\.0\.0\), and version 2 is read/),
    );
  });

  it.each([
    ['a label that names no candidate', { label: 2 }],
    ['an order that is none', { chains: [chain(0, [1, 2], { order: [0, 0] })] }],
    ['an order of too many', { chains: [chain(0, [1, 2], { order: [0, 1, 2] })] }],
    ['too few scores', { chains: [chain(0, [1, 2], { scores: [1] })] }],
    ['a chain twice', { chains: [chain(0, [1, 2]), chain(0, [2, 1])] }],
    ['one candidate', { lengths: [4], chains: [] }],
    ['a score that is no number', { chains: [{ ...chain(0, [1, 2]), scores: ['1', 2] }] }],
  ])('refuses %s', (_, changes) => {
    const row = { ...storedRow(1, CHAINS), run: 'r', ...changes };
    expect(() => asChainsRow('file', 4, row)).toThrow(/file, line 5 is not as pgenrm eval writes it/);
  });
});

describe('identityDifferences', () => {
  it('names each difference with both values', () => {
    const other = identity({ sampling: { seed: 4, historyEvents: 6 }, model: { sha256: null } });
    expect(identityDifferences(identity(), other)).toEqual([
      'model sha256 was a, is none',
      'sampling seed was 0, is 4',
      'sampling historyEvents was none, is 6',
    ]);
    expect(runName(other)).not.toBe(runName(identity()));
    expect(runName(identity())).toMatch(/^[0-9a-f]{16}$/);
  });
});

describe('ChainsWriter', () => {
  const head = header(identity(), { rows: 3 });
  const row = (number: number) => storedRow(number, CHAINS, { run: head.run });

  it('goes on after the last whole line', async () => {
    const path = join(await temporaryFolder(), 'new', 'folder', 'chains.jsonl');
    {
      await using writer = await ChainsWriter.open(path, 'new');
      expect((await writer.start(head)).size).toBe(0);
      await writer.append(row(1));
      await writer.append(row(2));
    }
    const { length } = await readFile(path);
    await truncate(path, length - 1);
    {
      await using writer = await ChainsWriter.open(path, 'resume');
      expect([...(await writer.start({ ...head, created: 'later' }))]).toEqual(['1 r1']);
      await writer.append(row(2));
    }
    expect(await readAll(path)).toEqual([1, 2]);
  });

  it('goes on with more rows than it was asked for at first', async () => {
    const path = await writeStored(await temporaryFolder(), [storedRow(1, CHAINS)], { header: { rows: 3 } });
    {
      await using writer = await ChainsWriter.open(path, 'resume');
      await writer.start({ ...head, rows: 5 });
      await writer.append(row(2));
    }
    const stored = await openChains(path);
    expect(stored.asked).toBe(3);
    for await (const _ of stored.rows());
    expect(stored.asked).toBe(5);
    await using writer = await ChainsWriter.open(path, 'resume');
    expect([...(await writer.start({ ...head, rows: 5 }))]).toEqual(['1 r1', '2 r2']);
    await writer.close();
    // Two headers and two rows: the same number of rows asks for no other header.
    expect((await readFile(path, 'utf8')).split('\n')).toHaveLength(5);
  });

  it('goes on with another KV cache, and with a file that states none, and says so', async () => {
    const folder = await temporaryFolder();
    const kvCache = { type: 'f16', flashAttention: 'auto', cells: 512 } as const;
    const path = await writeStored(folder, [storedRow(1, CHAINS)], { header: { rows: 3 } });
    expect((await openChains(path)).header.kvCache).toBeUndefined();
    const moved = { ...kvCache, cells: 2048 } as const;
    const stated: unknown[] = [undefined];
    for (const [at, kv] of [kvCache, kvCache, moved].entries()) {
      await using writer = await ChainsWriter.open(path, 'resume');
      expect((await writer.start({ ...head, kvCache: kv })).size).toBe(at + 1);
      await writer.append(row(at + 2));
      if (at !== 1) stated.push(kv);
    }
    expect(await readAll(path)).toEqual([1, 2, 3, 4]);
    const lines = (await readFile(path, 'utf8')).split('\n').slice(0, -1);
    const headers = lines.map((line) => JSON.parse(line)).filter((line) => 'pgenrmChains' in line);
    // The same cache again asks for no other header.
    expect(headers.map((line) => line.kvCache)).toEqual(stated);
    const damaged = { ...header(identity()), kvCache: { ...kvCache, type: 'f8' } };
    await expect(openChains(await writeSealed(join(folder, 'damaged'), [damaged]))).rejects.toMatchObject(
      error('RUN_MISMATCH', /type/),
    );
  });

  it('begins anew where not even the header was whole', async () => {
    const path = join(await temporaryFolder(), 'chains.jsonl');
    await writeFile(path, '{"pgenrmChains":2,');
    {
      await using writer = await ChainsWriter.open(path, 'resume');
      expect((await writer.start(head)).size).toBe(0);
      await writer.append(row(1));
    }
    expect(await readAll(path)).toEqual([1]);
  });

  it('refuses to go on with chains of another run, and keeps them', async () => {
    const folder = await temporaryFolder();
    const path = await writeStored(folder, [storedRow(1, CHAINS)], {
      header: { rows: 3 },
    });
    const before = await readFile(path, 'utf8');
    await using writer = await ChainsWriter.open(path, 'resume');
    const other = header(identity({ sampling: { individual: 8, seed: 1 } }));
    await expect(writer.start(other)).rejects.toMatchObject(
      error('RUN_MISMATCH', /individual was 2, is 8; sampling seed was 0, is 1;.*--force/),
    );
    expect(await readFile(path, 'utf8')).toBe(before);
  });

  it('refuses a file that exists unless told what to do with it, and a second writer', async () => {
    const folder = await temporaryFolder();
    const path = await writeStored(folder, [storedRow(1, CHAINS)]);
    await expect(ChainsWriter.open(path, 'new')).rejects.toMatchObject(
      error('INVALID_OPTION', /exists; go on with it by --resume/),
    );
    await using writer = await ChainsWriter.open(path, 'overwrite');
    await expect(ChainsWriter.open(path, 'resume')).rejects.toMatchObject(
      error('OUTPUT_FAILED', /being written/),
    );
    await writer.start(head);
    await writer.close();
    expect(await readAll(path)).toEqual([]);
  });

  it('refuses what cannot be a chains file', async () => {
    const folder = await temporaryFolder();
    await expect(ChainsWriter.open(folder, 'resume')).rejects.toMatchObject(error('OUTPUT_FAILED'));
    const path = await writeStored(folder, []);
    await expect(ChainsWriter.open(join(path, 'chains.jsonl'), 'new')).rejects.toMatchObject(
      error('OUTPUT_FAILED'),
    );
    await using writer = await ChainsWriter.open(join(folder, 'other.jsonl'), 'new');
    await expect(writer.append(row(1))).rejects.toMatchObject(error('INTERNAL'));
  });
});
