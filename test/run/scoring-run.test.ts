import { appendFile, mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { openPreferenceData } from '../../src/data/preference-data.js';
import { PgenrmError } from '../../src/errors.js';
import { RewardModel } from '../../src/reward-model/reward-model.js';
import type { RowRecord } from '../../src/run/scoring/row-record.js';
import type { RunSummary } from '../../src/run/scoring/run-journal.js';
import type { RunManifest } from '../../src/run/scoring/run-manifest.js';
import { type OutputMode, openRunOutput, streamOutput } from '../../src/run/scoring/run-output.js';
import { type RunEvent, runScoring, type ScoringRunOptions } from '../../src/run/scoring/scoring-run.js';
import { byLength, FakeGenerator, type FakeOptions, type FakeSample } from '../support/fake-generator.js';
import { row, temporaryFolder, writeGoodRows, writeRows } from '../support/preference-file.js';

let folder: string;
let dataPath: string;
let out: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  dataPath = await writeGoodRows(join(folder, 'data.jsonl'), 12);
  out = join(folder, 'scores.jsonl');
});

interface RunChanges extends Partial<Omit<ScoringRunOptions, 'data' | 'model' | 'output'>> {
  readonly mode?: OutputMode;
  readonly fake?: FakeOptions;
  readonly sha256?: string;
}

async function run(changes: RunChanges = {}): Promise<RunSummary> {
  const { mode = 'new', fake = {}, sha256 = 'abc', ...options } = changes;
  await using output = await openRunOutput(out, mode);
  const data = await openPreferenceData(dataPath);
  await using model = await RewardModel.over(new FakeGenerator(fake), { modelSha256: sha256 });
  return await runScoring({ data, model, output, ...options });
}

async function lines(): Promise<RowRecord[]> {
  const text = await readFile(out, 'utf8');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as RowRecord);
}

async function manifest(): Promise<RunManifest> {
  return JSON.parse(await readFile(`${out}.manifest.json`, 'utf8')) as RunManifest;
}

/** Without times, which differ from run to run. */
function timeless(records: readonly RowRecord[]): object[] {
  return records.map(({ ms: _, ...rest }) => rest);
}

