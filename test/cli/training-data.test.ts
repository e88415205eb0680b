// `pgenrm training-data` as users run it; the built program with a generator without model.

import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { fake, NOT_BUILT, startFake } from '../support/cli-process.js';
import { temporaryFolder, writeGoodRows } from '../support/preference-file.js';

let folder: string;
let out: string;
let words: (to: string, ...more: string[]) => string[];

beforeEach(async () => {
  folder = await temporaryFolder();
  out = join(folder, 'train.jsonl');
  const data = await writeGoodRows(join(folder, 'data.jsonl'), 12);
  const fixed = ['--stage', 'psi', '--format', 'trl', '--history-splits', 'test', '--concurrency', '1'];
  words = (to, ...more) => ['training-data', data, ...fixed, '--out', to, ...more];
});

describe.skipIf(NOT_BUILT !== null)(`pgenrm training-data (${NOT_BUILT ?? 'built'})`, () => {
  it('says what became of the rows', async () => {
    const { code, stderr } = await fake(words(out, '--license', 'MIT'));
    expect(stderr).toMatch(/rows {6}kept \d+, disagrees \d+\nlicence {3}MIT\n.*train\.jsonl: \d+ examples/);
    expect(code).toBe(0);
  });

  it('gives the same file after kill -9 as without it', async () => {
    const whole = join(folder, 'whole.jsonl');
    expect((await fake(words(whole))).code).toBe(0);
    const { child, ended } = await startFake(words(out), { delayMs: 100 });
    const rows = `${out}.rows.jsonl`;
    while (
      child.exitCode === null &&
      !(existsSync(rows) && (await readFile(rows, 'utf8')).split('\n').length > 3)
    )
      await pause(5);
    child.kill('SIGKILL');
    expect((await ended).signal).toBe('SIGKILL');
    expect(existsSync(out)).toBe(false);
    const { stderr, code } = await fake(words(out));
    expect(stderr).toMatch(/rows {6}[1-9]\d* of 12\n/);
    expect(code).toBe(0);
    expect(await readFile(out, 'utf8')).toBe(await readFile(whole, 'utf8'));
    expect(await readdir(folder)).not.toContain('train.jsonl.rows.jsonl.lock');
  });

  it('goes on after SIGTERM, too', async () => {
    const { child, ended } = await startFake(words(out), { delayMs: 100 });
    const rows = `${out}.rows.jsonl`;
    while (child.exitCode === null && !existsSync(rows)) await pause(5);
    child.kill('SIGTERM');
    const { code, stderr } = await ended;
    expect(stderr).toMatch(/stopped|stopping/);
    expect(code).toBe(143);
    expect((await fake(words(out, '--quiet'))).code).toBe(0);
  });

  it('is not written over its own input, nor without a trainer', async () => {
    const own = await fake(words(join(folder, 'data.jsonl'), '--force'));
    expect(own.stderr).toMatch(/is the same file as the data/);
    const none = await fake(['training-data', 'data.jsonl', '--stage', 'psi', '--out', out]);
    expect(none.stderr).toMatch(/--format <trainer>/);
    expect([own.code, none.code]).toEqual([2, 2]);
  });
});
