// What a run may touch, what it says of its users, and how it ends; the built program with a generator without model.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { link, readdir, readFile, symlink, truncate } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import type { RunManifest } from '../../src/run/scoring/run-manifest.js';
import { fake, MAIN, NOT_BUILT, pgenrm, startFake } from '../support/cli-process.js';
import { row, temporaryFolder, writeGoodRows, writeRows } from '../support/preference-file.js';

let folder: string;
let data: string;
let out: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  data = await writeGoodRows(join(folder, 'data.jsonl'), 6);
  out = join(folder, 'scores.jsonl');
});

/** Control characters that a terminal would take for a command. */
const commandsIn = (text: string): string[] =>
  [...text].filter(
    (one) => (one < ' ' && one !== '\n' && one !== '\t') || (one >= '\u007f' && one <= '\u009f'),
  );

const skipped = NOT_BUILT ?? 'built';

describe.skipIf(NOT_BUILT !== null)(`what a run may touch (${skipped})`, () => {
  it.each(['--force', '--resume'])('is never its own input (%s)', async (how) => {
    const users = await writeRows(join(folder, 'users.jsonl'), [{ user_id: 'u0', stated_criteria: 'x' }]);
    await symlink(data, join(folder, 'soft'));
    await link(users, join(folder, 'hard'));
    await link(users, `${out}.manifest.json`);
    const before = await readFile(data, 'utf8');
    for (const target of [data, join(folder, 'soft'), users, join(folder, 'hard'), out]) {
      const { code, stderr } = await fake(['score', data, '--users', users, '--out', target, how]);
      expect(stderr).toMatch(/INVALID_OPTION: the output .* is the same file as the (data|users file)/);
      expect(code).toBe(2);
    }
    expect(await readFile(data, 'utf8')).toBe(before);
  });

  it('nor is a report, a bank, a picture or a template one of its inputs', async () => {
    const from = await writeRows(join(folder, 'report.json'), ['{}']);
    const bank = await writeRows(join(folder, 'users.jsonl'), [row(0)]);
    const refusals = [
      await pgenrm(['eval', '--from', from, '--out', folder]),
      await pgenrm(['eval', data, '--users', from, '--out', folder, '--force']),
      await pgenrm(['bank', 'build', bank, '--out', folder, '--force']),
      await pgenrm(['template', 'import', from, '--out', from]),
    ];
    for (const { code, stderr } of refusals) {
      expect(stderr).toMatch(/is the same file as/);
      expect(code).toBe(2);
    }
    expect(await readFile(from, 'utf8')).toBe('{}\n');
  });
});

describe.skipIf(NOT_BUILT !== null)(`what a run says of its users (${skipped})`, () => {
  const manifest = async () => JSON.parse(await readFile(`${out}.manifest.json`, 'utf8')) as RunManifest;

  it('is printed and kept: users of the file, those in the data, rows with history and criteria', async () => {
    const users = await writeRows(join(folder, 'users.jsonl'), [
      { user_id: 'u0', stated_criteria: 'short' },
      { user_id: 'u1', stated_criteria: '' },
      { user_id: 'nobody', stated_criteria: 'x' },
    ]);
    const words = ['score', data, '--users', users, '--history-splits', 'test', '--limit', '4', '--out', out];
    const { stderr, code } = await fake(words);
    expect(code).toBe(0);
    expect(stderr).toMatch(/users {5}3 in .*users\.jsonl, 2 of them in the data/);
    expect(stderr).toMatch(/signals {3}4 rows with history, 2 with criteria/);
    const { usersFile, counts, identity, rowsInData } = await manifest();
    expect(usersFile).toEqual({ users: 3, inData: 2 });
    expect(counts).toMatchObject({ rows: 4, rowsWithHistory: 4, rowsWithCriteria: 2 });
    expect(identity.options.historySplits).toBe('test');
    expect(rowsInData).toBe(6);
    const other = await fake([
      ...words.filter((word) => !/^(--history-splits|test)$/.test(word)),
      '--resume',
    ]);
    expect(other.stderr).toMatch(/RUN_MISMATCH.*historySplits was test, is absent/);
  });

  it('warns where no row has a history though it need not be, and fails where asked to', async () => {
    const warning = /no row has a history: .*splits test.*--history-splits test/;
    const { stderr, code } = await fake(['score', data, '--out', out]);
    expect(stderr).toMatch(warning);
    expect(code).toBe(0);
    const asJson = await fake(['score', data, '--out', out, '--force', '--json-progress']);
    const [started] = asJson.stderr.split('\n').map((line) => (line === '' ? null : JSON.parse(line)));
    expect(started).toMatchObject({ event: 'started', warnings: [expect.stringMatching(warning)] });
    const failed = await fake(['score', data, '--require-history', '--out', out, '--force']);
    expect(failed.stderr).toMatch(/INPUT_MALFORMED: .*--require-history/);
    expect(failed.code).toBe(1);
  });

  it('takes a line bound', async () => {
    const long = await writeRows(join(folder, 'long.jsonl'), [row(0), row(1, { chosen: 'x'.repeat(9000) })]);
    const { code, stderr } = await fake(['score', long, '--max-line-mb', '0.002', '--out', out]);
    expect(stderr).toContain('1 scored, 0 failed, 1 invalid');
    expect(code).toBe(3);
  });
});

