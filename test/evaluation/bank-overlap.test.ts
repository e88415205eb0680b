import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { PrototypeBank } from '../../src/bank/bank.js';
import { buildBank } from '../../src/bank-build/build-bank.js';
import { type EvalHost, modelsOver } from '../../src/cli/eval/eval-models.js';
import { userGroups } from '../../src/data/select-rows.js';
import { overlapWith, withoutUsers } from '../../src/evaluation/chains/bank-overlap.js';
import type { ChainsHeader, ChainsRow } from '../../src/evaluation/chains/chains-record.js';
import type { EvaluationReport } from '../../src/evaluation/report/report.js';
import { FakeEmbedder } from '../bank/fake-embedder.js';
import { suiteFolder } from '../bank/made-bank.js';
import { dataOf, error, fakeBuild } from '../bank/made-world.js';
import { styledRow, styledRows, tellStyle } from '../bank/styles.js';
import { FakeGenerator } from '../support/fake-generator.js';
import { temporaryFolder, writeRows } from '../support/preference-file.js';
import { evalWith } from './fake-eval.js';

const folder = await suiteFolder();
let bankPath: string;

/** Rows to judge of users 8 to 15 and their history; the bank has users 0 to 11. */
const evaluated = [8, 9, 10, 11, 12, 13, 14, 15].flatMap((user) => [
  styledRow(user, 50),
  styledRow(user, 51),
  styledRow(user, 60, { split: 'test' }),
  styledRow(user, 61, { split: 'test' }),
]);

beforeAll(async () => {
  const { loads: _, ...options } = await fakeBuild(folder, await dataOf(folder, styledRows(12, 2)));
  await buildBank(options);
  bankPath = join(folder, 'bank');
});

const host: EvalHost = {
  loadEmbedder: () => Promise.reject(new Error('no embedder was asked for')),
  async loadWithBank(options, view, seed) {
    const bank = await PrototypeBank.open(options.bank!);
    try {
      const parts = { modelSha256: 'a'.repeat(64), embedder: new FakeEmbedder() };
      const generator = new FakeGenerator({ script: tellStyle });
      return await modelsOver(generator, { ...parts, bank: await view(bank) }, seed);
    } catch (failure) {
      await bank.close();
      throw failure;
    }
  },
};

async function run(more: readonly string[], folderOfRun?: string) {
  const place = folderOfRun ?? (await temporaryFolder());
  const data = await writeRows(join(place, 'data.jsonl'), evaluated);
  const out = join(place, 'out');
  const ended = await evalWith(
    [data, '--out', out, '--bank', bankPath, '--quiet', '--resamples', '200', ...more],
    host,
  );
  const [head, ...lines] = (await readFile(join(out, 'chains.jsonl'), 'utf8'))
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
  // A run that is asked for more rows writes its header again.
  const rows = lines.filter((line) => !('pgenrmChains' in line));
  const report = JSON.parse(await readFile(join(out, 'report.json'), 'utf8')) as EvaluationReport;
  return { ...ended, place, header: head as ChainsHeader, rows: rows as ChainsRow[], report };
}

const neighboursOf = (rows: readonly ChainsRow[]): Set<string> =>
  new Set(rows.flatMap(({ chains }) => chains.flatMap(({ neighbour }) => neighbour?.userId ?? [])));

