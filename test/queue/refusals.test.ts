import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { fake, startFake } from '../support/cli-process.js';
import { temporaryFolder, writeGoodRows } from '../support/preference-file.js';
import { NO_QUEUE, startRedis, startWorker, type TestRedis, until } from '../support/queue-workers.js';

const ROWS = 60;
vi.setConfig({ testTimeout: 240_000 });

let data: string;
let out: string;
let redis: TestRedis;

beforeEach(async () => {
  if (NO_QUEUE !== null) return;
  const folder = await temporaryFolder();
  data = await writeGoodRows(join(folder, 'data.jsonl'), ROWS);
  out = join(folder, 'scores.jsonl');
  redis = await startRedis();
});

const score = (address: string, ...more: string[]): string[] => [
  ...['score', data, '--out', out, '--queue', address],
  ...more,
];

describe.skipIf(NO_QUEUE !== null)(`a queue that cannot be used (${NO_QUEUE ?? 'there'})`, () => {
  it.each(['score', 'work'])('%s says where no server answers, before anything else', async (command) => {
    await redis.stop();
    const words = command === 'score' ? score(redis.address) : ['work', '--queue', redis.address];
    const { code, stderr } = await fake(words);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /QUEUE_UNAVAILABLE: the queue redis:\/\/127\.0\.0\.1:\d+\/0 does not answer \(.*ECONNREFUSED/,
    );
    expect(stderr).toContain('start it, or name the right address');
    expect(existsSync(out)).toBe(false);
  });

  it('says that a password is wrong or missing, and shows none', async () => {
    const guarded = await startRedis('--requirepass', 'right-one');
    for (const address of [guarded.address, guarded.address.replace('//', '//:wrong-one@')]) {
      const { code, stderr } = await fake(score(address));
      expect(code).toBe(1);
      expect(stderr).toMatch(/QUEUE_UNAVAILABLE.*refuses the user or the password/);
      expect(stderr).not.toContain('wrong-one');
    }
  });

  it('refuses a server that may evict jobs, with the setting', async () => {
    const { address } = await startRedis('--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru');
    const { code, stderr } = await fake(score(address));
    expect(code).toBe(1);
    expect(stderr).toMatch(/maxmemory-policy allkeys-lru.*set maxmemory-policy noeviction/);
  });

  it.each([
    ['amqp://127.0.0.1/', /--queue must be an address such as redis/],
    ['redis', /--queue must be an address such as redis/],
  ])('refuses the address %s', async (address, message) => {
    const { code, stderr } = await fake(score(address));
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  it('refuses flags that are the workers, and an output that is no file', async () => {
    const model = await fake(score(redis.address, '--model', 'nano'));
    expect(model).toMatchObject({ code: 2 });
    expect(model.stderr).toContain('--model says how a worker judges: give it to pgenrm work');
    const stream = await fake(['score', data, '--queue', redis.address]);
    expect(stream).toMatchObject({ code: 2 });
    expect(stream.stderr).toContain('--out FILE');
  });

  it('has no part for a worker without the bank', async () => {
    const running = await startFake(score(redis.address, '--pro', '2'));
    let said = '';
    running.child.stderr!.on('data', (text) => {
      said += text;
    });
    const { events, how } = await startWorker(redis.address).ended;
    expect(how).toBe(1);
    expect(events.at(-1)).toMatchObject({ code: 'RUN_MISMATCH' });
    await until(() => said.includes('refuses: the run asks for chains as similar users'), 'the refusal');
    running.child.kill('SIGINT');
    expect((await running.ended).code).toBe(130);
  });

  it('refuses a second session on the same output', async () => {
    startWorker(redis.address, { delayMs: 300, concurrency: 1 });
    const first = await startFake(score(redis.address));
    await until(() => existsSync(out), 'an output');
    const second = await fake(score(redis.address, '--resume'));
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(new RegExp(`OUTPUT_FAILED.*process ${first.child.pid}`));
    expect((await first.ended).code).toBe(0);
  });
});

describe.skipIf(NO_QUEUE !== null)(`a worker that differs (${NO_QUEUE ?? 'there'})`, () => {
  it.each([
    ['model', { model: 'sha-of-another' }, /model sha256 was sha-of-nano, is sha-of-another/],
    ['template', { template: 'standard' }, /template name was compact, is standard; template hash was/],
    ['engine', { version: '9' }, /generator version was 0, is 9/],
    ['context', { contextTokens: 100_000 }, /generator contextTokens was 200000, is 100000/],
  ])('of another %s refuses the job, says why, and ends; others judge the rows', async (_, other, reason) => {
    const right = startWorker(redis.address, { delayMs: 30, concurrency: 1 });
    const running = await startFake(score(redis.address, '--json-progress'));
    await until(() => right.events.some(({ type }) => type === 'judged'), 'an answer');
    // So that there are jobs left for the other.
    right.child.kill('SIGSTOP');
    const wrong = startWorker(redis.address, other);
    const { how, events } = await wrong.ended;
    expect(how).toBe(1);
    expect(events.at(-1)).toMatchObject({ code: 'RUN_MISMATCH', message: expect.stringMatching(reason) });
    right.child.kill('SIGCONT');
    const { code, stderr } = await running.ended;
    expect(code).toBe(0);
    const told = stderr.split('\n').find((line) => line.includes('queue-refused'));
    expect(JSON.parse(told!).reason).toMatch(reason);
    expect((await readFile(out, 'utf8')).trim().split('\n').length).toBe(ROWS);
  });

  it('of another model cannot go on with a run', async () => {
    startWorker(redis.address);
    expect((await fake(score(redis.address, '--limit', '6'))).code).toBe(0);
    const fresh = await startRedis();
    startWorker(fresh.address, { model: 'sha-of-another' });
    const { code, stderr } = await fake(score(fresh.address, '--resume'));
    expect(code).toBe(2);
    expect(stderr).toMatch(/RUN_MISMATCH.*model sha256 was sha-of-nano, is sha-of-another/);
  });
});

describe.skipIf(NO_QUEUE !== null)(`pgenrm queue status (${NO_QUEUE ?? 'there'})`, () => {
  it('tells rows done, in flight and failed, each worker, and the time to go', async () => {
    startWorker(redis.address, { delayMs: 600, concurrency: 1 });
    const running = await startFake(score(redis.address, '--reorder', '1'));
    const status = async (...more: string[]): Promise<string> =>
      (await fake(['queue', 'status', '--queue', redis.address, ...more])).stdout;
    await until(async () => (await readFile(out, 'utf8').catch(() => '')).includes('\n'), 'a row');
    const found = JSON.parse(await status('--json')).runs;
    expect(found).toMatchObject([{ alive: true, word: { rows: ROWS, failed: {}, trouble: null } }]);
    const { word } = found[0];
    expect(word.done).toBeGreaterThan(0);
    expect(word.done + word.inFlight).toBeLessThanOrEqual(ROWS);
    expect(word.workers[0].rows).toBeGreaterThan(0);
    expect(word.rowsPerSecond).toBeGreaterThan(0);
    expect(word.secondsToGo).toBeGreaterThan(0);
    running.child.kill('SIGKILL');
    await running.ended;
    expect(await status()).toContain('its process does not answer; the same command with --resume goes on');
  });
});
