import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { runCli } from '../../src/cli/run-cli.js';
import type { LoadOptions } from '../../src/reward-model/reward-model.js';
import type { RowRecord } from '../../src/run/scoring/row-record.js';
import { suiteFolder } from '../bank/made-bank.js';
import { type BankWorld, bankWorld } from '../reward-model/bank-world.js';
import { row, temporaryFolder, writeRows } from '../support/preference-file.js';

const banks = await suiteFolder();

interface Ended {
  readonly code: number;
  readonly stderr: string;
  readonly loaded: LoadOptions[];
  readonly records: RowRecord[];
}

async function score(words: readonly string[], world?: BankWorld): Promise<Ended> {
  const folder = await temporaryFolder();
  const past = row(9, { user_id: 'u0', split: 'train' });
  const rows = [0, 1, 2, 3].map((index) => row(index));
  const data = await writeRows(join(folder, 'data.jsonl'), [past, ...rows]);
  const out = join(folder, 'scores.jsonl');
  const err = new PassThrough();
  let stderr = '';
  err.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const loaded: LoadOptions[] = [];
  const code = await runCli(['score', data, '--split', 'test', '--out', out, ...words], {
    out: new PassThrough() as never,
    err: err as never,
    loadModel: async (options = {}) => {
      loaded.push(options);
      return (world ?? (await bankWorld(banks))).model;
    },
  });
  const text = await readFile(out, 'utf8').catch(() => '');
  const records = text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as RowRecord);
  return { code, stderr, loaded, records };
}

describe('pgenrm score with both levels', () => {
  it('loads the bank and hands the options on', async () => {
    const { code, stderr, loaded, records } = await score([
      '--ind=4',
      '--pro=2',
      '--bank=some/bank',
      '--embedder=some.gguf',
      '--retrieve-by=history',
      '--adaptive=0.1',
      '--neighbour-weights=similarity',
      '--individual-share=1',
    ]);
    expect(stderr).toContain('4 scored');
    expect(code).toBe(0);
    expect(loaded).toMatchObject([{ bank: 'some/bank', embedder: 'some.gguf' }]);
    expect(records).toHaveLength(4);
    // One of the users has made a choice before.
    expect(new Set(records.map(({ retrieval }) => retrieval!.by))).toEqual(new Set(['history', null]));
    // All the weight is the own chains': each score is their mean, whatever the similar users say.
    for (const { scores, levels } of records)
      if (levels!.individual.scores !== null) expect(scores).toEqual(levels!.individual.scores);
    for (const { scaling } of records)
      expect(scaling).toMatchObject({ planned: { individual: 4 }, risk: 0.1 });
  });

  it('takes --adaptive without a number as 0.05, and says what it saved', async () => {
    const { code, stderr, records } = await score(['--ind=16', '--adaptive']);
    expect(code).toBe(0);
    expect(records[0]!.scaling).toMatchObject({ risk: 0.05 });
    const saved = records.reduce((sum, { scaling }) => sum + scaling!.saved, 0);
    expect(saved).toBeGreaterThan(0);
    expect(stderr).toContain(`saved     ${saved} of 64 chains`);
  });

  it('says how many rows were short of similar users', async () => {
    const { stderr } = await score(['--pro=2', '--bank=bank', '--retrieve-by=history']);
    expect(stderr).toMatch(/similar {3}2 rows had fewer similar users than asked for, or none/);
  });

  it.each([
    [['--pro=2'], /--pro 2 needs a prototype bank; name it with --bank BANK/],
    [['--bank=bank'], /no part in a run without --pro N/],
    [['--embedder=x.gguf'], /name the bank with --bank/],
    [['--pro=-1', '--bank=bank'], /It must be an integer from 0 to 1024/],
    [['--adaptive=0.7'], /It must be a number from 0 to 0.5/],
    [['--adaptive=often'], /It must be a number/],
    [['--retrieve-by=luck'], /Allowed choices are chain, history/],
    [['--individual-share=0.7'], /--individual-share has no part in a run without --pro N/],
    [['--individual-share=2', '--pro=2', '--bank=bank'], /It must be a number from 0 to 1/],
    [['--aggregate=best'], /Allowed choices are mean, median, trimmed, wins/],
  ])('%s is bad usage, told before a model is loaded', async (words, message) => {
    const { code, stderr, loaded, records } = await score(words);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
    expect(loaded).toHaveLength(0);
    expect(records).toHaveLength(0);
  });

  it('refuses adaptive medians', async () => {
    const { code, stderr } = await score(['--ind=8', '--adaptive', '--aggregate=median']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/needs the method mean or wins/);
  });
});
