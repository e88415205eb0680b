import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { row, temporaryFolder } from '../support/preference-file.js';

const NOT_BUILT =
  existsSync('dist/cli/main.js') && existsSync('build/native') ? null : 'dist or the addon is not built';
const script = 'bench/raters/eval-real.mjs';

/** Ten users of one prompt with two events each, one row to judge. */
async function madeData(folder: string): Promise<void> {
  const lines = Array.from({ length: 10 }, (_, user) =>
    ['train', 'train', 'test'].map((split, at) =>
      row(10 * user + at, {
        user_id: `u${user}`,
        split,
        prompt_id: 'p',
        chosen: { role: 'assistant', content: `Yes, number ${user} ${at}.` },
      }),
    ),
  ).flat();
  const users = Array.from({ length: 10 }, (_, user) => ({ user_id: `u${user}`, group: 'train' }));
  const zipped = (rows: readonly object[]) =>
    gzipSync(rows.map((one) => `${JSON.stringify(one)}\n`).join(''));
  await mkdir(join(folder, 'polis'), { recursive: true });
  await writeFile(join(folder, 'polis', 'pairs.jsonl.gz'), zipped(lines));
  await writeFile(join(folder, 'polis', 'users.jsonl.gz'), zipped(users));
}

describe.skipIf(NOT_BUILT !== null)(`npm run eval:real (${NOT_BUILT ?? 'built'})`, () => {
  it('ends a spell when its time is up, goes on with the next, and keeps report and command', async () => {
    const folder = await temporaryFolder();
    await madeData(folder);
    const places = ['--data', folder, '--out', join(folder, 'out'), '--results', join(folder, 'results')];
    const spell = (...more: string[]) =>
      spawnSync(process.execPath, [script, '--sets', 'polis', ...places, ...more], { encoding: 'utf8' });
    const first = spell('--minutes', '0.0001', '--rows', '6');
    expect([first.status, first.stderr]).toEqual([3, expect.stringContaining('the same command goes on')]);
    expect(existsSync(join(folder, 'results'))).toBe(false);
    const second = spell('--rows', '6', '--', '--resamples', '200');
    expect([second.status, second.stderr]).toEqual([0, expect.stringContaining('polis-nano')]);
    const kept = join(folder, 'results', 'polis-nano');
    const report = JSON.parse(await readFile(join(kept, 'report.json'), 'utf8'));
    expect(report.rows).toMatchObject({ asked: 6, read: 6 });
    expect(report.personal.controls[0]).toMatchObject({ control: 'swapped', difference: { rows: 6 } });
    expect(await readFile(join(kept, 'command.txt'), 'utf8')).toMatch(
      /^pgenrm eval .*--control swapped,none .*--sample 6 .*--resamples 200/,
    );
  }, 120_000);

  it('says what is missing', () => {
    const said = (...more: string[]) => spawnSync(process.execPath, [script, ...more], { encoding: 'utf8' });
    expect(said('--data', '/nowhere').stderr).toMatch(
      /no polis\/pairs.jsonl.gz; name the folder with --data/,
    );
    expect(said('--sets', 'prism').stderr).toMatch(/there is no set prism/);
    expect(said('--judge', 'other').stderr).toMatch(/needs --model/);
    expect(said('--minutes', '200').stderr).toMatch(/--minutes/);
  });
});
