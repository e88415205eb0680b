// Users in a file: changes, versions, forgetting, and what happens where the file is held, damaged or full.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import type { HistoryEvent } from '../../src/preference/preference.js';
import { openUserStore } from '../../src/users/sqlite-store.js';
import { DIST, NOT_BUILT } from '../support/cli-process.js';
import { NO_SQLITE } from '../support/sqlite.js';

const folder = mkdtempSync(join(tmpdir(), 'pgenrm-users-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newFile = (): string => join(folder, `users-${files++}.db`);

const choice = (chosen: string, rejected = 'no'): HistoryEvent => ({
  context: [{ role: 'user', content: 'Which one?' }],
  chosen,
  rejected,
});

/** All bytes of a file and of what SQLite keeps beside it, as one text. */
function bytesBeside(file: string): string {
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => path.startsWith(file))
    .map((path) => readFileSync(path, 'latin1'))
    .join('|');
}

describe.skipIf(NO_SQLITE !== null)(`users in a file (${NO_SQLITE ?? 'with better-sqlite3'})`, () => {
  it('are there after the file is opened again, with their version', async () => {
    const file = newFile();
    {
      await using users = await openUserStore(file);
      expect(await users.read('ann')).toBeNull();
      const first = await users.put('ann', { history: [choice('short')], criteria: 'Short answers.' });
      expect(first).toEqual({ version: 1, events: 1 });
      expect(await users.append('ann', choice('shorter'))).toEqual({ version: 2, events: 2 });
      expect(await users.append('bob', choice('new'))).toEqual({ version: 1, events: 1 });
    }
    await using users = await openUserStore(file);
    expect(await users.read('ann')).toEqual({
      user: { id: 'ann', criteria: 'Short answers.', history: [choice('short'), choice('shorter')] },
      version: 2,
    });
    expect(await users.read('bob')).toEqual({ user: { id: 'bob', history: [choice('new')] }, version: 1 });
    expect(await users.count()).toBe(2);
    await users.put('ann', { history: [] });
    expect(await users.read('ann')).toEqual({ user: { id: 'ann', history: [] }, version: 3 });
  });

  it('change only from the version that is expected, and lose none of many changes at once', async () => {
    await using users = await openUserStore(newFile());
    await users.put('ann', { history: [] }, { expected: 0 });
    await expect(users.put('ann', { history: [] }, { expected: 0 })).rejects.toMatchObject({
      code: 'USER_CHANGED',
    });
    const outcomes = await Promise.allSettled(
      ['a', 'b'].map((text) => users.append('ann', choice(text), { expected: 1 })),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    await Promise.all(Array.from({ length: 50 }, (_, n) => users.append('ann', choice(`${n}`))));
    expect((await users.read('ann'))?.user.history).toHaveLength(51);
  });

  it('leave no byte in the file or beside it once they are forgotten', async () => {
    const file = newFile();
    await using users = await openUserStore(file);
    let state = 7;
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return (state >>> 10) % below;
    };
    const secrets = Array.from({ length: 40 }, (_, n) => `SECRET${n}x`);
    for (let round = 0; round < 400; round += 1) {
      const secret = secrets[random(secrets.length)]!;
      const text = secret.repeat(1 + random(random(8) === 0 ? 3000 : 60));
      if (random(6) === 0) await users.put(secret, { history: [choice(text)], criteria: text });
      else await users.append(secret, choice(text, secret));
    }
    expect(bytesBeside(file).includes('SECRET3x')).toBe(true);
    const kept = secrets.slice(0, 10);
    for (const secret of secrets.slice(10)) {
      expect(await users.forget(secret)).toBe(true);
      expect(bytesBeside(file).includes(secret), secret).toBe(false);
    }
    expect(await users.forget('SECRET39x')).toBe(false);
    for (const secret of kept) expect((await users.read(secret))?.user.history.length).toBeGreaterThan(0);
  });

  it('wait for a file that is held, then say so; a reader elsewhere is told of when one is forgotten', async () => {
    const file = newFile();
    await using users = await openUserStore(file, { lockedMs: 50 });
    await users.put('ann', { history: [choice('SECRET')] });
    const Sqlite = createRequire(import.meta.url)('better-sqlite3');
    const other = new Sqlite(file);
    other.exec('BEGIN IMMEDIATE');
    await expect(users.append('ann', choice('b'))).rejects.toMatchObject({ code: 'USERS_LOCKED' });
    setTimeout(() => other.exec('COMMIT'), 10);
    await expect(users.append('ann', choice('b'))).resolves.toEqual({ version: 2, events: 2 });
    other.exec('BEGIN');
    other.prepare('SELECT * FROM users').all();
    await expect(users.forget('ann')).rejects.toMatchObject({ code: 'USERS_LOCKED' });
    expect(await users.read('ann')).toBeNull();
    other.exec('COMMIT');
    expect(await users.forget('ann')).toBe(false);
    expect(bytesBeside(file).includes('SECRET')).toBe(false);
    other.close();
  });

  it('are refused in a damaged file, a text file and a database of another program', async () => {
    const text = newFile();
    writeFileSync(text, 'no database at all, only words '.repeat(40));
    await expect(openUserStore(text)).rejects.toMatchObject({ code: 'USERS_DAMAGED' });
    const foreign = newFile();
    const Sqlite = createRequire(import.meta.url)('better-sqlite3');
    const other = new Sqlite(foreign);
    other.exec('CREATE TABLE cats (name TEXT)');
    other.close();
    await expect(openUserStore(foreign)).rejects.toMatchObject({ code: 'USERS_DAMAGED' });
    const file = newFile();
    {
      await using users = await openUserStore(file);
      for (let n = 0; n < 50; n += 1) await users.append('ann', choice('long '.repeat(200)));
    }
    const bytes = readFileSync(file);
    bytes.fill(0x41, 4096, bytes.length - 100);
    writeFileSync(file, bytes);
    await expect(openUserStore(file)).rejects.toMatchObject({ code: 'USERS_DAMAGED' });
  });

  it('cannot be stored in a folder that is not there, and not after closing', async () => {
    await expect(openUserStore(join(folder, 'nowhere', 'users.db'))).rejects.toMatchObject({
      code: 'OUTPUT_FAILED',
    });
    const users = await openUserStore(newFile());
    await users.close();
    await users.close();
    await expect(users.read('ann')).rejects.toMatchObject({ code: 'DISPOSED' });
  });

  const built = NOT_BUILT === null && existsSync(join(DIST, 'users/sqlite-store.js'));
  const script = fileURLToPath(new URL('../support/append-users.mjs', import.meta.url));
  const store = pathToFileURL(resolve(DIST, 'users/sqlite-store.js')).href;

  it.skipIf(!built)('are never lost to kill -9 once a change was answered', async () => {
    for (const acknowledged of [1, 7, 40]) {
      const file = newFile();
      const child = spawn(process.execPath, [script, store, file], { stdio: ['ignore', 'pipe', 'inherit'] });
      let out = '';
      child.stdout.setEncoding('utf8').on('data', (some: string) => {
        out += some;
        if (out.split('\n').length > acknowledged) child.kill('SIGKILL');
      });
      await new Promise((done) => child.on('close', done));
      const answered = out.split('\n').filter((line) => line !== '').length;
      await using users = await openUserStore(file);
      const events = await Promise.all(['user 0', 'user 1', 'user 2'].map((id) => users.read(id)));
      const numbers = events
        .flatMap((one) => one?.user.history.map(({ chosen }) => Number(chosen.split(' ')[1])) ?? [])
        .sort((a, b) => a - b);
      expect(numbers.length).toBeGreaterThanOrEqual(answered);
      expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, n) => n));
    }
  });

  it.skipIf(!built || process.platform === 'win32')(
    'say where the disk is full, and keep what was answered',
    async () => {
      const file = newFile();
      const child = spawn('bash', [
        '-c',
        'ulimit -f 400; exec "$0" "$@"',
        process.execPath,
        script,
        store,
        file,
      ]);
      let out = '';
      child.stdout.setEncoding('utf8').on('data', (some: string) => {
        out += some;
      });
      const code = await new Promise((done) => child.on('close', done));
      const lines = out.trim().split('\n');
      expect(code).toBe(7);
      expect(JSON.parse(lines.at(-1)!)).toMatchObject({ code: 'OUTPUT_FAILED' });
      await using users = await openUserStore(file);
      const events = await Promise.all(['user 0', 'user 1', 'user 2'].map((id) => users.read(id)));
      expect(events.reduce((sum, one) => sum + (one?.user.history.length ?? 0), 0)).toBe(lines.length - 1);
    },
  );
});
