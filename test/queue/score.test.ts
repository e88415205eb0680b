import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { RowRecord } from '../../src/run/scoring/row-record.js';
import { fake, startFake } from '../support/cli-process.js';
import { row, temporaryFolder, writeRows } from '../support/preference-file.js';
import { NO_QUEUE, startRedis, startWorker, type TestRedis, until } from '../support/queue-workers.js';

const ROWS = 120;
vi.setConfig({ testTimeout: 240_000 });
let folder: string;
let data: string;
let out: string;
let redis: TestRedis;

beforeEach(async () => {
  if (NO_QUEUE !== null) return;
  folder = await temporaryFolder();
  // Runs of one user's rows, and rows of a shape that is none.
  const rows = Array.from({ length: ROWS }, (_, index) =>
    row(index, { user_id: `u${Math.floor(index / 7)}` }),
  );
  data = await writeRows(join(folder, 'data.jsonl'), [
    ...rows.slice(0, 50),
    '{"broken":1}',
    ...rows.slice(50),
  ]);
  out = join(folder, 'scores.jsonl');
  redis = await startRedis();
});

const words = (...more: string[]): string[] => [
  'score',
  data,
  '--ind',
  '2',
  '--queue',
  redis.address,
  ...more,
];

async function lines(path = out): Promise<RowRecord[]> {
  const text = await readFile(path, 'utf8');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as RowRecord);
}

/** What of a line does not depend on time. */
function judged({ ms: _, tokens: { decodedPrompt: __, ...tokens }, ...rest }: RowRecord): object {
  return { ...rest, tokens };
}

async function expectEachRowOnce(): Promise<void> {
  expect((await lines()).map(({ row: number }) => number)).toEqual(
    Array.from({ length: ROWS + 1 }, (_, index) => index + 1),
  );
}