describe.skipIf(NOT_BUILT !== null)(`how a run ends (${skipped})`, () => {
  it.each([
    [['SIGINT', 'SIGINT'], 130],
    [['SIGHUP'], 129],
    [['SIGTERM'], 143],
  ] as const)('%j leaves no lock', async (signals, expected) => {
    const running = await startFake(['score', data, '--out', out, '--concurrency', '1'], { delayMs: 800 });
    while (running.child.exitCode === null && !existsSync(out)) await pause(5);
    for (const signal of signals) {
      running.child.kill(signal);
      await pause(50);
    }
    const { code, signal } = await running.ended;
    // The second signal may come when all is put away and nobody listens any more.
    expect(signal === null ? code : 128 + constants.signals[signal]).toBe(expected);
    expect(await readdir(folder)).not.toContain('scores.jsonl.lock');
  });

  it('says that a chains file is cut short, also when quiet', async () => {
    const chains = join(folder, 'chains');
    expect((await fake(['eval', data, '--levels', '1', '--out', chains, '--quiet'])).code).toBe(0);
    const path = join(chains, 'chains.jsonl');
    await truncate(path, (await readFile(path)).length - 30);
    const { code, stderr } = await fake(['eval', '--from', path, '--quiet', '--resamples', '100']);
    expect(stderr).toMatch(/warning: .*chains\.jsonl holds 5 of 6 rows, and its last line is cut off/);
    expect(code).toBe(3);
  });

  it.skipIf(!existsSync('/dev/full'))('says that standard output is full, without a stack', async () => {
    const scored = await fake(['score', data], {}, 'exec > /dev/full');
    expect(scored.stderr).toMatch(/pgenrm: OUTPUT_FAILED: cannot write standard output: the disk is full/);
    expect(scored.code).toBe(1);
    for (const words of ['template show compact', '--help']) {
      const { stderr, status } = spawnSync(
        'bash',
        ['-c', `"$0" "$1" ${words} > /dev/full`, process.execPath, MAIN],
        {
          encoding: 'utf8',
        },
      );
      expect(stderr).toMatch(/pgenrm: OUTPUT_FAILED: cannot write standard output: the disk is full/);
      expect(stderr).not.toMatch(/\n\s+at /);
      expect(status).toBe(1);
    }
  });

  it('writes no control character of data or file names to the terminal', async () => {
    const bad = await writeRows(join(folder, 'a\u001b[31mb.jsonl'), [{ 'x\u001b[2J': 1 }]);
    const { stderr } = await fake(['score', bad, '--out', out]);
    expect(stderr).toContain('a\\u001b[31mb.jsonl');
    expect(commandsIn(stderr)).toEqual([]);
    const named = await writeRows(join(folder, 'id.jsonl'), [row(0, { conversation_id: 'c\u009b2J' })]);
    const { stdout } = await fake(['score', named]);
    expect(commandsIn(stdout)).toEqual([]);
    expect(JSON.parse(stdout).id).toBe('c\u009b2J');
  });
});
