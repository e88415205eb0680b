import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { fake, NOT_BUILT, pgenrm } from '../support/cli-process.js';
import { row, temporaryFolder, writeGoodRows, writeRows } from '../support/preference-file.js';

let folder: string;
let data: string;
let out: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  data = await writeGoodRows(join(folder, 'data.jsonl'), 6);
  out = join(folder, 'scores.jsonl');
});

describe.skipIf(NOT_BUILT !== null)(`pgenrm score (${NOT_BUILT ?? 'built'})`, () => {
  it('scores every row, sums up, and ends with 0', async () => {
    const { code, stdout, stderr } = await fake(['score', data, '--ind', '2', '--out', out]);
    expect(code).toBe(0);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/rows {6}6 scored, 0 failed, 0 invalid/);
    expect(stderr).toMatch(/chains {4}12 usable of 12/);
    expect(stderr).toMatch(/accuracy {2}\d\.\d{3} \(\d of 6; 95% interval/);
    expect(stderr).not.toContain('\u001b');
    expect((await readFile(out, 'utf8')).split('\n')).toHaveLength(7);
  });

  it('writes lines to standard output where no file is named, and nothing else there', async () => {
    const { code, stdout } = await fake(['score', data, '--limit', '2']);
    expect(code).toBe(0);
    const lines = stdout.split('\n').slice(0, -1);
    expect(lines.map((line) => JSON.parse(line).id)).toEqual(['c0', 'c1']);
    expect(await readdir(folder)).toEqual(['data.jsonl']);
  });

  it('scores rows without a label too, and then tells no accuracy', async () => {
    const unlabelled = await writeRows(join(folder, 'unlabelled.jsonl'), [
      { prompt: 'query 0 end', responses: ['a', 'bb', 'ccc'] },
      { prompt: 'query 1 end', candidates: ['a', 'bb'] },
    ]);
    const { code, stdout, stderr } = await fake(['score', unlabelled, '--ind', '3']);
    const records = stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
    // What counts here is that a row without a label is no failure by itself.
    for (const record of records) {
      expect(record.label).toBeUndefined();
      expect(record.correct).toBeUndefined();
    }
    expect(records).toHaveLength(2);
    expect(stderr).not.toContain('accuracy');
    expect(code).toBe(records.every((record) => record.status === 'scored') ? 0 : 3);
  });

  it('counts a row that fits no shape and goes on, with 3', async () => {
    const mixed = await writeRows(join(folder, 'mixed.jsonl'), [
      row(0),
      '{"half',
      row(2, { rejected: 7 }),
      row(3),
    ]);
    const { code, stderr } = await fake(['score', mixed, '--out', out]);
    expect(code).toBe(3);
    expect(stderr).toContain('2 scored, 0 failed, 2 invalid');
    const records = (await readFile(out, 'utf8'))
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
    expect(records.map((record) => [record.row, record.status])).toEqual([
      [1, 'scored'],
      [2, 'invalid'],
      [3, 'invalid'],
      [4, 'scored'],
    ]);
    expect(records[2].reason).toMatch(/rejected/);
  });

  it('says of a row without a usable chain that it failed, with 3 and how to try again', async () => {
    const { code, stderr } = await fake(['score', data, '--ind', '2', '--out', out], { loseRows: [1] });
    expect(code).toBe(3);
    expect(stderr).toContain('5 scored, 1 failed, 0 invalid');
    expect(stderr).toContain('(lost: 2 noJson)');
    expect(stderr).toContain('--retry-failed');
    const again = await fake(['score', data, '--ind', '2', '--out', out, '--retry-failed']);
    expect(again.code).toBe(0);
  });

  it('says how many history events a prompt had no room for', async () => {
    const long = await writeRows(join(folder, 'long.jsonl'), [
      ...Array.from({ length: 30 }, (_, index) =>
        row(index, {
          user_id: 'u',
          split: 'train',
          chosen: { role: 'assistant', content: 'long '.repeat(2000) },
        }),
      ),
      row(30, { user_id: 'u' }),
    ]);
    const { code, stdout, stderr } = await fake(['score', long, '--split', 'test']);
    expect(code).toBe(0);
    const record = JSON.parse(stdout);
    expect(record.droppedEvents).toBeGreaterThan(0);
    expect(record.usedEvents + record.droppedEvents).toBe(30);
    expect(stderr).toContain('1 rows had no room');
  });

  it('reports progress as JSON lines where asked to', async () => {
    const { stderr } = await fake(['score', data, '--out', out, '--json-progress'], { loseRows: [2] });
    const events = stderr
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
    expect(events.map((event) => event.event)).toEqual(['started', ...Array(6).fill('row'), 'finished']);
    expect(events[3]).toMatchObject({ row: 3, id: 'c2', status: 'failed', done: 3, rows: 6 });
    expect(events.at(-1)).toMatchObject({ summary: { counts: { scored: 5, failed: 1 } } });
    const error = await fake(['score', join(folder, 'none.jsonl'), '--json-progress']);
    expect(JSON.parse(error.stderr)).toMatchObject({ event: 'error', code: 'INPUT_NOT_FOUND' });
  });

  it('is silent under --quiet', async () => {
    const { code, stdout, stderr } = await fake(['score', data, '--out', out, '--quiet']);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('logs under --log-level, before or after the command', async () => {
    const after = await fake(['score', data, '--out', out, '--quiet', '--log-level', 'info']);
    expect(JSON.parse(after.stderr.split('\n')[0]!)).toMatchObject({
      msg: 'model loaded',
      template: 'compact',
    });
    const before = await fake(['--log-level', 'warn', 'score', data, '--quiet'], { loseRows: [0] });
    expect(JSON.parse(before.stderr.split('\n')[0]!)).toMatchObject({ status: 'failed', row: 1 });
  });

  it('shows a stack of an unexpected error under --log-level debug only', async () => {
    const words = ['score', data, '--concurrency', '1', '--out', out];
    const plain = await fake(words, { failRows: [2] });
    expect(plain.code).toBe(1);
    expect(plain.stderr).toContain('pgenrm: INTERNAL: row 2 breaks the generator');
    expect(plain.stderr).not.toMatch(/^\s+at /m);
    const debug = await fake([...words, '--force', '--log-level', 'debug'], { failRows: [2] });
    expect(debug.stderr).toContain('"stack":"Error: row 2 breaks');
    expect((await readFile(out, 'utf8')).split('\n')).toHaveLength(3);
  });
});

describe.skipIf(NOT_BUILT !== null)(
  `bad usage (${NOT_BUILT ?? 'built'}) ends with 2 and says what is wrong`,
  () => {
    const DATA = 'DATA';
    const cases: [string, string[], RegExp][] = [
      ['no command', [], /Usage: pgenrm/],
      ['an unknown command', ['scor', DATA], /unknown command 'scor'[\s\S]*Did you mean score/],
      ['no data', ['score'], /missing required argument 'data'/],
      ['two files', ['score', DATA, DATA], /too many arguments/],
      [
        'an unknown option',
        ['score', DATA, '--temprature', '1'],
        /unknown option '--temprature'[\s\S]*--temperature/,
      ],
      [
        '--ind 0',
        ['score', DATA, '--ind', '0'],
        /--ind <m>' argument '0' is invalid. It must be an integer from 1 to 1024/,
      ],
      ['--ind 2.5', ['score', DATA, '--ind', '2.5'], /an integer from 1 to 1024/],
      ['--seed -1', ['score', DATA, '--seed', '-1'], /an integer from 0 to 4294967295/],
      ['--temperature warm', ['score', DATA, '--temperature', 'warm'], /a number from 0 to 10/],
      ['--temperature empty', ['score', DATA, '--temperature', ''], /a number from 0 to 10/],
      ['--top-p 0', ['score', DATA, '--top-p', '0'], /a number above 0 and at most 1/],
      ['--min-p 2', ['score', DATA, '--min-p', '2'], /a number from 0 to 1/],
      ['--max-tokens 0', ['score', DATA, '--max-tokens', '0'], /an integer from 1/],
      ['--history-events -1', ['score', DATA, '--history-events', '-1'], /an integer from 0/],
      ['--limit 0', ['score', DATA, '--limit', '0'], /an integer from 1/],
      ['--threads 0', ['score', DATA, '--threads', '0'], /an integer from 1 to 1024/],
      ['--context 10', ['score', DATA, '--context', '10'], /an integer from 256/],
      ['--max-sequences 0', ['score', DATA, '--max-sequences', '0'], /an integer from 1 to 256/],
      ['a kv-type', ['score', DATA, '--engine', 'kv-type=f8'], /kv-type must be one of f16, q8_0; got 'f8'/],
      ['a kv-cells', ['score', DATA, '--engine', 'kv-cells=1'], /kv-cells must be an integer from 64/],
      ['no workers', ['score', DATA, '--engine', 'workers='], /workers must be an integer from 1 to 64/],
      ['--engine alone', ['score', DATA, '--engine', 'workers'], /must be KEY=VALUE, the key one of kv-type/],
      ['no such setting', ['score', DATA, '--engine', 'kvType=f16'], /no setting kvType; there are kv-type,/],
      ['--reorder 0', ['score', DATA, '--reorder', '0'], /an integer from 1 to 65536/],
      ['--concurrency 1000', ['score', DATA, '--concurrency', '1000'], /an integer from 1 to 256/],
      ['--generator', ['score', DATA, '--generator', 'cloud'], /Allowed choices are native, portable/],
      ['--gpu', ['score', DATA, '--gpu', 'tpu'], /Allowed choices are auto, cuda/],
      ['--grammar', ['score', DATA, '--grammar', 'xml'], /Allowed choices are off, part2, chain/],
      ['--format', ['score', DATA, '--format', 'csv'], /Allowed choices are personal-reward-bench/],
      ['--log-level', ['score', DATA, '--log-level', 'loud'], /Allowed choices are silent/],
      ['--resume without a file', ['score', DATA, '--resume'], /--resume needs a file/],
      ['--retry-failed without a file', ['score', DATA, '--retry-failed'], /--retry-failed needs a file/],
      ['--force and --resume', ['score', DATA, '--force', '--resume', '--out', 'OUT'], /cannot be used with/],
      ['--retry-failed of nothing', ['score', DATA, '--retry-failed', '--out', 'OUT'], /does not exist/],
      ['a split that is not there', ['score', DATA, '--split', 'dev'], /INVALID_OPTION: .* has no split/],
      [
        'an option that leaves no room',
        ['score', DATA, '--max-tokens', '999999'],
        /maxTokens must leave room/,
      ],
    ];
    it.each(cases)('%s', async (_, words, message) => {
      const named = words.map((word) => (word === DATA ? data : word === 'OUT' ? out : word));
      const { code, stderr, stdout } = await fake(named);
      expect(stderr).toMatch(message);
      expect(code).toBe(2);
      expect(stdout).toBe('');
      expect(await readdir(folder)).toEqual(['data.jsonl']);
    });

    it('an output that exists, and one of another run', async () => {
      await fake(['score', data, '--out', out, '--limit', '2']);
      const before = await readFile(out, 'utf8');
      const again = await fake(['score', data, '--out', out]);
      expect(again).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/INVALID_OPTION.*--resume.*--force/),
      });
      const other = await fake(['score', data, '--out', out, '--resume', '--ind', '3', '--model', 'other']);
      expect(other).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(
          /RUN_MISMATCH.*model sha256 was sha-of-nano, is sha-of-other; individual was 1, is 3/,
        ),
      });
      expect(await readFile(out, 'utf8')).toBe(before);
      expect((await fake(['score', data, '--out', out, '--force', '--ind', '3'])).code).toBe(0);
    });
  },
);

