// The queue over a real PostgreSQL, which the test starts on a free loopback port. Opt-in: PGENRM_POSTGRES names the folder of its programs,
// as in PGENRM_POSTGRES=/usr/lib/postgresql/15/bin npx vitest run test/queue/postgres.test.ts
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { fake, NOT_BUILT, startFake } from '../support/cli-process.js';
import { temporaryFolder, writeGoodRows } from '../support/preference-file.js';
import { startWorker, until } from '../support/queue-workers.js';

const ROWS = 60;
const PROGRAMS = process.env.PGENRM_POSTGRES;
const SKIP = NOT_BUILT ?? (PROGRAMS === undefined ? 'PGENRM_POSTGRES is not set' : null);
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** PostgreSQL does not run as root. */
const AS = process.getuid?.() === 0 ? Number(execFileSync('id', ['-u', 'nobody'])) : undefined;
const how = AS === undefined ? {} : { uid: AS };
let server: ChildProcess;
let files: string;
let port: number;
let data: string;
let out: string;

beforeAll(async () => {
  if (SKIP !== null) return;
  const parent = mkdtempSync(join(tmpdir(), 'pgenrm-postgres-'));
  files = parent;
  const folder = join(parent, 'postgres');
  mkdirSync(folder);
  if (AS !== undefined) for (const path of [parent, folder]) chownSync(path, AS, -1);
  execFileSync(join(PROGRAMS!, 'initdb'), ['-D', folder, '-U', 'pgenrm', '-A', 'trust'], {
    stdio: 'ignore',
    ...how,
  });
  port = await freePort();
  server = spawn(
    join(PROGRAMS!, 'postgres'),
    ['-D', folder, '-p', `${port}`, '-h', '127.0.0.1', '-k', folder, '-F'],
    { stdio: 'ignore', ...how },
  );
  await until(() => answers(), 'a server that answers');
});

afterAll(async () => {
  if (server === undefined) return;
  const gone = new Promise((resolve) => server.on('exit', resolve));
  // At once, its children too.
  server.kill('SIGQUIT');
  await gone;
  rmSync(files, { recursive: true, force: true });
});

beforeEach(async () => {
  if (SKIP !== null) return;
  const folder = await temporaryFolder();
  data = await writeGoodRows(join(folder, 'data.jsonl'), ROWS);
  out = join(folder, 'scores.jsonl');
});

const address = (): string => `postgres://pgenrm@127.0.0.1:${port}/postgres`;

async function numbers(): Promise<number[]> {
  const text = await readFile(out, 'utf8').catch(() => '');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => (JSON.parse(line) as { row: number }).row);
}

describe.skipIf(SKIP !== null)(`a queue in PostgreSQL (${SKIP ?? 'there'})`, () => {
  it('writes each row once and in order, though a worker is killed', async () => {
    const dying = startWorker(address(), { delayMs: 40, concurrency: 2 });
    const running = await startFake(['score', data, '--out', out, '--queue', address()]);
    await until(() => dying.events.some(({ type }) => type === 'judged'), 'an answer');
    dying.child.kill('SIGKILL');
    startWorker(address());
    const { code, stderr } = await running.ended;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await numbers()).toEqual(Array.from({ length: ROWS }, (_, index) => index + 1));
  });

  it('is told by queue status, and goes on with --resume', async () => {
    startWorker(address());
    const words = ['score', data, '--out', out, '--queue', address()];
    expect((await fake([...words, '--limit', '20'])).code).toBe(0);
    expect((await numbers()).length).toBe(20);
    expect((await fake([...words, '--resume'])).code).toBe(0);
    expect((await numbers()).length).toBe(ROWS);
    const { code, stdout } = await fake(['queue', 'status', '--queue', address(), '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ runs: [] });
  });

  it('is refused where nothing answers, before anything is written', async () => {
    const nowhere = `postgres://pgenrm@127.0.0.1:${await freePort()}/postgres`;
    const { code, stderr } = await fake(['score', data, '--out', out, '--queue', nowhere]);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /QUEUE_UNAVAILABLE: the queue postgres:\/\/127\.0\.0\.1:\d+\/postgres does not answer/,
    );
    expect(await numbers()).toEqual([]);
  });
});

function answers(): boolean {
  try {
    execFileSync(join(PROGRAMS!, 'pg_isready'), ['-h', '127.0.0.1', '-p', `${port}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port: free } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return free;
}
