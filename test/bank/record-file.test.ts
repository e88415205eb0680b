import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { RecordFile, type RecordTable, writeRecords } from '../../src/bank/file/record-file.js';
import { suiteFolder } from './made-bank.js';
import { error } from './made-world.js';

const folder = await suiteFolder();
const path = join(folder, 'records.jsonl');
const records = Array.from({ length: 40 }, (_, at) => ({ at, text: 'é𝄞 '.repeat(at * at) }));
let table: RecordTable;

beforeEach(async () => {
  table = await writeRecords(path, records);
});

it('reads records in the order asked for, one twice, none at all', async () => {
  await using file = await RecordFile.open(path, table);
  expect(file.count).toBe(40);
  expect(await file.read(39)).toEqual(records[39]);
  expect(await file.readMany([7, 39, 0, 7])).toEqual([records[7], records[39], records[0], records[7]]);
  expect(await file.readMany([])).toEqual([]);
});

it('refuses all that were asked for with a damaged one, and only those', async () => {
  const bytes = await readFile(path);
  bytes[Number(table.offsets[12]!) + 9]! ^= 4;
  await writeFile(path, bytes);
  await using file = await RecordFile.open(path, table);
  await expect(file.readMany([3, 12, 4])).rejects.toMatchObject(error('BANK_DAMAGED', /record 13 fails/));
  expect(await file.readMany([11, 13])).toEqual([records[11], records[13]]);
});

it('refuses records of a file that is cut off while it is open', async () => {
  await using file = await RecordFile.open(path, table);
  await truncate(path, Number(table.offsets[39]!) + 5);
  await expect(file.readMany([1, 39])).rejects.toMatchObject(error('BANK_DAMAGED', /ends within the record/));
  expect(await file.readMany([1, 38])).toEqual([records[1], records[38]]);
});

it('ends the reads under way before it closes, and reads nothing afterwards', async () => {
  const file = await RecordFile.open(path, table);
  const reading = file.readMany(records.map((_, at) => at));
  await file[Symbol.asyncDispose]();
  expect(await reading).toEqual(records);
  await expect(file.readMany([1])).rejects.toMatchObject(error('BANK_DAMAGED', /cannot be read/));
});

it("keeps each line's CRC-32, as gzip reckons it, and where the next one begins", async () => {
  const { checksums, offsets } = await writeRecords(path, [{ at: 7, text: 'é' }]);
  expect([...checksums]).toEqual([0x69f9fbe5]);
  expect([...offsets]).toEqual([0n, 21n]);
});