describe.skipIf(NOT_BUILT !== null)(
  `bad input (${NOT_BUILT ?? 'built'}) ends with 1 and one clear message`,
  () => {
    const one = (stderr: string): void => {
      expect(stderr.trim().split('\n')).toHaveLength(1);
    };

    it('a data file that is not there', async () => {
      const { code, stderr } = await fake(['score', join(folder, 'none.jsonl'), '--out', out]);
      expect({ code, stderr }).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/INPUT_NOT_FOUND.*none\.jsonl/),
      });
      one(stderr);
      expect(await readdir(folder)).toEqual(['data.jsonl']);
    });

    it('a users file that is not there', async () => {
      const { code, stderr } = await fake(['score', data, '--users', join(folder, 'none.jsonl')]);
      expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('INPUT_NOT_FOUND') });
    });

    it.each([
      ['an empty file', ''],
      ['a file of no known shape', '{"colour":"red"}\n'],
      ['a file that is not JSON', 'once upon a time\n'],
    ])('%s', async (_, text) => {
      const path = join(folder, 'bad.jsonl');
      await writeFile(path, text);
      const { code, stderr } = await fake(['score', path, '--out', out]);
      expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('INPUT_MALFORMED') });
      expect(existsSync(out)).toBe(false);
    });

    it('a damaged file: the rows before the damage are scored and kept', async () => {
      const { gzipSync } = await import('node:zlib');
      const { randomBytes } = await import('node:crypto');
      const rows = Array.from({ length: 400 }, (_, index) =>
        JSON.stringify(row(index, { noise: randomBytes(600).toString('hex') })),
      );
      const bytes = gzipSync(`${rows.join('\n')}\n`);
      const path = join(folder, 'cut.jsonl.gz');
      await writeFile(path, bytes.subarray(0, Math.floor(bytes.length / 2)));
      const { code, stderr } = await fake(['score', path, '--out', out]);
      expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('INPUT_MALFORMED') });
      const kept = (await readFile(out, 'utf8'))
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line));
      expect(kept.length).toBeGreaterThan(50);
      expect(kept.every((record) => record.status === 'scored')).toBe(true);
    });

    it('an output directory that is not there, and an output that is a directory', async () => {
      const nowhere = await fake(['score', data, '--out', join(folder, 'nowhere', 'out.jsonl')]);
      expect(nowhere).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/OUTPUT_FAILED.*directory does not exist/),
      });
      await mkdir(out);
      const directory = await fake(['score', data, '--out', out, '--force']);
      expect(directory).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/OUTPUT_FAILED.*not a regular file/),
      });
    });

    it('a template that is not there', async () => {
      const { code, stderr } = await fake(['score', data, '--template', 'nowhere.json', '--out', out]);
      expect({ code, stderr }).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('TEMPLATE_INVALID'),
      });
      expect(await readdir(folder)).toEqual(['data.jsonl']);
    });

    it('a model that is not there, is damaged, or is no model', async () => {
      const none = await pgenrm(['score', data, '--model', join(folder, 'none.gguf'), '--out', out]);
      expect(none).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^pgenrm: MODEL_NOT_FOUND: .*none\.gguf/),
      });
      const text = join(folder, 'text.gguf');
      await writeFile(text, 'this is no model');
      const bad = await pgenrm(['score', data, '--model', text, '--out', out]);
      expect(bad).toMatchObject({ code: 1, stderr: expect.stringMatching(/^pgenrm: MODEL_UNUSABLE: /) });
      expect((await readdir(folder)).sort()).toEqual(['data.jsonl', 'text.gguf']);
    });
  },
);
