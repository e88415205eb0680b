// Keeps two processes from writing one output: a lock file beside it that names its holder.
// Knows processes and hosts; nothing of what the output holds.

import { randomUUID } from 'node:crypto';
import { link, open, readFile, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { PgenrmError } from '../errors.js';
import { outputFailed, systemCode } from './output-error.js';

const BREAKING_PAUSE_MS = 10;
const ABANDONED_MS = 10_000;

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
   * Takes the lock of an output: the file `OUTPUT.lock`.
   *
   * A lock whose process on this host has ended is taken over. Errors: `OUTPUT_FAILED` where another process
   * holds it (its pid and host are named) or the directory cannot be written.
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
    const own = `${path}.${holder.token}`;
    try {
      const file = await open(own, 'wx');
      try {
        await file.writeFile(`${JSON.stringify(holder)}\n`);
      } finally {
        await file.close();
      }
      for (let tries = 0; tries < 100; tries += 1) {
        if (await linked(own, path)) return new RunLock(path, holder.token);
        const text = await textOf(path);
        if (text === null) continue;
        const other = parseHolder(text);
        if (other === null || !(await ended(other))) throw heldBy(output, path, other);
        await removeStale(path, text, own);
      }
      throw heldBy(output, path, null);
    } catch (error) {
      throw outputFailed(path, error);
    } finally {
      await rm(own, { force: true });
    }
  }

  /** Gives the lock back; safe to call twice. */
  async release(): Promise<void> {
    const text = await textOf(this.path);
    if (text !== null && parseHolder(text)?.token === this.#token) await rm(this.path, { force: true });
  }
}

/** A hard link appears with its whole content or not at all, which creating and then writing does not give. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
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
async function removeStale(path: string, staleText: string, own: string): Promise<void> {
  const breaking = `${path}.breaking`;
  if (!(await linked(own, breaking))) {
    await removeAbandoned(breaking);
    await wait(BREAKING_PAUSE_MS);
    return;
  }
  try {
    if ((await textOf(path)) === staleText) await rm(path, { force: true });
  } finally {
    await rm(breaking, { force: true });
  }
}

/** The right to break a lock is held for a moment only; one that is old was left by a process that was killed. */
async function removeAbandoned(breaking: string): Promise<void> {
  const found = await stat(breaking).catch(() => null);
  if (found !== null && Date.now() - found.ctimeMs > ABANDONED_MS) await rm(breaking, { force: true });
}

async function textOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw outputFailed(path, error);
  }
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
