import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import type { RowRecord } from '../../src/run/scoring/row-record.js';
import type { RunManifest } from '../../src/run/scoring/run-manifest.js';
import {
  type FakeBehaviour,
  fake,
  NO_MODEL,
  NOT_BUILT,
  pgenrm,
  type Running,
  startFake,
  startPgenrm,
} from '../support/cli-process.js';
import { temporaryFolder, writeGoodRows } from '../support/preference-file.js';

const ROWS = 40;
let folder: string;
let data: string;
let out: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  data = await writeGoodRows(join(folder, 'data.jsonl'), ROWS);
  out = join(folder, 'scores.jsonl');
});

const words = (...more: string[]): string[] => ['score', data, '--ind', '2', '--out', out, ...more];
const SLOW: FakeBehaviour = { delayMs: 25 };

async function records(): Promise<RowRecord[]> {
  const text = await readFile(out, 'utf8');
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as RowRecord);
}

async function manifest(): Promise<RunManifest> {
  return JSON.parse(await readFile(`${out}.manifest.json`, 'utf8')) as RunManifest;
}

/** Waits until the output holds this many whole lines. */
async function linesReach({ child }: Running, count: number): Promise<void> {
  while (child.exitCode === null && child.signalCode === null) {
    if (existsSync(out)) {
      const lines = (await readFile(out, 'utf8')).split('\n').length - 1;
      if (lines >= count) return;
    }
    await pause(5);
  }
}

function expectAllRowsOnce(rows: readonly RowRecord[], count = ROWS): void {
  expect(rows.map((record) => record.row)).toEqual(Array.from({ length: count }, (_, index) => index + 1));
}

