import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { OpenOptions, PreferenceRow, RowProblem } from '../../src/data/preference-data.js';
import { openPreferenceData } from '../../src/data/preference-data.js';
import { PgenrmError } from '../../src/errors.js';
import { jsonLines, jsonLinesGz, makeFolder, pair, parquet, readAll, readRows } from './made-files.js';

const write = makeFolder();

/** A thousand rows that gzip cannot shrink to one block. */
const MANY = Array.from({ length: 1000 }, (_, index) => {
  const noise = Array.from({ length: 60 }, (_, at) =>
    Math.sin(index * 61 + at)
      .toString(36)
      .slice(3),
  ).join(' ');
  return pair(`c${index}`, `u${index % 7}`, index % 2 ? 'train' : 'test', noise);
});

function refused(path: string, options?: OpenOptions) {
  return expect(openPreferenceData(path, options)).rejects;
}

describe('files that are not there', () => {
  it('names a missing file and a directory', async () => {
    await refused('/no/such/file.jsonl').toMatchObject({
      code: 'INPUT_NOT_FOUND',
      message: expect.stringContaining('/no/such/file.jsonl'),
    });
    const path = write('folder-marker', 'x');
    mkdirSync(join(dirname(path), 'folder'));
    await refused(join(dirname(path), 'folder')).toMatchObject({
      code: 'INPUT_NOT_FOUND',
      message: expect.stringMatching(/is a directory.*\.jsonl/),
    });
    await refused('/dev/null').toMatchObject({
      code: 'INPUT_NOT_FOUND',
      message: expect.stringMatching(/not a regular file/),
    });
  });

  it('names a file that went or changed between opening and reading', async () => {
    const path = write('goes.jsonl', jsonLines([pair('a', 'u', 'test')]));
    const data = await openPreferenceData(path);
    utimesSync(path, 1, 1);
    await expect(data.rows()[Symbol.asyncIterator]().next()).rejects.toThrow(
      /has changed since it was opened/,
    );
    rmSync(path);
    await expect(data.rows()[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'INPUT_NOT_FOUND',
    });
  });
});

describe('files that are empty', () => {
  it.each<[string, string | Uint8Array]>([
    ['empty.jsonl', ''],
    ['blank.jsonl', '\n  \r\n\t\n'],
    ['bom.jsonl', '\ufeff\n'],
    ['empty.json', '[]'],
    ['data.json', '{"data": []}'],
    ['empty.jsonl.gz', gzipSync('')],
    ['empty.parquet', parquet([])],
  ])('%s says so', async (name, content) => {
    const path = write(name, content);
    await refused(path).toMatchObject({
      code: 'INPUT_MALFORMED',
      message: expect.stringMatching(/is empty/),
    });
    await refused(path, { format: 'trl' }).toMatchObject({
      code: 'INPUT_MALFORMED',
      message: expect.stringMatching(/is empty/),
    });
  });
});

