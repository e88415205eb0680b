// Keeps two processes from writing one output: a lock folder beside it that names its holder; `mkdir` is atomic everywhere.
// Knows processes and hosts; nothing of what the output holds.

import { randomUUID } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { PgenrmError } from '../errors.js';
import { outputFailed, systemCode } from './output-error.js';

const BREAKING_PAUSE_MS = 10;
const ABANDONED_MS = 10_000;
const HOLDER = 'holder.json';

/** Locks of this process, given back when it exits in whatever way runs exit handlers. */
const held = new Set<RunLock>();

function releaseHeld(): void {
  for (const lock of held) lock.releaseNow();
}

/** Who holds a lock. */
export interface LockHolder {
  readonly pid: number;
  readonly host: string;
  /** Start time of the process as the system counts it (Linux), which tells a reused pid from the holder. */
  readonly processStart: string | null;
  readonly since: string;
  readonly token: string;
}

/** A lock that is held until {@link release}. */
export class RunLock {
  readonly path: string;
  readonly #token: string;

  private constructor(path: string, token: string) {
    this.path = path;
    this.#token = token;
  }

  /**
   * Takes the lock of an output: the folder `OUTPUT.lock`, with a file in it that names the holder.
   *
   * A lock whose process on this host has ended is taken over. It is given back when the process exits, also by
   * `process.exit`. Errors: `OUTPUT_FAILED` where another process holds it (its pid and host are named) or the
   * directory cannot be written.
   */
  static async acquire(output: string): Promise<RunLock> {
    const path = `${output}.lock`;
    const holder: LockHolder = {
      pid: process.pid,
      host: hostname(),
      processStart: await processStart(process.pid),
      since: new Date().toISOString(),
      token: randomUUID(),
    };
    try {
      for (let tries = 0; tries < 100; tries += 1) {
        if (await made(path)) return await RunLock.#begin(path, holder);
        const text = await textOf(path);
        if (text === null) {
          // Gone again, or made a moment ago and not yet signed; left so by a process that was killed in between.
          if (!(await isAbandoned(path))) await wait(BREAKING_PAUSE_MS);
          else await removeStale(path, null);
          continue;
        }
        const other = parseHolder(text);
        if (other === null || !(await ended(other))) throw heldBy(output, path, other);
        await removeStale(path, text);
      }
      throw heldBy(output, path, null);
    } catch (error) {
      throw outputFailed(path, error);
    }
  }

  static async #begin(path: string, holder: LockHolder): Promise<RunLock> {
    try {
      await writeFile(join(path, HOLDER), `${JSON.stringify(holder)}\n`, { flag: 'wx' });
    } catch (error) {
      await rm(path, { recursive: true, force: true });
      throw error;
    }
    const lock = new RunLock(path, holder.token);
    if (held.size === 0) process.on('exit', releaseHeld);
    held.add(lock);
    return lock;
  }

  /** Gives the lock back; safe to call twice. */
  async release(): Promise<void> {
    this.#forget();
    const text = await textOf(this.path);
    if (text !== null && this.#isOwn(text)) await rm(this.path, { recursive: true, force: true });
  }

  /** As {@link release}, before it returns: for a process that is about to end. */
  releaseNow(): void {
    this.#forget();
    try {
      if (this.#isOwn(readFileSync(join(this.path, HOLDER), 'utf8')))
        rmSync(this.path, { recursive: true, force: true });
    } catch {
      // Not there, or not readable: whoever comes next finds that its process has ended.
    }
  }

  #isOwn(text: string): boolean {
    return parseHolder(text)?.token === this.#token;
  }

  #forget(): void {
    held.delete(this);
    if (held.size === 0) process.off('exit', releaseHeld);
  }
}

/** Makes a folder; false where something of that name is there. Of many that ask at once one makes it. */
async function made(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Removes a stale lock. Only one process at a time may, and only if the lock is still the stale one: otherwise a lock
 * that another process has just taken could be removed.
 */
async function removeStale(path: string, staleText: string | null): Promise<void> {
  const breaking = `${path}.breaking`;
  if (!(await made(breaking))) {
    if (await isAbandoned(breaking)) await rm(breaking, { recursive: true, force: true });
    await wait(BREAKING_PAUSE_MS);
    return;
  }
  try {
    if ((await textOf(path)) === staleText) await rm(path, { recursive: true, force: true });
  } finally {
    await rm(breaking, { recursive: true, force: true });
  }
}

/** What is held for a moment only and is old was left by a process that was killed. */
async function isAbandoned(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  return found !== null && Date.now() - found.ctimeMs > ABANDONED_MS;
}

/** What a lock says of its holder; null where it says nothing. A file is a lock of an earlier version. */
async function textOf(path: string): Promise<string | null> {
  for (const place of [join(path, HOLDER), path]) {
    try {
      return await readFile(place, 'utf8');
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ENOENT' || code === 'EISDIR') return null;
      if (code !== 'ENOTDIR') throw outputFailed(path, error);
    }
  }
  return null;
}

function parseHolder(text: string): LockHolder | null {
  try {
    const value = JSON.parse(text) as Partial<LockHolder> | null;
    return typeof value?.pid === 'number' && typeof value.host === 'string' ? (value as LockHolder) : null;
  } catch {
    return null;
  }
}

async function ended(holder: LockHolder): Promise<boolean> {
  if (holder.host !== hostname()) return false;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    return systemCode(error) === 'ESRCH';
  }
  const start = await processStart(holder.pid);
  return start !== null && holder.processStart !== null && start !== holder.processStart;
}

/** Field 22 of `/proc/PID/stat`; null where there is no such file. */
async function processStart(pid: number): Promise<string | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The command name, field 2, stands in round brackets and may hold spaces.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
}

function heldBy(output: string, path: string, holder: LockHolder | null): PgenrmError {
  const who =
    holder === null ? 'another process' : `process ${holder.pid} on ${holder.host}, since ${holder.since}`;
  return new PgenrmError(
    'OUTPUT_FAILED',
    `${output} is being written by ${who}; wait for it to end, or delete ${path} if that process is gone`,
  );
}