describe.skipIf(NO_QUEUE !== null)(`pgenrm score --queue (${NO_QUEUE ?? 'there'})`, () => {
  it('writes the lines of a run on one machine, which can go on with them, and the other way round', async () => {
    const local = join(folder, 'local.jsonl');
    const common = ['score', data, '--ind', '2', '--chains', '--quiet'];
    expect((await fake([...common, '--out', local])).code).toBe(3);
    startWorker(redis.address);
    startWorker(redis.address);
    const shared = await fake(words('--out', out, '--chains', '--limit', '60'));
    expect(shared).toMatchObject({ code: 3 });
    expect((await lines()).length).toBe(60);
    expect((await fake([...common, '--out', out, '--limit', '90', '--resume'])).code).toBe(3);
    expect((await fake(words('--out', out, '--chains', '--resume'))).code).toBe(3);
    expect((await lines()).map(judged)).toEqual((await lines(local)).map(judged));
    const manifest = JSON.parse(await readFile(`${out}.manifest.json`, 'utf8'));
    expect(manifest.identity).toEqual(JSON.parse(await readFile(`${local}.manifest.json`, 'utf8')).identity);
    expect(manifest.sessions.map(({ rows }: { rows: number }) => rows)).toEqual([60, 30, 31]);
  });

  it('loses nothing and writes nothing twice where workers are killed and the queue forgets all', async () => {
    const slow = { delayMs: 60, concurrency: 2 };
    const workers = [startWorker(redis.address, slow), startWorker(redis.address, slow)];
    const running = await startFake(words('--out', out, '--json-progress'));
    const reach = (count: number): Promise<void> =>
      until(async () => (await lines().catch(() => [])).length >= count, `${count} lines`);
    for (const [kill, count] of [3, 20, 35].entries()) {
      await reach(count);
      workers[kill]!.child.kill('SIGKILL');
      workers.push(startWorker(redis.address, slow));
    }
    await reach(50);
    await redis.restart();
    const { code, stderr } = await running.ended;
    expect(code).toBe(3);
    expect(stderr).toContain('queue-joined');
    await expectEachRowOnce();
    const failed = (await lines()).filter(({ status }) => status === 'failed');
    expect(failed).toEqual([]);
  });

  it('takes rows back from a worker that stands still, and nothing from it that comes too late', async () => {
    const still = startWorker(redis.address, { delayMs: 40 });
    const running = await startFake(words('--out', out));
    await until(() => still.events.some(({ type }) => type === 'judged'), 'a first answer');
    still.child.kill('SIGSTOP');
    const other = startWorker(redis.address);
    await until(() => other.events.some(({ type }) => type === 'judged'), 'an answer of the other');
    await until(async () => (await lines()).length === ROWS + 1, 'all rows');
    expect((await running.ended).code).toBe(3);
    still.child.kill('SIGCONT');
    await pause(300);
    await expectEachRowOnce();
  });

  it('gives rows back when it is asked to stop, without counting them as lost', async () => {
    const first = startWorker(redis.address, { delayMs: 50, concurrency: 1 });
    const running = await startFake(words('--out', out));
    for (let turn = 0; turn < 4; turn += 1) {
      const worker = turn === 0 ? first : startWorker(redis.address, { delayMs: 50, concurrency: 1 });
      await until(() => worker.events.some(({ type }) => type === 'judged'), 'an answer');
      worker.child.kill('SIGTERM');
      expect((await worker.ended).how).toBe(0);
    }
    startWorker(redis.address);
    expect((await running.ended).code).toBe(3);
    await expectEachRowOnce();
    expect((await lines()).filter(({ status }) => status === 'failed')).toEqual([]);
  });

  it('goes on after it was killed, whatever the queue still holds', async () => {
    startWorker(redis.address, { delayMs: 40, concurrency: 2 });
    const running = await startFake(words('--out', out));
    await until(async () => (await lines().catch(() => [])).length >= 30, '30 lines');
    running.child.kill('SIGKILL');
    await running.ended;
    const before = await lines();
    const again = await fake(words('--out', out, '--resume'));
    expect(again.code).toBe(3);
    await expectEachRowOnce();
    expect((await lines()).slice(0, before.length)).toEqual(before);
    const status = await fake(['queue', 'status', '--queue', redis.address]);
    expect(status.stdout).toContain('no run; 0 jobs wait');
  });

  it('stopped by Ctrl-C keeps what is written and takes back what waits', async () => {
    startWorker(redis.address, { delayMs: 60, concurrency: 1 });
    const running = await startFake(words('--out', out));
    await until(async () => (await lines().catch(() => [])).length >= 5, '5 lines');
    running.child.kill('SIGINT');
    expect((await running.ended).code).toBe(130);
    const status = await fake(['queue', 'status', '--queue', redis.address]);
    expect(status.stdout).toContain('no run; 0 jobs wait');
    expect((await fake(words('--out', out, '--resume'))).code).toBe(3);
    await expectEachRowOnce();
  });

  it('sets a row aside that ends every worker, by its number, and --retry-failed judges it again', async () => {
    const poison = { killRows: [17], concurrency: 4 };
    const workers = [0, 1, 2].map(() => startWorker(redis.address, poison));
    const running = await startFake(words('--out', out));
    await Promise.all(workers.map(({ ended }) => ended));
    startWorker(redis.address, poison);
    expect((await running.ended).code).toBe(3);
    await expectEachRowOnce();
    const failed = (await lines()).filter(({ status }) => status === 'failed');
    expect(failed).toMatchObject([{ row: 18, id: 'c17', error: { code: 'WORKER_LOST' } }]);
    startWorker(redis.address);
    expect((await fake(words('--out', out, '--retry-failed'))).code).toBe(3);
    expect((await lines())[17]).toMatchObject({ row: 18, status: 'scored', attempt: 2 });
  });

  it('ends a worker whose model hangs or breaks, and has others judge its rows', async () => {
    const hung = startWorker(redis.address, { hangRows: [4], timeout: 1, concurrency: 1 });
    const running = await startFake(words('--out', out));
    expect((await hung.ended).how).toBe(1);
    expect(hung.events.at(-1)).toMatchObject({ type: 'ended', code: 'DECODE_FAILED' });
    const broken = startWorker(redis.address, { brokenRows: [30] });
    expect((await broken.ended).events.at(-1)).toMatchObject({ message: 'row 30 breaks the generator' });
    startWorker(redis.address);
    expect((await running.ended).code).toBe(3);
    await expectEachRowOnce();
    expect((await lines()).filter(({ status }) => status === 'failed')).toEqual([]);
  });

  it('does not care how clocks differ', async () => {
    startWorker(redis.address, { clockMs: 26 * 3_600_000, delayMs: 20 });
    startWorker(redis.address, { clockMs: -26 * 3_600_000, delayMs: 20 });
    const dying = startWorker(redis.address, { clockMs: 3_600_000, delayMs: 20 });
    const running = await startFake(words('--out', out));
    await until(() => dying.events.some(({ type }) => type === 'judged'), 'an answer');
    dying.child.kill('SIGKILL');
    expect((await running.ended).code).toBe(3);
    await expectEachRowOnce();
    expect((await lines()).filter(({ status }) => status === 'failed')).toEqual([]);
  });

  it('shares a queue among data sets', async () => {
    const other = join(folder, 'other.jsonl');
    const wider = await writeRows(join(folder, 'wider.jsonl'), [row(0), row(1), row(2)]);
    startWorker(redis.address, { delayMs: 20 });
    const [one, two] = await Promise.all([
      fake(words('--out', out)),
      fake(['score', wider, '--out', other, '--queue', redis.address]),
    ]);
    expect([one.code, two.code]).toEqual([3, 0]);
    await expectEachRowOnce();
    expect((await lines(other)).length).toBe(3);
  });

  it('writes no password', async () => {
    const guarded = await startRedis('--requirepass', 'hush-hush');
    const address = guarded.address.replace('//', '//:hush-hush@');
    startWorker(address);
    const ended = await fake(['score', data, '--out', out, '--queue', address, '--json-progress']);
    expect(ended.code).toBe(3);
    const written = await readFile(`${out}.manifest.json`, 'utf8');
    expect(ended.stderr + written).not.toContain('hush');
  });
});
