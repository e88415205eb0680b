import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ChainsRow } from '../../src/evaluation/chains/chains-record.js';
import type { EvaluationReport } from '../../src/evaluation/report/report.js';
import { makeFolder, parquet, type Row } from '../data/made-files.js';
import { NO_MODEL, NOT_BUILT, pgenrm } from '../support/cli-process.js';
import { byLength, chainText, type FakeOptions, promptText } from '../support/fake-generator.js';
import { fakeEval } from './fake-eval.js';

const file = makeFolder();
const QUICK = ['--quiet', '--resamples', '100'];

/** PRISM as PersonalRewardBench has it: single turns, replies of a model, whole numbers beside them. */
function prismRow(user: number, split: string, number: number): Row {
  const name = `${split} ${user}-${number}`;
  return {
    conversation_id: `prism-${split}-${user}-${number}`,
    user_id: `prism-${user}`,
    context: [{ role: 'user', content: `question ${name}` }],
    chosen: { role: 'model', content: `good ${name} ${'+'.repeat(number)}` },
    rejected: { role: 'model', content: `poor ${name}` },
    turns: 1,
    split,
  };
}

/** Chatbot Arena: several turns before the replies, users as numbers of judges. */
function arenaRow(user: number, split: string, number: number): Row {
  const row = prismRow(user, split, number);
  return {
    ...row,
    conversation_id: `arena-${split}-${user}-${number}`,
    user_id: `arena_user_${user}`,
    context: [
      { role: 'user', content: `opening ${user}-${number}` },
      { role: 'assistant', content: `earlier reply ${user}-${number}` },
      ...(row.context as object[]),
    ],
    turns: 2,
  };
}

const SHAPES = [
  ['PRISM', prismRow],
  ['Chatbot Arena', arenaRow],
] as const;

/** Three users with two train, two validation and two test rows each. */
function rowsOf(rowOf: typeof prismRow): Row[] {
  return [0, 1, 2].flatMap((user) =>
    ['train', 'val', 'test'].flatMap((split) => [1, 2].map((number) => rowOf(user, split, number))),
  );
}

async function evaluated(rows: readonly Row[], more: readonly string[] = [], fake: FakeOptions = {}) {
  const data = file('data.parquet', parquet(rows));
  const out = join(dirname(data), `out-${Math.random()}`);
  const { code, generators } = await fakeEval([data, '--out', out, ...QUICK, ...more], fake);
  const report = JSON.parse(await readFile(join(out, 'report.json'), 'utf8')) as EvaluationReport;
  const lines = (await readFile(join(out, 'chains.jsonl'), 'utf8')).split('\n').slice(1, -1);
  const prompts = generators[0]!.requests.map(({ prompt }) => promptText(prompt));
  return { code, report, prompts, rows: lines.map((line) => JSON.parse(line) as ChainsRow) };
}

const historyOf = (prompt: string): string => prompt.split('[The Start of User Input]')[0]!;
const inputOf = (prompt: string): string => prompt.split('[The Start of User Input]')[1]!;

