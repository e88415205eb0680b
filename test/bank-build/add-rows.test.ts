import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { PrototypeBank } from '../../src/bank/bank.js';
import { type AddRowsOptions, addRows } from '../../src/bank-build/add-rows.js';
import { type BuildEvent, buildBank } from '../../src/bank-build/build-bank.js';
import { dataOf, error, fakeBuild } from '../bank/made-world.js';
import { styledRow, styledRows, styleOf, tellStyle } from '../bank/styles.js';
import { temporaryFolder } from '../support/preference-file.js';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  const { loads: _, ...options } = await fakeBuild(folder, await dataOf(folder, styledRows(8, 2)));
  path = (await buildBank(options)) && options.out;
});

/** Rows that came later, and the models that the bank was made with. */
async function later(
  rows: readonly (object | string)[],
  changes: Parameters<typeof fakeBuild>[2] = {},
): Promise<AddRowsOptions & { loads: { generator: number; embedder: number } }> {
  const data = await dataOf(folder, rows, 'later.jsonl');
  const { judge, embedder, loads } = await fakeBuild(folder, data, changes);
  return { data, judge, embedder, loads };
}

describe('addRows', () => {
  it('adds users by a chain each, and the new choices of users that are there', async () => {
    await using bank = await PrototypeBank.open(path);
    const before = bank.memberCount;
    const events: BuildEvent[] = [];
    const options = await later([
      styledRow(1, 7),
      styledRow(1, 1),
      ...[0, 1, 2].map((index) => styledRow(9, index)),
      styledRow(10, 0),
    ]);
    const added = await addRows(bank, { ...options, onEvent: (event) => events.push(event) });
    expect(added).toEqual({ users: 2, events: 1, known: 1, failedRows: [] });
    expect([bank.userCount, bank.memberCount]).toEqual([10, before + 2]);
    expect((await bank.user('u1'))!.history).toHaveLength(3);
    expect((await bank.user('u1'))!.history.at(-1)!.chosen).toContain('number 7');
    expect((await bank.user('u9'))!.history).toHaveLength(3);
    expect(events.map(({ type }) => type)).toEqual([
      'stage',
      'progress',
      'progress',
      'stage',
      'progress',
      'progress',
    ]);
    expect(options.loads).toMatchObject({ generator: 1, embedder: 1 });
    // Their chain says their style, so those most similar to them are of it.
    await using embedder = await options.embedder.load();
    const style = styleOf(9);
    const { vectors } = await embedder.embed([`Wants ${style} ${style} ${style} replies above all.`]);
    const similar = await bank.similarUsers(vectors, 3);
    expect(similar.map(({ userId }) => userId).sort()).toEqual(['u1', 'u5', 'u9']);
  });

  it('adds nothing twice, and loads no model for choices alone', async () => {
    await using bank = await PrototypeBank.open(path);
    const rows = [styledRow(2, 5), styledRow(11, 0), styledRow(11, 1)];
    await addRows(bank, await later(rows));
    const { additions } = bank;
    const again = await later(rows);
    expect(await addRows(bank, again)).toEqual({ users: 0, events: 0, known: 3, failedRows: [] });
    expect(bank.additions).toBe(additions);
    expect(again.loads).toMatchObject({ generator: 0, embedder: 0 });
    const reopened = await PrototypeBank.open(path);
    expect(reopened.userCount).toBe(9);
    await reopened.close();
  });

  it('names the rows that nothing comes of, and adds the rest', async () => {
    await using bank = await PrototypeBank.open(path);
    const nobody = { ...styledRow(3, 9), user_id: undefined };
    const options = await later([styledRow(12, 0), styledRow(13, 0), nobody, { prompt: 'no shape' }], {
      generator: { script: (sample) => (sample.prompt.includes('reader 12') ? 'Sorry.' : tellStyle(sample)) },
    });
    const { users, failedRows } = await addRows(bank, options);
    expect(users).toBe(1);
    expect(failedRows.map(({ row }) => row).sort()).toEqual([1, 3, 4]);
    expect(failedRows.find(({ row }) => row === 1)!.reason).toMatch(/^lost: /);
    expect(failedRows.find(({ row }) => row === 3)!.reason).toMatch(/names no user/);
    expect(await bank.user('u12')).toBeNull();
  });

  it('refuses models that the bank was not made with, before it loads any', async () => {
    await using bank = await PrototypeBank.open(path);
    const options = await later([styledRow(12, 0)]);
    const refused = { ...options, judge: { ...options.judge, sha256: 'f'.repeat(64) } };
    await expect(addRows(bank, refused)).rejects.toMatchObject(error('BANK_MISMATCH', /ffff/));
    const pooled = { ...options, embedder: { ...options.embedder, pooling: 'last' } };
    await expect(addRows(bank, pooled)).rejects.toMatchObject(error('BANK_MISMATCH', /pooling mean/));
    expect(options.loads).toMatchObject({ generator: 0, embedder: 0 });
    expect(bank.additions).toBe(0);
  });

  it('stops at the signal, and keeps what was added', async () => {
    const bank = await PrototypeBank.open(path);
    const stop = new AbortController();
    const reason = new Error('enough');
    const options = await later([styledRow(14, 0), styledRow(15, 0)]);
    const onEvent = ({ type, ...event }: BuildEvent): void => {
      if (type === 'progress' && 'stage' in event && event.stage === 'embeddings') stop.abort(reason);
    };
    await expect(addRows(bank, { ...options, signal: stop.signal, onEvent })).rejects.toBe(reason);
    expect(bank.additions).toBe(1);
    await bank.close();
    await expect(addRows(bank, options)).rejects.toMatchObject(error('DISPOSED'));
    expect((await PrototypeBank.open(join(path))).userCount).toBe(9);
  });
});
