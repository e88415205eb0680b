import { brotliCompressSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openPreferenceData } from '../../src/data/preference-data.js';
import type { Packing, Row } from './made-files.js';
import { jsonLines, makeFolder, pair, parquet, readRows } from './made-files.js';

const write = makeFolder();

/** A zstd frame of stored blocks: nothing is compressed, and every reader of the format unpacks it. */
function zstdStored(input: Uint8Array): Uint8Array {
  const head = Buffer.alloc(9);
  head.writeUInt32LE(0xfd2fb528, 0);
  head.writeUInt8(0xa0, 4);
  head.writeUInt32LE(input.length, 5);
  const parts: Uint8Array[] = [head];
  const size = 1 << 16;
  for (let start = 0; start === 0 || start < input.length; start += size) {
    const block = input.subarray(start, start + size);
    const last = start + size >= input.length ? 1 : 0;
    const blockHead = Buffer.alloc(3);
    blockHead.writeUIntLE((block.length << 3) | last, 0, 3);
    parts.push(blockHead, block);
  }
  return Buffer.concat(parts);
}

const ROWS: Row[] = Array.from({ length: 40 }, (_, index) => ({
  ...pair(`c${index}`, `u${index % 3}`, index % 2 ? 'train' : 'test', `text ${'again '.repeat(index)}`),
  chosen_score: index % 4 === 0 ? null : 50.5 + index,
  history: index % 5 === 0 ? [{ prompt: 'q', chosen: 'c', rejected: 'r' }] : null,
}));

const PACKINGS: [string, Packing][] = [
  ['snappy', {}],
  ['none', { codec: 'UNCOMPRESSED' }],
  ['gzip', { codec: 'GZIP', compressors: { GZIP: (input) => gzipSync(input) } }],
  ['brotli', { codec: 'BROTLI', compressors: { BROTLI: (input) => brotliCompressSync(input) } }],
  ['zstd', { codec: 'ZSTD', compressors: { ZSTD: zstdStored } }],
];

describe('parquet', () => {
  it.each(PACKINGS)('reads pages packed with %s, in several row groups', async (_, packing) => {
    const expected = await readRows(write('rows.jsonl', jsonLines(ROWS)));
    expect(await readRows(write('rows.parquet', parquet(ROWS, 7, packing)))).toEqual(expected);
  });

  it('refuses a codec that is not read, by name', async () => {
    const path = write(
      'lz4.parquet',
      parquet(ROWS, 7, { codec: 'LZ4_RAW', compressors: { LZ4_RAW: (input) => input } }),
    );
    await expect(openPreferenceData(path)).rejects.toMatchObject({
      code: 'INPUT_MALFORMED',
      message: expect.stringMatching(/codec LZ4_RAW is not read; write the file with one of .*ZSTD/),
    });
  });

  it('writes 64-bit numbers out as ids, the large ones to the last digit', async () => {
    const rows = [41n, 9_223_372_036_854_775_807n].map((id) => ({
      id,
      prompt: 'q',
      chosen: 'a',
      rejected: 'b',
    }));
    const read = await readRows(write('ids.parquet', parquet(rows)));
    expect(read.map((row) => row.id)).toEqual(['41', '9223372036854775807']);
  });
});