describe.each(SHAPES)('PersonalRewardBench on %s parquet', (_, rowOf) => {
  it('judges test rows in both orders, with train and validation rows as history', async () => {
    const { code, report, prompts, rows } = await evaluated(rowsOf(rowOf), ['--levels', '1,ind-2']);
    expect(code).toBe(0);
    expect(report.protocol.name).toBe('personal-reward-bench');
    expect(report.chains.identity.data).toMatchObject({ format: 'personal-reward-bench', split: 'test' });
    expect(report.rows).toMatchObject({ evaluated: 6, users: 3, invalid: 0 });
    expect(rows.map(({ split }) => split)).toEqual(Array(6).fill('test'));
    // One chain is sampled in either order, so level 1 holds two judgments a row.
    expect(prompts).toHaveLength(12);
    expect(report.levels[0]!.cost!.judgmentsPerRow).toBe(2);
    for (const user of [0, 1, 2])
      for (const number of [1, 2]) {
        const name = `test ${user}-${number}`;
        const own = prompts.filter((prompt) => inputOf(prompt).includes(`question ${name}`));
        const places = own.map((prompt) => prompt.indexOf(`good ${name}`) < prompt.indexOf(`poor ${name}`));
        expect(places.sort()).toEqual([false, true]);
        for (const history of own.map(historyOf)) {
          for (const split of ['train', 'val'])
            for (const other of [1, 2]) expect(history).toContain(`good ${split} ${user}-${other}`);
          expect(history).not.toContain('good test');
          expect(history.match(/Chosen \d+: good/g)).toHaveLength(4);
        }
      }
  });

  it('leaves each validation row out of its own history, and no other row', async () => {
    const { prompts, report } = await evaluated(rowsOf(rowOf), ['--levels', '1', '--split', 'validation']);
    expect(report.rows.evaluated).toBe(6);
    for (const prompt of prompts) {
      const [, user, number] = /question val (\d)-(\d)/.exec(inputOf(prompt))!;
      const history = historyOf(prompt);
      const other = number === '1' ? 2 : 1;
      expect(history).toContain(`good val ${user}-${other}`);
      expect(history).toContain(`good train ${user}-1`);
      expect(history).toContain(`good train ${user}-2`);
      expect(history).not.toContain(`good val ${user}-${number}`);
      expect(history).not.toContain('good test');
    }
  });

  it('counts ties as wrong, and shows them as half and left out beside it', async () => {
    // User 0 is always a tie, user 1 right, user 2 wrong.
    const script: FakeOptions['script'] = ({ prompt, responses }) => {
      const user = /question test (\d)/.exec(prompt)![1];
      return chainText(
        responses.map((text) => (user === '0' ? 5 : text.startsWith(user === '1' ? 'good' : 'poor') ? 8 : 3)),
      );
    };
    const { report } = await evaluated(rowsOf(rowOf), ['--levels', '1'], { script });
    const [level] = report.levels;
    expect(report.settings.ties).toBe('wrong');
    expect(level!.counts).toEqual({ correct: 2, tied: 2, wrong: 2, failed: 0 });
    expect(level!.accuracy.wrong.value).toBeCloseTo(1 / 3, 12);
    expect(level!.accuracy.half.value).toBeCloseTo(1 / 2, 12);
    expect(level!.accuracy.excluded.value).toBeCloseTo(1 / 2, 12);
    expect(level!.perUser.value).toBeCloseTo(1 / 3, 12);
  });

  it('gives a model that only looks at the place no more than chance', async () => {
    const script: FakeOptions['script'] = ({ responses }) =>
      chainText(responses.map((_text, place) => (place === 0 ? 9 : 1)));
    const { report } = await evaluated(rowsOf(rowOf), ['--levels', '1,ind-2'], { script });
    expect(report.levels[0]!.accuracy.wrong.value).toBe(0.5);
    // Both orders together are a tie, which is wrong.
    expect(report.levels[1]!.accuracy.wrong.value).toBe(0);
    expect(report.singleChains.individual!.prefersFirst.value).toBe(1);
  });

  it('shows the same number of history events at every level', async () => {
    const { prompts, report } = await evaluated(rowsOf(rowOf), [
      ...['--levels', '1,ind-4', '--history-events', '3'],
    ]);
    for (const prompt of prompts) expect(historyOf(prompt).match(/Chosen \d+: good/g)).toHaveLength(3);
    expect(report.chains.identity.sampling.historyEvents).toBe(3);
  });

  it('judges a user without train rows by what is there, and says so in the breakdown', async () => {
    const rows = rowsOf(rowOf).filter(
      ({ user_id, split }) => !String(user_id).endsWith('2') || split === 'test',
    );
    const { code, report, rows: judged } = await evaluated(rows, ['--levels', '1'], { script: byLength });
    expect(code).toBe(0);
    expect(judged.map(({ history, status }) => `${history} ${status}`)).toEqual(
      ['4', '4', '4', '4', '0', '0'].map((history) => `${history} judged`),
    );
    const kinds = report.breakdown.filter(({ name, trait }) => name === '1' && trait === 'history');
    expect(kinds.map(({ value, accuracy }) => [value, accuracy.rows])).toEqual([
      ['0', 2],
      ['3-5', 4],
    ]);
  });
});

describe.skipIf(NO_MODEL !== null || NOT_BUILT !== null)('PersonalRewardBench with the bundled model', () => {
  it.each(SHAPES)('evaluates %s parquet from file to report', { timeout: 120_000 }, async (_, rowOf) => {
    const data = file('nano.parquet', parquet(rowsOf(rowOf).slice(0, 6)));
    const out = join(dirname(data), `nano-${Math.random()}`);
    const { code, stderr } = await pgenrm([
      ...[
        'eval',
        data,
        '--out',
        out,
        '--levels',
        '1,ind-2',
        '--max-tokens',
        '448',
        '--context',
        '2048',
        ...QUICK,
      ],
    ]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const report = JSON.parse(await readFile(join(out, 'report.json'), 'utf8')) as EvaluationReport;
    expect(report.rows).toMatchObject({ evaluated: 2, users: 1, failed: 0 });
    expect(report.singleChains.individual!.chains).toBe(4);
    expect(report.levels.map(({ name }) => name)).toEqual(['1', 'ind-2']);
    expect(report.levels[0]!.accuracy.wrong.byUsers.untold).toContain('too few');
  });
});
