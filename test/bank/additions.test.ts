import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { PrototypeBank } from '../../src/bank/bank.js';
import { buildBank } from '../../src/bank-build/build-bank.js';
import { RunLock } from '../../src/output/run-lock.js';
import { temporaryFolder } from '../support/preference-file.js';
import { event, type MadeBank, madeBank } from './made-bank.js';
import { dataOf, error, fakeBuild } from './made-world.js';
import { styledRows } from './styles.js';

let made: MadeBank;

beforeEach(async () => {
  made = await madeBank(await temporaryFolder(), { members: 20, users: 10, prototypes: 3 });
});

const newcomer = (index: number) => ({
  id: `n${index}`,
  user: { history: [event(`of n${index}`)], criteria: 'short' },
  embedding: made.vector(index),
});

describe('additions to a bank', () => {
  it('are seen by the one that adds, by later readers, and by others after refresh', async () => {
    await using bank = await PrototypeBank.open(made.path);
    await using reader = await PrototypeBank.open(made.path);
    await bank.addUser(newcomer(0));
    await bank.addEvent('n0', event('later'));
    await bank.addEvent('u4', event('of u4 too'), { embedding: made.vector(0) });
    await using late = await PrototypeBank.open(made.path);
    expect(await reader.user('n0')).toBeNull();
    await reader.refresh();
    for (const each of [bank, reader, late]) {
      expect(each).toMatchObject({ userCount: 11, memberCount: 22, additions: 3 });
      expect(await each.user('n0')).toEqual({
        id: 'n0',
        criteria: 'short',
        history: [event('of n0'), event('later')],
      });
      expect((await each.user('u4'))!.history).toEqual([event('4'), event('of u4 too')]);
      const similar = await each.similarUsers(made.vector(0), 3, { exclude: ['u0'] });
      const top = similar.filter(({ cosine }) => cosine > 0.999999);
      expect(top.map(({ userId, rowId }) => [userId, rowId]).sort()).toEqual([
        ['n0', 'added:1'],
        ['u4', 'added:3'],
      ]);
      const without = await each.similarUsers(made.vector(0), 30, { exclude: ['u0', 'n0', 'u4'] });
      expect(without).toHaveLength(8);
      expect(without.map(({ userId }) => userId)).not.toContain('n0');
    }
  });

  it('many at once, from two openers in turn, all count', async () => {
    await using first = await PrototypeBank.open(made.path);
    await using second = await PrototypeBank.open(made.path);
    await Promise.all([0, 1, 2, 3, 4].map((index) => first.addUser(newcomer(index))));
    await second.addUser(newcomer(5));
    await first.addEvent('n5', event('x'));
    expect(first.additions).toBe(7);
    await second.refresh();
    expect(second.userCount).toBe(16);
    expect((await second.user('n5'))!.history).toHaveLength(2);
  });

  it('are refused where another writes, and the bank stays as it was', async () => {
    await using bank = await PrototypeBank.open(made.path);
    const lock = await RunLock.acquire(made.path);
    await expect(bank.addUser(newcomer(0))).rejects.toMatchObject(
      error('OUTPUT_FAILED', /being written by process/),
    );
    await lock.release();
    expect(bank.additions).toBe(0);
    await bank.addUser(newcomer(0));
    expect(bank.additions).toBe(1);
  });

  it('half written by a process that was killed do not count, and are written over', async () => {
    await using bank = await PrototypeBank.open(made.path);
    await bank.addUser(newcomer(0));
    await appendFile(join(made.path, 'additions.jsonl'), 'deadbeef {"type":"user","userId":"gho');
    await using reader = await PrototypeBank.open(made.path);
    expect(reader.additions).toBe(1);
    await bank.addUser(newcomer(1));
    await reader.refresh();
    expect(reader.additions).toBe(2);
    expect(await readFile(join(made.path, 'additions.jsonl'), 'utf8')).not.toContain('gho');
  });

  it('that are none are refused, and nothing is written', async () => {
    await using bank = await PrototypeBank.open(made.path);
    const bad = bank.addUser.bind(bank);
    const good = newcomer(0);
    await expect(bad({ ...good, id: 'u3' })).rejects.toMatchObject(error('DUPLICATE_ID', /use addEvent/));
    await expect(bad({ ...good, id: '' })).rejects.toMatchObject(error('INVALID_OPTION'));
    await expect(bad({ ...good, user: { history: [{}] as never } })).rejects.toMatchObject(
      error('INVALID_OPTION', /signals/),
    );
    await expect(bad({ ...good, embedding: new Float32Array(4) })).rejects.toMatchObject(
      error('INVALID_VECTOR'),
    );
    await expect(bank.addEvent('nobody', event('x'))).rejects.toMatchObject(
      error('INVALID_OPTION', /no user nobody/),
    );
    await expect(bank.addEvent('u1', { chosen: 'x' } as never)).rejects.toMatchObject(
      error('INVALID_OPTION', /event of a history/),
    );
    expect(bank.additions).toBe(0);
    await bank.addUser(good);
    await expect(bad(good)).rejects.toMatchObject(error('DUPLICATE_ID'));
  });

  it('do not go into a bank that was rebuilt meanwhile', async () => {
    const folder = await temporaryFolder();
    const data = await dataOf(folder, styledRows(4, 2));
    const options = await fakeBuild(folder, data);
    await buildBank(options);
    await using bank = await PrototypeBank.open(options.out);
    await buildBank({ ...options, seed: 99, force: true });
    const embedding = bank.prototypeVector(0);
    await expect(bank.addUser({ id: 'x', user: { history: [] }, embedding })).rejects.toMatchObject(
      error('BANK_MISMATCH', /was rebuilt/),
    );
    expect(await bank.similarUsers(embedding, 1)).toHaveLength(1);
  });
});

describe('a bank that is replaced while it is opened', () => {
  it('is opened whole, the old one or the new one', async () => {
    const folder = await temporaryFolder();
    const data = await dataOf(folder, styledRows(6, 2));
    const options = await fakeBuild(folder, data, { k: 2, refine: false });
    await buildBank(options);
    let building = true;
    const read = async (): Promise<Set<string>> => {
      const seen = new Set<string>();
      while (building) {
        await using bank = await PrototypeBank.open(options.out, { kernels: options.kernels! });
        const similar = await bank.similarUsers(bank.prototypeVector(0), 6);
        expect(similar).toHaveLength(6);
        seen.add(bank.manifest.checksum);
      }
      return seen;
    };
    const reading = Promise.all([read(), read()]);
    for (const seed of [1, 2, 3, 4]) await buildBank({ ...options, seed, force: true });
    building = false;
    const seen = await reading;
    expect(new Set(seen.flatMap((each) => [...each])).size).toBeGreaterThan(1);
  });
});