describe.skipIf(NOT_BUILT !== null)(`pgenrm score, stopped and resumed (${NOT_BUILT ?? 'built'})`, () => {
  it('loses and repeats no row however often it is killed', async () => {
    let reached = 0;
    for (const more of [1, 8, 1, 13]) {
      const running = await startFake(
        words('--concurrency', '3', ...(reached === 0 ? [] : ['--resume'])),
        // Slow enough that a busy machine kills it long before its last row.
        { delayMs: 150 },
      );
      await linesReach(running, reached + more);
      running.child.kill('SIGKILL');
      expect((await running.ended).signal).toBe('SIGKILL');
      reached = (await records()).length;
    }
    expect(existsSync(`${out}.lock`)).toBe(true);
    const before = await records();
    expect(before.length).toBeGreaterThanOrEqual(23);
    expect(before.length).toBeLessThan(ROWS);
    const last = await fake(words('--resume'));
    expect(last).toMatchObject({ code: 0, signal: null });
    const rows = await records();
    expectAllRowsOnce(rows);
    expect(rows.slice(0, before.length)).toEqual(before);
    const { sessions, status, counts } = await manifest();
    expect(status).toBe('finished');
    expect(counts.scored).toBe(ROWS);
    expect(sessions.map((session) => session.status)).toEqual([
      'broken',
      'broken',
      'broken',
      'broken',
      'finished',
    ]);
    expect((await readdir(folder)).sort()).toEqual([
      'data.jsonl',
      'scores.jsonl',
      'scores.jsonl.manifest.json',
    ]);
  });

  it('killed while failed rows are tried again loses nothing either', async () => {
    const lost = [3, 4, 5, 6, 20, 21, 22, 39];
    expect((await fake(words(), { loseRows: lost })).code).toBe(3);
    const before = await records();
    const running = await startFake(words('--retry-failed', '--concurrency', '1'), { delayMs: 40 });
    while (running.child.exitCode === null && !existsSync(`${out}.retry`)) await pause(2);
    await pause(60);
    running.child.kill('SIGKILL');
    await running.ended;
    expect(await records()).toEqual(before);
    const again = await fake(words('--retry-failed'));
    expect(again.code).toBe(0);
    const rows = await records();
    expectAllRowsOnce(rows);
    for (const [index, record] of rows.entries()) {
      if (lost.includes(index)) expect(record).toMatchObject({ status: 'scored', attempt: 2 });
      else expect(record).toEqual(before[index]);
    }
  });

  it('stopped by Ctrl-C keeps the finished rows, says how to go on, and ends with 130', async () => {
    const running = await startFake(words(), SLOW);
    await linesReach(running, 5);
    running.child.kill('SIGINT');
    const { code, stderr } = await running.ended;
    expect(code).toBe(130);
    expect(stderr).toContain('--resume');
    const before = await records();
    expect(before.length).toBeGreaterThanOrEqual(5);
    expect(before.length).toBeLessThan(ROWS);
    expect((await manifest()).status).toBe('stopped');
    expect(existsSync(`${out}.lock`)).toBe(false);
    expect((await fake(words('--resume'))).code).toBe(0);
    expectAllRowsOnce(await records());
  });

  it('tells of a stop in JSON where progress is JSON', async () => {
    const running = await startFake(words('--json-progress'), SLOW);
    await linesReach(running, 1);
    running.child.kill('SIGINT');
    const { code, stderr } = await running.ended;
    expect(code).toBe(130);
    const events = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map(({ event }) => event)).toContain('stopping');
    expect(events.at(-1).event).toBe('finished');
    expect(events.at(-1).summary.status).toBe('stopped');
  });

  it('stopped within one step, not after the rows at work', async () => {
    const running = await startFake(words(), { delayMs: 60_000 });
    await linesReach(running, 0);
    running.child.kill('SIGINT');
    expect((await running.ended).code).toBe(130);
    expect(await records()).toEqual([]);
  });

  it('SIGTERM stops as cleanly, with 143', async () => {
    const running = await startFake(words(), SLOW);
    await linesReach(running, 2);
    running.child.kill('SIGTERM');
    expect((await running.ended).code).toBe(143);
    expect((await manifest()).status).toBe('stopped');
  });

  it('is refused while another process writes the output', async () => {
    const running = await startFake(words('--concurrency', '1'), { delayMs: 500 });
    await linesReach(running, 1);
    for (const more of ['--resume', '--force', '--retry-failed']) {
      const second = await fake(words(more));
      expect(second.code).toBe(1);
      expect(second.stderr).toMatch(new RegExp(`OUTPUT_FAILED.*process ${running.child.pid}`));
    }
    running.child.kill('SIGINT');
    expect((await running.ended).code).toBe(130);
    expect((await fake(words('--resume'))).code).toBe(0);
    expectAllRowsOnce(await records());
  });

  it('keeps whole lines where the disk is full, and goes on when there is room', async () => {
    // bash counts in blocks of 1024 bytes; Node gets EFBIG and a short write, as on a full disk.
    const full = await fake(words('--chains'), {}, 'ulimit -f 12');
    expect(full.code).toBe(1);
    expect(full.stderr).toMatch(/pgenrm: OUTPUT_FAILED: cannot write .*--resume/);
    const text = await readFile(out, 'utf8');
    expect(text.endsWith('\n')).toBe(true);
    const before = await records();
    expect(before.length).toBeGreaterThan(0);
    expect(before.length).toBeLessThan(ROWS);
    expect((await fake(words('--chains', '--resume'))).code).toBe(0);
    const rows = await records();
    expectAllRowsOnce(rows);
    expect(rows.slice(0, before.length)).toEqual(before);
  });
});

const noModel = NOT_BUILT ?? (NO_MODEL === null ? null : `${NO_MODEL} is missing`);

describe.skipIf(noModel !== null)(`pgenrm score with the bundled model (${noModel ?? 'there'})`, () => {
  it('killed and resumed gives each row once, the same as a run that was not killed', async () => {
    const options = [
      '--limit',
      '6',
      '--max-tokens',
      '64',
      '--seed',
      '5',
      '--gpu',
      'off',
      '--concurrency',
      '2',
    ];
    const running = startPgenrm(words(...options));
    await linesReach(running, 2);
    running.child.kill('SIGKILL');
    await running.ended;
    const before = await records();
    const resumed = await pgenrm(words(...options, '--resume'));
    expect([0, 3]).toContain(resumed.code);
    const rows = await records();
    expectAllRowsOnce(rows, 6);
    expect(rows.slice(0, before.length)).toEqual(before);
    expect((await manifest()).identity.model.sha256).toMatch(/^[0-9a-f]{64}$/);
  }, 300_000);
});
