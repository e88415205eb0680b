import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { chainSeed } from '../../src/chain/chain-seed.js';
import type { ChainsRow } from '../../src/evaluation/chains/chains-record.js';
import type { EvaluationReport } from '../../src/evaluation/report/report.js';
import { byLength, promptText } from '../support/fake-generator.js';
import { row, temporaryFolder, writeGoodRows, writeRows } from '../support/preference-file.js';
import { fakeEval } from './fake-eval.js';

const FEW = ['--resamples', '200', '--quiet'];
let folder: string;
let data: string;
let out: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  data = await writeGoodRows(join(folder, 'data.jsonl'), 12);
  out = join(folder, 'out');
});

const words = (...more: string[]): string[] => [data, '--out', out, ...FEW, ...more];

async function chainLines(): Promise<string[]> {
  return (await readFile(join(out, 'chains.jsonl'), 'utf8')).split('\n').slice(0, -1);
}

async function rows(): Promise<ChainsRow[]> {
  return (await chainLines()).slice(1).map((line) => JSON.parse(line) as ChainsRow);
}

async function report(): Promise<EvaluationReport> {
  return JSON.parse(await readFile(join(out, 'report.json'), 'utf8')) as EvaluationReport;
}

describe('pgenrm eval', () => {
  it('samples the largest level once a row and tells every level', async () => {
    const { code, out: text, generators } = await fakeEval(words('--levels', '1,ind-2,ind-4'));
    expect(code).toBe(0);
    for (const level of ['1', 'ind-2', 'ind-4', 'longest response']) expect(text).toContain(level);
    const stored = await rows();
    expect(stored).toHaveLength(12);
    for (const { chains } of stored) expect(chains).toHaveLength(4);
    const seeds = generators[0]!.requests.flatMap(({ seeds: asked }) => [...asked]);
    expect(seeds).toHaveLength(48);
    const first = stored[0]!;
    expect(first.chains.map(({ seed }) => seed)).toEqual(
      [0, 1, 2, 3].map((index) => chainSeed({ seed: 0, key: 'c0', level: 'individual', index, attempt: 1 })),
    );
    expect((await readdir(out)).sort()).toEqual([
      'chains.jsonl',
      'figures.csv',
      'report.html',
      'report.json',
      'report.md',
    ]);
    const { levels, rows: counts, protocol } = await report();
    expect(levels.map(({ name }) => name)).toEqual(['1', 'ind-2', 'ind-4']);
    expect(counts).toMatchObject({ evaluated: 12, users: 3, asked: 12, read: 12 });
    expect(protocol.name).toBe('personal-reward-bench');
  });

  it('computes the same again from the chains, and other levels, without a model', async () => {
    await fakeEval(words('--levels', '1,ind-4'));
    const sampled = await report();
    const from = ['--from', join(out, 'chains.jsonl'), ...FEW];
    const again = await fakeEval([...from, '--levels', '1,ind-4', '--json']);
    expect(again.generators).toEqual([]);
    expect(again.code).toBe(0);
    expect({ ...JSON.parse(again.out), created: '' }).toEqual({ ...sampled, created: '' });
    const other = await fakeEval([...from, '--levels', 'ind-2', '--out', join(folder, 'other')]);
    expect(other.code).toBe(0);
    expect(await readdir(join(folder, 'other'))).not.toContain('chains.jsonl');
    const larger = await fakeEval([...from, '--levels', 'ind-8']);
    expect(larger.code).toBe(2);
    expect(larger.err).toMatch(/level ind-8 needs 8 individual/);
  });

  it('judges without history and criteria for the baseline, and shows nothing of the user there', async () => {
    const train = Array.from({ length: 6 }, (_, index) =>
      row(100 + index, { split: 'train', chosen: { role: 'assistant', content: 'treasured' } }),
    );
    const both = await writeRows(join(folder, 'both.jsonl'), [...train, row(1), row(2)]);
    const users = await writeRows(join(folder, 'users.jsonl'), [
      { user_id: 'u1', group: 'train', stated_criteria: 'cherished' },
      { user_id: 'u2', group: 'unseen' },
    ]);
    const { code, generators } = await fakeEval([
      ...[both, '--out', out, ...FEW],
      ...['--users', users, '--control', 'none', '--levels', 'ind-2'],
    ]);
    expect(code).toBe(0);
    const { baselines, chains } = await report();
    expect(chains.identity.data.split).toBe('test');
    expect(baselines.map(({ name }) => name)).toEqual([
      ...['1', 'no history', 'longest response', "others' choices"],
      ...['style, own choices', "style, everybody's choices", 'style, both'],
    ]);
    const stored = await rows();
    expect(stored.map(({ history, criteria, group }) => [history, criteria, group])).toEqual([
      [2, true, 'seen'],
      [2, false, 'unseen'],
    ]);
    for (const { noHistory } of stored) expect(noHistory!.map(({ order }) => order[0])).toHaveLength(2);
    const prompts = generators[0]!.requests.map(({ prompt }) => promptText(prompt));
    const bare = prompts.filter((prompt) => !prompt.includes('treasured'));
    expect(bare).toHaveLength(4);
    for (const prompt of bare) expect(prompt).not.toContain('cherished');
    expect(prompts.some((prompt) => prompt.includes('cherished'))).toBe(true);
  });

  it('shows every pair in both orders at one chain too, where the protocol says so', async () => {
    await fakeEval(words('--levels', '1'));
    for (const { chains } of await rows()) expect(chains.map(({ order }) => order[0]).sort()).toEqual([0, 1]);
    const plain = join(folder, 'plain');
    await fakeEval([data, '--out', plain, ...FEW, '--levels', '1', '--protocol', 'plain']);
    const [, line] = (await readFile(join(plain, 'chains.jsonl'), 'utf8')).split('\n');
    expect((JSON.parse(line!) as ChainsRow).chains).toHaveLength(1);
  });

  it('goes on after its last row, and refuses to with other options', async () => {
    await fakeEval(words('--levels', 'ind-2'));
    const whole = await chainLines();
    const exists = await fakeEval(words('--levels', 'ind-2'));
    expect(exists.code).toBe(2);
    expect(exists.err).toMatch(/INVALID_OPTION.*exists.*--resume/);
    const other = await fakeEval(words('--levels', 'ind-2', '--seed', '4', '--resume'));
    expect(other.code).toBe(2);
    expect(other.err).toMatch(/RUN_MISMATCH.*seed was 0, is 4/);
    const again = await fakeEval(words('--levels', 'ind-2', '--resume'));
    expect(again.code).toBe(0);
    expect(again.generators[0]!.requests).toEqual([]);
    expect(await chainLines()).toEqual(whole);
    expect((await fakeEval(words('--levels', 'ind-2', '--force'))).generators[0]!.requests).not.toEqual([]);
  });

  it('takes a group of users, evenly, and more of their rows later', async () => {
    const users = await writeRows(join(folder, 'users.jsonl'), [
      { user_id: 'u0', group: 'unseen' },
      { user_id: 'u1', group: 'train' },
      { user_id: 'u2', group: 'unseen' },
    ]);
    const asked = (n: string, ...more: string[]): string[] =>
      words('--users', users, '--group', 'unseen', '--levels', 'ind-2', '--rows-per-user', n, ...more);
    const [first, second] = [await fakeEval(asked('2')), await fakeEval(asked('3', '--resume'))];
    expect([first.code, second.code]).toEqual([0, 0]);
    // Two orders a row; the second run samples the new rows alone.
    expect(first.generators[0]!.requests).toHaveLength(8);
    expect(second.generators[0]!.requests).toHaveLength(4);
    expect((await report()).rows).toMatchObject({ asked: 6, read: 6, users: 2 });
    const { chains } = await report();
    expect(chains.identity.data.group).toBe('unseen');
    const seen = (await chainLines()).map((line) => JSON.parse(line) as Partial<ChainsRow>);
    expect(seen.flatMap(({ user }) => user ?? [])).toEqual(['u0', 'u2', 'u0', 'u2', 'u0', 'u2']);
    const other = await fakeEval(words('--users', users, '--levels', 'ind-2', '--resume'));
    expect(other.err).toMatch(/RUN_MISMATCH.*group was unseen, is none/);
    expect((await fakeEval(words('--force', '--users', users, '--group', 'no'))).err).toMatch(
      /of: seen, unseen/,
    );
  });

  it('counts rows that fail or do not fit, and ends with 3', async () => {
    const mixed = await writeRows(join(folder, 'mixed.jsonl'), [
      row(0),
      { nonsense: true },
      row(1),
      ...Array.from({ length: 9 }, (_, index) => row(2 + index)),
    ]);
    const { code, out: text } = await fakeEval([mixed, '--out', out, ...FEW, '--levels', '1'], {
      script: (sample) => (sample.prompt.includes('query 1 end') ? 'no chain' : byLength(sample)),
    });
    expect(code).toBe(3);
    expect(text).toMatch(/1 row does not fit the format/);
    const { levels, singleChains } = await report();
    expect(levels[0]!.counts.failed).toBeGreaterThanOrEqual(1);
    expect(singleChains.individual!.usable.value).toBeLessThan(1);
  });

  it('keeps texts only where asked to', async () => {
    await fakeEval(words('--levels', '1'));
    expect(await readFile(join(out, 'chains.jsonl'), 'utf8')).not.toContain('PART 1');
    await fakeEval(words('--levels', '1', '--force', '--texts'));
    expect((await rows())[0]!.chains[0]!.text).toContain('PART 1');
  });

  it.each([
    ['data and stored chains', ['DATA', '--from', 'x'], /either preference data/],
    ['neither', [], /either preference data/],
    ['no folder', ['DATA'], /--out FOLDER/],
    ['a sampling option with stored chains', ['--from', 'x', '--seed', '3'], /--seed has no part/],
    ['a bank-less prototype level', ['DATA', '--out', 'OUT', '--levels', 'ind-2+pro-1'], /--bank BANK/],
    ['a bank without a prototype level', ['DATA', '--out', 'OUT', '--levels', '1', '--bank', 'b'], /no part/],
    ['an embedder without bank', ['DATA', '--out', 'OUT', '--embedder', 'e'], /--embedder is that of a bank/],
    ['no level', ['DATA', '--out', 'OUT', '--levels', 'ind-0'], /scaling level must be/],
    ['a level twice', ['DATA', '--out', 'OUT', '--levels', '1,ind-1'], /listed twice/],
    ['a number out of range', ['DATA', '--out', 'OUT', '--resamples', '1'], /integer from 100/],
  ])('refuses %s', async (_, given, why) => {
    const { code, err, generators } = await fakeEval(
      given.map((word) => (word === 'DATA' ? data : word === 'OUT' ? out : word)),
    );
    expect(code).toBe(2);
    expect(err).toMatch(why);
    expect(generators).toEqual([]);
  });

  it('says what is wrong with files that are not there or not right', async () => {
    expect((await fakeEval(['--from', join(folder, 'absent')])).err).toMatch(/INPUT_NOT_FOUND/);
    expect((await fakeEval(['--from', data])).err).toMatch(/INPUT_MALFORMED.*header/);
    expect((await fakeEval([join(folder, 'absent'), '--out', out])).err).toMatch(/INPUT_NOT_FOUND/);
    expect((await fakeEval([data, '--out', data])).err).toMatch(/OUTPUT_FAILED/);
  });
});