describe('pgenrm eval with a bank', () => {
  it('derives levels with similar users, reports users of the bank, and makes them nobody’s neighbours', async () => {
    const { code, out, header, rows, report } = await run(['--levels', '1,ind-2,ind-2+pro-2,ind-4+pro-4']);
    expect(code).toBe(0);
    expect(rows).toHaveLength(16);
    for (const { chains } of rows) {
      expect(chains.filter(({ level }) => level === 'individual')).toHaveLength(4);
      const similar = chains.filter(({ level }) => level === 'prototype');
      expect(similar.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    }
    expect(header.overlap).toEqual({ users: 4, examples: ['u8', 'u9', 'u10', 'u11'] });
    expect(header.identity.bank).toMatchObject({ overlap: 'exclude', additions: 0 });
    for (const barred of ['u8', 'u9', 'u10', 'u11']) expect(neighboursOf(rows)).not.toContain(barred);
    expect(rows.map(({ user, group }) => `${user} ${group}`)).toContain('u8 seen');
    expect(rows.map(({ user, group }) => `${user} ${group}`)).toContain('u12 unseen');
    expect(out).toMatch(
      /4 users of the bank are evaluated too \(u8, u9, u10, u11\): they are nobody's neighbours/,
    );
    expect(report.levels.map(({ name }) => name)).toEqual(['1', 'ind-2', 'ind-2+pro-2', 'ind-4+pro-4']);
    expect(report.singleChains.prototype).toMatchObject({ chains: 64 });
    expect(report.breakdown.map(({ trait, value }) => `${trait} ${value}`)).toContain('group unseen');
  });

  it('keeps users from their own neighbours only, where asked to', async () => {
    const { rows, report } = await run(['--levels', 'ind-2+pro-8', '--bank-overlap', 'own']);
    expect(neighboursOf(rows)).toContain('u8');
    for (const { user, chains } of rows)
      for (const { neighbour } of chains) expect(neighbour?.userId).not.toBe(user);
    expect(report.chains.identity.bank.overlap).toBe('own');
  });

  it('seeks later rows of a user by part 1 of the first, and resumes to the same rows', async () => {
    const words = ['--levels', 'ind-2+pro-2', '--retrieve-by', 'cached'];
    const whole = await run(words);
    expect(whole.header.identity.sampling.retrieveBy).toBe('cached');
    const rows = whole.rows.map((one) => ({ ...one, ms: 0, crc: '' }));
    for (const user of ['u8', 'u12']) {
      const [first, second] = rows.filter((one) => one.user === user);
      expect(first!.retrieval).toMatchObject({ by: 'chain', chain: 0 });
      expect(second!.retrieval).toMatchObject({ by: 'cached', chain: null, from: first!.id });
      expect([first!.analysis!.text !== undefined, second!.analysis!.text]).toEqual([true, undefined]);
      const ids = (chains: ChainsRow['chains']) => chains.flatMap(({ neighbour }) => neighbour?.userId ?? []);
      expect(ids(second!.chains)).toEqual(ids(first!.chains));
    }
    const part = await run([...words, '--limit', '7']);
    const resumed = await run([...words, '--resume'], part.place);
    expect(resumed.rows.map((one) => ({ ...one, ms: 0, crc: '' }))).toEqual(rows);
  });

  it('judges again with users at random in place of similar ones, and tells the difference', async () => {
    const words = ['--levels', 'ind-2+pro-2', '--control', 'random,none'];
    const { code, out, rows, report } = await run(words);
    expect(code).toBe(0);
    const drawn = (one: ChainsRow) => one.random!.map(({ neighbour }) => neighbour!.userId);
    for (const one of rows) {
      expect(one.random!.map(({ level, index }) => [level, index])).toEqual([
        ['prototype', 0],
        ['prototype', 1],
      ]);
      for (const user of drawn(one)) expect(['u8', 'u9', 'u10', 'u11', one.user]).not.toContain(user);
    }
    // The closest users are of the same style; users at random are anybody.
    expect(new Set(rows.flatMap(drawn)).size).toBeGreaterThan(4);
    const told = report.personal!.controls.map(({ control, level }) => [control, level]);
    expect(told).toEqual([
      ['none', 'ind-2'],
      ['random', 'ind-2+pro-2'],
      ['alone', 'ind-2+pro-2'],
    ]);
    expect(out).toMatch(/similar users - random users/);
    const again = await run(words);
    expect(again.rows.map(drawn)).toEqual(rows.map(drawn));
    await expect(run(['--levels', 'ind-2', '--control', 'random'])).rejects.toMatchObject(
      error('INVALID_OPTION', /--bank/),
    );
  });

  it('refuses to sample where every user of the bank is evaluated', async () => {
    const place = await temporaryFolder();
    const data = await writeRows(join(place, 'data.jsonl'), styledRows(12, 1));
    const words = [data, '--out', join(place, 'out'), '--bank', bankPath, '--levels', 'ind-1+pro-1'];
    await expect(evalWith(words, host)).rejects.toMatchObject(
      error('INVALID_OPTION', /all 12 users of the bank .* are evaluated too.*--bank-overlap own/),
    );
  });
});

describe('withoutUsers', () => {
  it('answers as the bank does with the users barred', async () => {
    await using bank = await PrototypeBank.open(bankPath);
    const barred = new Set(['u0', 'u3', 'u4', 'u5', 'u6']);
    const view = withoutUsers(bank, barred);
    const { vectors } = await new FakeEmbedder().embed(['poetic poetic replies']);
    for (const n of [1, 3, 5, 7, 20]) {
      const expected = await bank.similarUsers(vectors, n, { exclude: [...barred, 'u1'] });
      const found = await view.similarUsers(vectors, n, { exclude: ['u1'] });
      expect(found.map(({ userId }) => userId)).toEqual(expected.map(({ userId }) => userId));
    }
    expect(view.dimension).toBe(bank.dimension);
    expect(await view.user('u0')).toEqual(await bank.user('u0'));
    expect(withoutUsers(bank, new Set())).toBe(bank);
  });
});

describe('overlapWith and userGroups', () => {
  it('finds evaluated users of the bank, each once', async () => {
    await using bank = await PrototypeBank.open(bankPath);
    const data = await dataOf(await temporaryFolder(), [
      ...evaluated,
      { prompt: 'q', chosen: 'a', rejected: 'b' },
    ]);
    expect([...(await overlapWith(data, bank))]).toEqual(['u8', 'u9', 'u10', 'u11']);
    const reason = new Error('enough');
    await expect(overlapWith(data, bank, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it('reads groups of a users file, and none of labelled pairs', async () => {
    const place = await temporaryFolder();
    const users = await writeRows(join(place, 'users.jsonl'), [
      { user_id: 'a', group: 'train' },
      { user_id: 'b', group: ' Unseen ' },
      { user_id: 'c' },
      { user_id: 'd', group: 7 },
    ]);
    expect(Object.fromEntries(await userGroups(users))).toEqual({ a: 'seen', b: 'unseen' });
    const pairs = await writeRows(join(place, 'pairs.jsonl'), styledRows(2, 1));
    expect((await userGroups(pairs)).size).toBe(0);
  });
});
