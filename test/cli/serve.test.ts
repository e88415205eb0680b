// `pgenrm serve` as a process: it listens, answers, refuses what would be unsafe, and stops as it should.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type FakeBehaviour, fake, NOT_BUILT, type Running, startFake } from '../support/cli-process.js';
import { NO_SQLITE } from '../support/sqlite.js';

const folder = mkdtempSync(join(tmpdir(), 'pgenrm-serve-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const JSON_TYPE = { 'content-type': 'application/json' };
const body = (prompt: string): string => JSON.stringify({ prompt, candidates: ['a', 'bb'] });

async function start(
  words: readonly string[],
  behaviour: FakeBehaviour = {},
): Promise<Running & { url: string }> {
  const running = await startFake(['serve', '--port', '0', ...words], behaviour);
  const url = await new Promise<string>((resolve, reject) => {
    let said = '';
    running.child.stderr!.on('data', (text: string) => {
      said += text;
      const ready = /ready at (\S+)/.exec(said);
      if (ready !== null) resolve(ready[1]!);
    });
    running.child.on('close', () => reject(new Error(said)));
  });
  return { ...running, url };
}

describe.skipIf(NOT_BUILT !== null)(`pgenrm serve (${NOT_BUILT ?? 'built'})`, () => {
  it('judges with its flags, logs requests without texts, and ends with 0 at SIGTERM', async () => {
    const { child, url, ended } = await start(['--ind', '3', '--max-rows', '2']);
    const answer = await fetch(`${url}/v1/judge`, {
      method: 'POST',
      headers: JSON_TYPE,
      body: body('SECRET'),
    });
    expect(await answer.json()).toMatchObject({ scores: [2, 3], cost: { chains: 3 } });
    const many = JSON.stringify({ inputs: [1, 2, 3].map(() => JSON.parse(body('p'))) });
    expect((await fetch(`${url}/v1/judge`, { method: 'POST', headers: JSON_TYPE, body: many })).status).toBe(
      413,
    );
    child.kill('SIGTERM');
    const { code, stderr, stdout } = await ended;
    expect(code).toBe(0);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/"path":"\/v1\/judge","status":200/);
    expect(stderr).not.toContain('SECRET');
  });

  it('answers 100 requests that are in flight when SIGTERM comes', async () => {
    const { child, url, ended } = await start(['--concurrency', '64'], { delayMs: 1500 });
    const asked = Array.from({ length: 100 }, (_, n) =>
      fetch(`${url}/v1/judge`, { method: 'POST', headers: JSON_TYPE, body: body(`${n}`) }),
    );
    await expect
      .poll(async () => await (await fetch(`${url}/metrics`)).text(), { interval: 5 })
      .toMatch(/pgenrm_admitted 100/);
    child.kill('SIGTERM');
    const answers = await Promise.all(asked);
    expect(answers.map(({ status }) => status)).toEqual(Array(100).fill(200));
    expect((await ended).code).toBe(0);
  });

  it.skipIf(NO_SQLITE !== null)(
    `keeps users over a kill -9 (${NO_SQLITE ?? 'with better-sqlite3'})`,
    async () => {
      const users = join(folder, 'users.db');
      const first = await start(['--users', users]);
      const choice = JSON.stringify({ prompt: 'q', chosen: 'CHOSEN', rejected: 'r' });
      const written = [];
      for (let n = 0; n < 5; n += 1) {
        const answer = await fetch(`${first.url}/v1/users/ann/choices`, {
          method: 'POST',
          headers: JSON_TYPE,
          body: choice,
        });
        written.push(((await answer.json()) as { events: number }).events);
      }
      expect(written).toEqual([1, 2, 3, 4, 5]);
      first.child.kill('SIGKILL');
      await first.ended;
      const second = await start(['--users', users]);
      const read = await (await fetch(`${second.url}/v1/users/ann`)).json();
      expect(read).toMatchObject({ version: 5 });
      await fetch(`${second.url}/v1/users/ann`, { method: 'DELETE' });
      second.child.kill('SIGKILL');
      await second.ended;
      expect(readFileSync(users, 'latin1').includes('CHOSEN')).toBe(false);
    },
  );

  it('refuses what would be unsafe or cannot be', async () => {
    const token = join(folder, 'token');
    writeFileSync(token, 'short\n');
    for (const [words, said] of [
      [['--host', '0.0.0.0'], /needs? .*token|a token/],
      [['--token-file', token], /16 characters/],
      [['--token-file', join(folder, 'none')], /INPUT_NOT_FOUND/],
      [['--pro', '2'], /--bank/],
      [['--group-size', '2'], /from 3 to 256/],
      [['--users', join(folder, 'no', 'where.db')], NO_SQLITE === null ? /OUTPUT_FAILED/ : /PACKAGE_MISSING/],
    ] as const) {
      const { code, stderr } = await fake(['serve', '--port', '0', ...words]);
      expect(code, stderr).toBeGreaterThan(0);
      expect(stderr).toMatch(said);
    }
  });

  it('needs the token of its file', async () => {
    const file = join(folder, 'good-token');
    writeFileSync(file, 'a-token-of-16-characters\n');
    const { child, url, ended } = await start(['--token-file', file]);
    const ask = (headers: Record<string, string>) =>
      fetch(`${url}/v1/judge`, { method: 'POST', headers: { ...JSON_TYPE, ...headers }, body: body('p') });
    expect((await ask({})).status).toBe(401);
    expect((await ask({ authorization: 'Bearer a-token-of-16-characters' })).status).toBe(200);
    child.kill('SIGINT');
    expect((await ended).code).toBe(0);
  });
});