describe('files of another kind', () => {
  it.each<[string, string | Uint8Array, RegExp]>([
    ['model.gguf', Buffer.from('GGUF\x03\x00\x00\x00\x00binary\n'), /binary.*parquet, \.jsonl/],
    ['tar.jsonl.gz', gzipSync(Buffer.alloc(2048, 0)), /binary/],
    ['fake.parquet', '{"a": 1}\n', /name says parquet/],
    ['table.csv', 'prompt,chosen,rejected\na,b,c\n', /neither JSON nor JSON Lines/],
    ['utf16.jsonl', Buffer.from('\ufeff{"a":1}\n', 'utf16le'), /UTF-16; convert it to UTF-8/],
    ['damaged.json', '[{"prompt": "q"', /the document is not JSON/],
    ['object.json', '{\n"rows": []\n}', /expected a list of rows or \{"data"/],
  ])('%s', async (name, content, message) => {
    await refused(write(name, content)).toMatchObject({
      code: 'INPUT_MALFORMED',
      message: expect.stringMatching(message),
    });
  });

  it('refuses a .json document that no string can hold, and advises .jsonl', async () => {
    const path = write('huge.json', '[\n');
    const handle = openSync(path, 'r+');
    truncateSync(path, 2 ** 30);
    writeFileSync(path, `[${' '.repeat(5000)}`, { flag: 'r+' });
    closeSync(handle);
    await refused(path).toThrow(/over \d+ MiB; convert it to \.jsonl/);
  });

  it('says what the first row has and what each format needs', async () => {
    const error = await openPreferenceData(write('other.jsonl', jsonLines([{ text: 'x', score: 1 }]))).catch(
      (e) => e,
    );
    expect(error).toBeInstanceOf(PgenrmError);
    expect(error.message).toMatch(/first row has the fields: text, score\./);
    for (const name of ['personal-reward-bench', 'prism', 'trl', 'reward-bench', 'lamp-qa']) {
      expect(error.message).toContain(`\n  ${name}: `);
    }
    await refused(write('users.jsonl', jsonLines([{ user_id: 'u', stated_criteria: '' }]))).toThrow(
      /looks like a users file/,
    );
    await refused(write('broken.jsonl', 'no\nrows\n')).toThrow(/No row could be read \(line 2 is not JSON/);
  });

  it('refuses options that it does not know', async () => {
    const path = write('fine.jsonl', jsonLines([pair('a', 'u', 'test')]));
    const wrong = [
      { format: 'csv' },
      { splits: 'test' },
      { split: '' },
      { historySplits: 'train' },
      { users: 3 },
    ];
    for (const options of wrong) {
      await refused(path, options as unknown as OpenOptions).toMatchObject({ code: 'INVALID_OPTION' });
    }
    await refused(path, { format: 'csv' } as unknown as OpenOptions).toThrow(/personal-reward-bench/);
  });
});

/** Rows until the file gives no more, and the error that ended it. */
async function readUntilDamage(path: string) {
  const data = await openPreferenceData(path);
  const rows: (PreferenceRow | RowProblem)[] = [];
  try {
    for await (const row of data.rows()) rows.push(row);
  } catch (error) {
    return { data, rows, error: error as PgenrmError };
  }
  throw new TypeError('expected the file to be damaged');
}

describe('damaged files', () => {
  it('gives the rows before the end of a gzip file cut short, then names the row reached', async () => {
    const whole = jsonLinesGz(MANY);
    for (const share of [0.3, 0.7, 0.999]) {
      const path = write('cut.jsonl.gz', whole.subarray(0, Math.floor(whole.length * share)));
      const { data, rows, error } = await readUntilDamage(path);
      expect(error).toMatchObject({ code: 'INPUT_MALFORMED' });
      expect(error.message).toMatch(/cut short, after row \d+$/);
      expect(error.message).toContain(`after row ${rows.length}`);
      expect(rows.length).toBeGreaterThan(1000 * share - 120);
      expect(data.count).toBe(rows.length);
      expect(data.damage?.message).toBe(error.message);
      expect(rows.every((row) => row.kind === 'row')).toBe(true);
    }
  });

  it('gives all rows of a gzip file that lacks only its checksum, then says so', async () => {
    const path = write('nosum.jsonl.gz', jsonLinesGz(MANY).subarray(0, -8));
    const { rows } = await readUntilDamage(path);
    expect(rows).toHaveLength(1000);
  });

  it('reports a gzip file damaged in its middle', async () => {
    const bytes = jsonLinesGz(MANY);
    bytes.fill(0xff, Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 64);
    const { data, rows, error } = await readUntilDamage(write('hurt.jsonl.gz', bytes));
    expect(error.message).toMatch(/damaged.*after row \d+/);
    expect(rows.length).toBeGreaterThan(100);
    expect(data.count).toBe(rows.length);
  });

  it('refuses a gzip file damaged before its first row', async () => {
    await refused(write('start.jsonl.gz', jsonLinesGz(MANY).subarray(0, 30))).toMatchObject({
      code: 'INPUT_MALFORMED',
      message: expect.stringMatching(/after row 0/),
    });
  });

  it('refuses a parquet file without its end', async () => {
    const bytes = parquet(MANY);
    for (const length of [4, 11, 2000, bytes.length - 1]) {
      await refused(write('cut.parquet', bytes.subarray(0, length))).toMatchObject({
        code: 'INPUT_MALFORMED',
        message: expect.stringMatching(/damaged or cut short/),
      });
    }
  });

  it('gives the row groups before the damage of a parquet file', async () => {
    const bytes = parquet(MANY, 250);
    const whole = await readRows(write('whole.parquet', bytes));
    const from = Math.floor(bytes.length * 0.6);
    const path = write('hurt.parquet', bytes.fill(0xff, from, from + 20_000));
    const { rows, error } = await readUntilDamage(path);
    expect(error).toMatchObject({ code: 'INPUT_MALFORMED' });
    expect(error.message).toMatch(/row group 3, after row 500/);
    expect(rows.map((row) => row.number)).toEqual(whole.slice(0, 500).map((row) => row.number));
  });

  it('gives a last line cut short as a problem', async () => {
    const text = jsonLines(MANY.slice(0, 3));
    const all = await readAll(write('cut.jsonl', text.slice(0, -20)));
    expect(all.map((row) => row.kind)).toEqual(['row', 'row', 'problem']);
  });

  it('gives a line that is not UTF-8 as a problem', async () => {
    const bad = Buffer.concat([
      Buffer.from(jsonLines([pair('a', 'u', 'test')])),
      Buffer.from('{"prompt":"caf\xe9"}\n', 'latin1'),
    ]);
    const all = await readAll(write('latin.jsonl', bad));
    expect(all[1]).toMatchObject({ kind: 'problem', reason: 'line 2 is not UTF-8 text' });
  });
});

describe('files that are unusual and fine', () => {
  const rows = [pair('a', 'u', 'train', 'naïve 語'), pair('b', 'u', 'test')];

  it('reads a byte order mark, CRLF, blank lines and a last line without an end', async () => {
    const expected = await readRows(write('plain.jsonl', jsonLines(rows)));
    const text = `\ufeff\r\n${rows.map((row) => JSON.stringify(row)).join('\r\n\r\n')}`;
    expect(await readRows(write('odd.jsonl', text))).toEqual(expected);
    expect(await readRows(write('odd.jsonl.gz', gzipSync(text)))).toEqual(expected);
    expect(await readRows(write('no-name', text))).toEqual(expected);
  });

  it('reads JSON documents: a list, data in an object, on one line or many, packed or not', async () => {
    const expected = await readRows(write('plain.jsonl', jsonLines(rows)));
    const texts = [
      JSON.stringify(rows),
      JSON.stringify(rows, null, 2),
      JSON.stringify({ version: 1, data: rows }),
      JSON.stringify({ data: rows }, null, 2),
    ];
    for (const text of texts) {
      expect(await readRows(write('rows.json', `\ufeff${text}`))).toEqual(expected);
      expect(await readRows(write('rows.json.gz', gzipSync(text)))).toEqual(expected);
    }
    expect(await readRows(write('lines.json', jsonLines(rows)))).toEqual(expected);
  });

  it('reads gzip files of several members', async () => {
    const parts = Buffer.concat(rows.map((row) => jsonLinesGz([row])));
    expect(await readRows(write('parts.jsonl.gz', parts))).toEqual(
      await readRows(write('plain.jsonl', jsonLines(rows))),
    );
  });

  it('reads a line of many megabytes', async () => {
    const long = pair('long', 'u', 'test', 'x'.repeat(8_000_000));
    const [, row] = await readRows(write('long.jsonl.gz', jsonLinesGz([rows[0], long])));
    expect(row?.item.candidates[row.label ?? -1]).toHaveLength(8_000_005);
  });

  it('gives the SHA-256 of the stored bytes as the fingerprint', async () => {
    const { createHash } = await import('node:crypto');
    const path = write('plain.jsonl.gz', jsonLinesGz(rows));
    const expected = createHash('sha256').update(readFileSync(path)).digest('hex');
    const data = await openPreferenceData(path, {
      users: write('users.jsonl', jsonLines([{ user_id: 'u', criteria: 'x' }])),
    });
    expect(data.fingerprint).toBe(expected);
    expect(data.users?.fingerprint).toMatch(/^[0-9a-f]{64}$/);
  });

  it('can be left in the middle', async () => {
    const data = await openPreferenceData(write('many.jsonl.gz', jsonLinesGz(MANY)));
    const seen: number[] = [];
    for await (const row of data.rows()) {
      seen.push(row.number);
      if (seen.length === 3) break;
    }
    expect(seen).toEqual([1, 2, 3]);
  });
});
