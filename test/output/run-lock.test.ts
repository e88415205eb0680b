import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { RunLock } from '../../src/output/run-lock.js';
import { temporaryFolder } from '../support/preference-file.js';

let folder: string;
let out: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  out = join(folder, 'scores.jsonl');
});

const holder = (changes: object): string =>
  JSON.stringify({
    pid: process.pid,
    host: hostname(),
    processStart: null,
    since: 'then',
    token: 'other',
    ...changes,
  });

/** The pid of a process that has ended. */
function endedPid(): number {
  return spawnSync(process.execPath, ['-e', '']).pid;
}

describe('RunLock', () => {
  it('is held by one at a time, and free after its release', async () => {
    const lock = await RunLock.acquire(out);
    await expect(RunLock.acquire(out)).rejects.toMatchObject({
      code: 'OUTPUT_FAILED',
      message: expect.stringContaining(`process ${process.pid}`),
    });
    await lock.release();
    await lock.release();
    const again = await RunLock.acquire(out);
    await again.release();
    expect(await readdir(folder)).toEqual([]);
  });

  it('goes to exactly one of many that ask at once, also over a stale lock', async () => {
    await writeFile(`${out}.lock`, holder({ pid: endedPid() }));
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => RunLock.acquire(out)));
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    expect(await readdir(folder)).toEqual(['scores.jsonl.lock']);
    for (const result of results) if (result.status === 'fulfilled') await result.value.release();
  });

  it('is taken over from a process that has ended, and from one whose pid was given anew', async () => {
    await writeFile(`${out}.lock`, holder({ pid: endedPid() }));
    await (await RunLock.acquire(out)).release();
    if (process.platform !== 'linux') return;
    await writeFile(`${out}.lock`, holder({ processStart: '1' }));
    await (await RunLock.acquire(out)).release();
  });

  it('is not taken from another host, nor where it cannot be read', async () => {
    await writeFile(`${out}.lock`, holder({ host: 'elsewhere', pid: endedPid() }));
    await expect(RunLock.acquire(out)).rejects.toMatchObject({
      message: expect.stringContaining('on elsewhere'),
    });
    await writeFile(`${out}.lock`, 'not a lock');
    await expect(RunLock.acquire(out)).rejects.toMatchObject({
      message: expect.stringContaining(`${out}.lock`),
    });
    expect(await readFile(`${out}.lock`, 'utf8')).toBe('not a lock');
  });

  it('of another is not removed by a late release', async () => {
    const lock = await RunLock.acquire(out);
    await writeFile(join(`${out}.lock`, 'holder.json'), holder({}));
    await lock.release();
    expect(await readdir(folder)).toEqual(['scores.jsonl.lock']);
  });

  it('is made without a hard link, and taken over where its process ended before it signed', async () => {
    const lock = await RunLock.acquire(out);
    const [name] = await readdir(`${out}.lock`);
    expect((await stat(join(`${out}.lock`, name ?? ''))).nlink).toBe(1);
    await lock.release();
    await mkdir(`${out}.lock`);
    await expect(RunLock.acquire(out)).rejects.toMatchObject({ code: 'OUTPUT_FAILED' });
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_000 });
    try {
      await (await RunLock.acquire(out)).release();
    } finally {
      vi.useRealTimers();
    }
    expect(await readdir(folder)).toEqual([]);
  });

  it('is given back when the process exits, and leaves no listener behind', async () => {
    const before = process.listenerCount('exit');
    const locks = await Promise.all([RunLock.acquire(out), RunLock.acquire(`${out}.2`)]);
    expect(process.listenerCount('exit')).toBe(before + 1);
    locks[0]?.releaseNow();
    expect(await readdir(folder)).toEqual(['scores.jsonl.2.lock']);
    await locks[1]?.release();
    await locks[0]?.release();
    expect(process.listenerCount('exit')).toBe(before);
    expect(await readdir(folder)).toEqual([]);
  });
});
