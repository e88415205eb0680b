// Lines of any length: a bound on what is held, and reading that can be ended.

import { rmSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { MOST_VALUES } from '../../src/data/files/json-value.js';
import { linesOf } from '../../src/data/files/lines.js';
import { openPreferenceData } from '../../src/data/preference-data.js';
import { jsonLines, makeFolder, pair, parquet, readAll } from './made-files.js';

const write = makeFolder();

async function cut(blocks: readonly string[], limit: number): Promise<(string | number)[]> {
  async function* content(): AsyncGenerator<Buffer> {
    for (const block of blocks) yield Buffer.from(block);
  }
  const all: (string | number)[] = [];
  for await (const lines of linesOf(content(), limit)) {
    all.push(...lines.map((line) => (typeof line === 'number' ? line : line.toString())));
  }
  return all;
}

describe('linesOf', () => {
  it.each<[string[], (string | number)[]]>([
    [['ab\ncd\n'], ['ab', 'cd']],
    [
      ['a', 'b\nc', 'd'],
      ['ab', 'cd'],
    ],
    [
      ['\n\n', 'x'],
      ['', '', 'x'],
    ],
    [['1234\n12345\n1'], ['1234', 5, '1']],
    [
      ['123', '456', '7\nab', '\n'],
      [7, 'ab'],
    ],
    [['12345'], [5]],
  ])('cuts %j at a limit of 4', async (blocks, expected) => {
    expect(await cut(blocks, 4)).toEqual(expected);
  });
});

describe('a line that is longer than allowed', () => {
  it('is a problem that names the option, and the rows around it are read', async () => {
    const rows = [
      pair('a', 'u', 'test'),
      pair('long', 'u', 'test', 'x'.repeat(5000)),
      pair('b', 'u', 'test'),
    ];
    const path = write('long.jsonl', jsonLines(rows));
    const all = await readAll(path, { maxLineBytes: 4000 });
    expect(all.map((row) => [row.kind, row.number])).toEqual([
      ['row', 1],
      ['problem', 2],
      ['row', 3],
    ]);
    expect(all[1]).toMatchObject({ reason: expect.stringMatching(/^line 2 is 0\.1 MB long.*--max-line-mb/) });
    expect(await readAll(path)).toHaveLength(3);
    await expect(openPreferenceData(path, { maxLineBytes: 0 })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
  });

  it('of a gzip file does not take its length in memory', async () => {
    const line = `{"prompt": "${'x'.repeat(2 ** 28)}"}\n`;
    const path = write(
      'bomb.jsonl.gz',
      Buffer.concat([gzipSync(line), gzipSync(jsonLines([pair('a', 'u', 'test')]))]),
    );
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    const timer = setInterval(() => {
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }, 5);
    const all = await readAll(path);
    clearInterval(timer);
    expect(all.map((row) => row.kind)).toEqual(['problem', 'row']);
    expect(most).toBeLessThan(150e6);
  });

  it('of a million brackets is a problem and not minutes of work', async () => {
    const path = write(
      'deep.jsonl',
      `{"a": ${'['.repeat(MOST_VALUES + 1)}\n${jsonLines([pair('a', 'u', 'test')])}`,
    );
    const all = await readAll(path);
    expect(all[0]).toMatchObject({ kind: 'problem', reason: expect.stringMatching(/holds over \d+ values/) });
    expect(all[1]).toMatchObject({ kind: 'row' });
  });
});

describe('reading that is ended', () => {
  it('ends with the reason of the signal, in the first pass and in the rows', async () => {
    const rows = Array.from({ length: 20_000 }, (_, index) => pair(`c${index}`, 'u', 'test'));
    const path = write('many.jsonl', jsonLines(rows));
    const reason = new Error('stop');
    await expect(openPreferenceData(path, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const data = await openPreferenceData(path, { signal: controller.signal });
    const read = async (): Promise<void> => {
      for await (const row of data.rows()) if (row.number === 10) controller.abort(reason);
    };
    await expect(read()).rejects.toBe(reason);
  });
});

describe('a parquet file that changes while it is read', () => {
  const rows = Array.from({ length: 100 }, (_, index) => pair(`c${index}`, 'u', 'test'));

  it('that is gone is not found, and one that became shorter is damaged', async () => {
    const { openRecords } = await import('../../src/data/files/records.js');
    const path = write('goes.parquet', parquet(rows, 10));
    const source = await openRecords(path);
    write('goes.parquet', parquet(rows, 10).subarray(0, 400));
    const next = () => source.read().next();
    await expect(next()).rejects.toMatchObject({
      code: 'INPUT_MALFORMED',
      message: expect.stringMatching(/damaged in row group 1, after row 0 \(the file ends at byte 400\)/),
    });
    rmSync(path);
    await expect(next()).rejects.toMatchObject({
      code: 'INPUT_NOT_FOUND',
      message: expect.stringContaining(path),
    });
    await expect(openPreferenceData(path)).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' });
  });
});