const ofRow = ({ prompt }: FakeSample): number =>
  Number(/query (\d+) end\n\[The End of User Input/.exec(prompt)![1]);
const losing =
  (...indices: number[]) =>
  (sample: FakeSample): string =>
    indices.includes(ofRow(sample)) ? 'nothing to read' : byLength(sample);

describe('a run', () => {
  it('writes one line a row, in order, and a manifest', async () => {
    const events: RunEvent[] = [];
    const summary = await run({ judge: { individual: 2, seed: 7 }, onEvent: (event) => events.push(event) });
    const records = await lines();
    expect(records.map((record) => record.id)).toEqual(Array.from({ length: 12 }, (_, index) => `c${index}`));
    expect(records.map((record) => record.row)).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
    for (const record of records) {
      expect(record).toMatchObject({ status: 'scored', split: 'test', usable: 2, lost: {}, usedEvents: 0 });
      expect(record.correct).toBe(record.winner === record.label);
      expect(record.chains).toBeUndefined();
    }
    expect(summary).toMatchObject({
      status: 'finished',
      rows: 12,
      counts: { rows: 12, scored: 12, usableChains: 24 },
    });
    const correct = records.filter((record) => record.correct).length;
    expect(summary.accuracy).toMatchObject({ correct, labelled: 12, value: correct / 12 });
    expect(events.map((event) => event.type).filter((type) => type !== 'progress')).toEqual([
      'started',
      ...Array(12).fill('row'),
      'finished',
    ]);
    const judged = events.flatMap((event) => (event.type === 'progress' ? [event.judged] : []));
    expect(judged.at(-1)).toMatchObject({ rows: 12 });
    expect(judged.at(-1)!.tokens).toBe(summary.session.generatedTokens);
    expect(await manifest()).toMatchObject({
      pgenrmManifest: 1,
      status: 'finished',
      limit: null,
      rowsInData: 12,
      paths: { data: dataPath, users: null },
      identity: {
        data: { fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/), format: 'personal-reward-bench' },
        model: { sha256: 'abc' },
        template: { name: 'compact', hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
        options: { individual: 2, seed: 7, temperature: 1 },
      },
      counts: { scored: 12 },
      accuracy: { labelled: 12 },
      sessions: [
        { status: 'finished', rows: 12, node: process.versions.node, generator: { backend: 'cpu' } },
      ],
    });
    expect((await readdir(folder)).sort()).toEqual([
      'data.jsonl',
      'scores.jsonl',
      'scores.jsonl.manifest.json',
    ]);
  });

  it('keeps the chains where asked to', async () => {
    await run({ chains: true, judge: { individual: 2 }, limit: 1 });
    const [record] = await lines();
    expect(record!.chains).toHaveLength(2);
    expect(record!.chains![0]).toMatchObject({
      level: 'individual',
      index: 0,
      lost: null,
      finish: 'stop',
      text: expect.stringContaining('PART 2'),
    });
  });

  it('says of every row that fails why, and goes on', async () => {
    dataPath = await writeRows(join(folder, 'mixed.jsonl'), [
      row(0),
      '{"broken',
      row(1),
      row(2, { chosen: undefined }),
      row(3),
      row(4, { context: [{ role: 'user', content: `query 4 end ${'long '.repeat(1000)}` }] }),
    ]);
    const summary = await run({ fake: { script: losing(1), contextTokens: 4000 }, judge: { individual: 3 } });
    const records = await lines();
    expect(records.map((record) => record.status)).toEqual([
      'scored',
      'invalid',
      'failed',
      'invalid',
      'scored',
      'failed',
    ]);
    expect(records.map((record) => record.row)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(records[1]!.reason).toBeTruthy();
    expect(records[2]).toMatchObject({ scores: null, winner: null, lost: { noJson: 3 }, correct: false });
    expect(records[3]!.reason).toMatch(/chosen/);
    expect(records[5]).toMatchObject({ error: { code: 'CONTEXT_OVERFLOW' }, scores: null, correct: false });
    expect(summary.counts).toMatchObject({ scored: 2, failed: 2, invalid: 2, lostChains: { noJson: 3 } });
    expect(summary.accuracy!.labelled).toBe(4);
  });

  it('ends where the generator is broken for good, what is written stays', async () => {
    const script = (sample: FakeSample): string => {
      if (ofRow(sample) === 5) throw new PgenrmError('INTERNAL', 'the engine is gone');
      return byLength(sample);
    };
    await expect(run({ fake: { script }, concurrency: 1 })).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(await lines()).toHaveLength(5);
    expect(await manifest()).toMatchObject({
      status: 'broken',
      sessions: [{ error: 'the engine is gone', rows: 5 }],
    });
    await run({ mode: 'resume' });
    expect(await lines()).toHaveLength(12);
  });

  it('judges rows of one user together, and writes what it writes without', async () => {
    dataPath = await writeRows(join(folder, 'mixed.jsonl'), [
      ...Array.from({ length: 9 }, (_, index) => row(index)),
      'no JSON',
      row(10, { user_id: undefined }),
      ...Array.from({ length: 9 }, (_, index) => row(11 + index)),
    ]);
    const scoredWith = async (reorder?: number) => {
      const begun: number[] = [];
      const script = (sample: FakeSample): string => {
        begun.push(ofRow(sample) % 3);
        return losing(7)(sample);
      };
      const mode = 'overwrite';
      await run({ mode, fake: { script }, concurrency: 1, ...(reorder === undefined ? {} : { reorder }) });
      const turns = begun.filter((user, at) => at > 0 && user !== begun[at - 1]).length;
      return { turns, records: timeless(await lines()), reorder: (await manifest()).reorder };
    };
    const plain = await scoredWith(1);
    expect(plain).toMatchObject({ turns: 18, reorder: 1 });
    for (const reorder of [3, 7, undefined]) {
      const together = await scoredWith(reorder);
      expect(together.records).toEqual(plain.records);
      expect(together.turns).toBeLessThan(plain.turns);
      expect(together.reorder).toBe(reorder ?? 64);
    }
  });

  it('to a stream writes lines and nothing else', async () => {
    const { PassThrough } = await import('node:stream');
    const stream = new PassThrough();
    await using output = streamOutput(stream);
    const data = await openPreferenceData(dataPath);
    const model = await RewardModel.over(new FakeGenerator());
    const summary = await runScoring({ data, model, output, limit: 3 });
    stream.end();
    const text = (await stream.toArray()).join('');
    expect(text.split('\n')).toHaveLength(4);
    expect(summary.counts.scored).toBe(3);
  });

  it('refuses options out of range before anything is written', async () => {
    for (const options of [
      { limit: 0 },
      { concurrency: 300 },
      { reorder: 0 },
      { judge: { individual: 0 } },
    ]) {
      await expect(run(options)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    }
    expect(await readdir(folder)).toEqual(['data.jsonl']);
  });
});

describe('resuming', () => {
  it('gives the very rows of a run that was never stopped', async () => {
    await run({ judge: { individual: 3 } });
    const whole = await lines();
    const end = whole.length;
    for (const [after, reorder] of [0, 1, 5, 11].flatMap((rows) =>
      [1, 4, 64].map((window) => [rows, window]),
    )) {
      const controller = new AbortController();
      const first = await run({
        mode: 'overwrite',
        judge: { individual: 3 },
        reorder: reorder!,
        fake: { delayMs: 1 },
        signal: controller.signal,
        onEvent: (event) => {
          if (event.type === 'row' && event.done === after) controller.abort();
          if (event.type === 'started' && after === 0) controller.abort();
        },
      });
      expect(first).toMatchObject({ status: 'stopped', counts: { rows: after } });
      expect((await manifest()).status).toBe('stopped');
      const second = await run({ mode: 'resume', judge: { individual: 3 }, reorder: reorder! });
      expect(second).toMatchObject({
        status: 'finished',
        counts: { rows: end },
        session: { rows: end - after! },
      });
      expect(timeless(await lines())).toEqual(timeless(whole));
      expect((await manifest()).sessions.map((session) => session.status)).toEqual(['stopped', 'finished']);
    }
  });

  it('cuts off a half-written last line, one that does not parse too', async () => {
    await run();
    const whole = await lines();
    const text = await readFile(out, 'utf8');
    await truncate(out, text.length - 25);
    await run({ mode: 'resume' });
    expect(timeless(await lines())).toEqual(timeless(whole));
    await truncate(out, text.split('\n').slice(0, 7).join('\n').length + 1);
    await appendFile(out, `${'\0'.repeat(30)}\n`);
    await run({ mode: 'resume' });
    expect(timeless(await lines())).toEqual(timeless(whole));
  });

  it('of a finished run adds nothing', async () => {
    await run();
    const before = await readFile(out, 'utf8');
    const summary = await run({ mode: 'resume' });
    expect(summary.session.rows).toBe(0);
    expect(await readFile(out, 'utf8')).toBe(before);
  });

  it('begins a run that was never begun', async () => {
    expect((await run({ mode: 'resume' })).counts.scored).toBe(12);
  });

  it('keeps to several rows with one number', async () => {
    // The turns of one PRISM conversation are rows of their own with the number of the conversation.
    await run({ limit: 4 });
    const text = await readFile(out, 'utf8');
    await writeFile(out, text.replaceAll(/"row":[1234],/g, '"row":1,'));
    expect((await run({ mode: 'resume' })).counts.rows).toBe(12);
    expect((await lines()).map((record) => record.id)).toEqual(
      Array.from({ length: 12 }, (_, index) => `c${index}`),
    );
  });

  it('takes a larger limit and refuses a smaller one', async () => {
    await run({ limit: 4 });
    expect((await run({ mode: 'resume', limit: 6 })).counts.rows).toBe(6);
    await expect(run({ mode: 'resume', limit: 5 })).rejects.toMatchObject({
      code: 'RUN_MISMATCH',
      message: expect.stringContaining('limit was 6, is 5'),
    });
    expect((await run({ mode: 'resume' })).counts.rows).toBe(12);
  });

  it('names everything that differs', async () => {
    await run({ limit: 2 });
    await expect(
      run({ mode: 'resume', judge: { individual: 4, seed: 9 }, sha256: 'def' }),
    ).rejects.toMatchObject({
      code: 'RUN_MISMATCH',
      message: expect.stringMatching(
        /model sha256 was abc, is def; individual was 1, is 4; seed was 0, is 9/,
      ),
    });
    await appendFile(dataPath, `${JSON.stringify(row(99))}\n`);
    await expect(run({ mode: 'resume' })).rejects.toMatchObject({
      message: expect.stringContaining('data fingerprint'),
    });
    expect(await lines()).toHaveLength(2);
  });

  it('refuses what is no output of a run, and changes nothing', async () => {
    await run();
    const good = await readFile(out, 'utf8');
    for (const bad of [`not JSON\n${good}`, `{"a":1}\n${good}`, good + good]) {
      await writeFile(out, bad);
      await expect(run({ mode: 'resume' })).rejects.toMatchObject({ code: 'RUN_MISMATCH' });
      expect(await readFile(out, 'utf8')).toBe(bad);
    }
    await writeFile(`${out}.manifest.json`, '{}');
    await expect(run({ mode: 'resume' })).rejects.toMatchObject({ code: 'RUN_MISMATCH' });
  });

  it('refuses an output without a manifest', async () => {
    await writeFile(out, '');
    await expect(run({ mode: 'resume' })).rejects.toMatchObject({
      code: 'RUN_MISMATCH',
      message: expect.stringContaining('--force'),
    });
  });
});

describe('an output that exists', () => {
  it('is refused by default and replaced under overwrite', async () => {
    await run({ limit: 2 });
    const before = await readFile(out, 'utf8');
    await expect(run()).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('--resume'),
    });
    expect(await readFile(out, 'utf8')).toBe(before);
    await run({ mode: 'overwrite', limit: 3, judge: { seed: 1 } });
    expect(await lines()).toHaveLength(3);
    expect((await manifest()).sessions).toHaveLength(1);
  });

  it('must exist where it is to be gone on with', async () => {
    await expect(run({ mode: 'existing' })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(await readdir(folder)).toEqual(['data.jsonl']);
  });

  it('must be a regular file', async () => {
    await mkdir(out);
    for (const mode of ['new', 'overwrite', 'resume'] as const) {
      await expect(run({ mode })).rejects.toMatchObject({ code: 'OUTPUT_FAILED' });
    }
  });

  it('needs its directory', async () => {
    out = join(folder, 'nowhere', 'scores.jsonl');
    await expect(run()).rejects.toMatchObject({
      code: 'OUTPUT_FAILED',
      message: expect.stringContaining('directory does not exist'),
    });
  });
});

describe('trying failed rows again', () => {
  it('replaces their lines and no others, with new seeds', async () => {
    await run({ fake: { script: losing(2, 5, 6) }, chains: true });
    const before = await lines();
    const summary = await run({
      mode: 'existing',
      rows: 'failed',
      fake: { script: losing(5) },
      chains: true,
    });
    const after = await lines();
    expect(summary).toMatchObject({
      status: 'finished',
      counts: { scored: 11, failed: 1 },
      session: { rows: 3 },
    });
    expect(after.map((record) => record.attempt)).toEqual([
      undefined,
      undefined,
      2,
      undefined,
      undefined,
      2,
      2,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    for (const index of [0, 1, 3, 4, 7, 8, 9, 10, 11]) expect(after[index]).toEqual(before[index]);
    expect(after[2]!.status).toBe('scored');
    expect(after[2]!.chains![0]!.seed).not.toBe(before[2]!.chains![0]!.seed);
    await run({ mode: 'existing', rows: 'failed', chains: true });
    expect((await lines())[5]).toMatchObject({ status: 'scored', attempt: 3 });
    expect((await readdir(folder)).sort()).toEqual([
      'data.jsonl',
      'scores.jsonl',
      'scores.jsonl.manifest.json',
    ]);
  });

  it('leaves invalid and missing rows alone, or goes on to the missing ones', async () => {
    dataPath = await writeRows(join(folder, 'mixed.jsonl'), [row(0), 'broken', row(2), row(3)]);
    await run({ fake: { script: losing(2) }, limit: 3 });
    const failedOnly = await run({ mode: 'existing', rows: 'failed' });
    expect(failedOnly).toMatchObject({
      status: 'stopped',
      rows: 4,
      counts: { rows: 3, scored: 2, invalid: 1 },
    });
    const both = await run({ mode: 'resume', rows: 'failedAndMissing' });
    expect(both).toMatchObject({ status: 'finished', counts: { rows: 4, scored: 3, invalid: 1 } });
  });

  it('keeps the tries that were made when it is stopped', async () => {
    await run({ fake: { script: losing(2, 5, 6) } });
    const controller = new AbortController();
    await run({
      mode: 'existing',
      rows: 'failed',
      concurrency: 1,
      fake: { delayMs: 2 },
      signal: controller.signal,
      onEvent: (event) => {
        if (event.type === 'row') controller.abort();
      },
    });
    expect(
      (await lines()).map((record) => record.status).filter((status) => status === 'failed'),
    ).toHaveLength(2);
    expect((await lines())[2]).toMatchObject({ status: 'scored', attempt: 2 });
  });

  it('merges the tries of a session that was killed, once and again', async () => {
    await run({ fake: { script: losing(2, 5) } });
    const before = await lines();
    const retried = { ...before[5]!, status: 'scored', winner: 0, scores: [9, 1], attempt: 2 };
    await writeFile(`${out}.retry`, `${JSON.stringify({ index: 5, record: retried })}\n{"index":7,"rec`);
    const summary = await run({ mode: 'resume' });
    expect(summary.counts).toMatchObject({ rows: 12, failed: 1 });
    expect((await lines())[5]).toEqual(retried);
    expect(await readdir(folder)).not.toContain('scores.jsonl.retry');
    await writeFile(`${out}.retry`, `${JSON.stringify({ index: 5, record: retried })}\n`);
    await run({ mode: 'resume' });
    expect((await lines())[5]).toEqual(retried);
    expect(await lines()).toHaveLength(12);
  });
});
