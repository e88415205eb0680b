// Writes made-up rows as the kinds of files that are read, into a folder that goes with the test.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { SchemaElement } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll } from 'vitest';
import {
  type OpenOptions,
  openPreferenceData,
  type PreferenceRow,
  type RowProblem,
} from '../../src/data/preference-data.js';

export type Row = Record<string, unknown>;

/** A folder that is removed after the tests of the file. */
export function makeFolder(): (name: string, content: string | Uint8Array) => string {
  const folder = mkdtempSync(join(tmpdir(), 'pgenrm-data-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return (name, content) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
}

export function jsonLines(rows: readonly unknown[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}

export function jsonLinesGz(rows: readonly unknown[]): Buffer {
  return gzipSync(jsonLines(rows));
}

/** How pages are packed; snappy by default. */
export type Packing = Pick<Parameters<typeof parquetWriteBuffer>[0], 'codec' | 'compressors'>;

type Leaf = Pick<SchemaElement, 'type' | 'converted_type'>;

/** Schema elements for values: objects become structs, arrays lists, whole numbers 64-bit integers. */
function schemaOf(name: string, samples: readonly unknown[], integers: boolean): SchemaElement[] {
  const values = samples.filter((value) => value !== null && value !== undefined);
  const repetition_type = 'OPTIONAL' as const;
  if (values.some(Array.isArray)) {
    return [
      { name, repetition_type, num_children: 1, converted_type: 'LIST' },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      ...schemaOf('element', values.flat(), integers),
    ];
  }
  if (values.some((value) => typeof value === 'object')) {
    const keys = [...new Set(values.flatMap((value) => Object.keys(value as Row)))];
    return [
      { name, repetition_type, num_children: keys.length },
      ...keys.flatMap((key) =>
        schemaOf(
          key,
          values.map((value) => (value as Row)[key]),
          integers,
        ),
      ),
    ];
  }
  return [{ name, repetition_type, ...leafOf(values, integers) }];
}

function leafOf(values: readonly unknown[], integers: boolean): Leaf {
  if (values.some((value) => typeof value === 'boolean')) return { type: 'BOOLEAN' };
  if (values.some((value) => typeof value === 'bigint')) return { type: 'INT64' };
  if (values.some((value) => typeof value === 'number')) return { type: integers ? 'INT64' : 'DOUBLE' };
  return { type: 'BYTE_ARRAY', converted_type: 'UTF8' };
}

function hasFraction(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isSafeInteger(value);
  return typeof value === 'object' && value !== null && Object.values(value).some(hasFraction);
}

function stored(value: unknown, integers: boolean): unknown {
  if (Array.isArray(value)) return value.map((element) => stored(element, integers));
  if (typeof value === 'number' && integers) return BigInt(value);
  if (typeof value !== 'object' || value === null) return value ?? null;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, stored(inner, integers)]));
}

/** Rows as parquet with lists and structs; columns of whole numbers hold 64-bit integers. */
export function parquet(rows: readonly Row[], rowGroupSize = 1000, codec: Packing = {}): Uint8Array {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const columns = names.map((name) => {
    const data = rows.map((row) => row[name] ?? null);
    const integers = !hasFraction(data);
    const schema = schemaOf(name, data, integers);
    return { schema, column: { name, data: data.map((value) => stored(value, integers)) } };
  });
  const schema = [
    { name: 'root', num_children: names.length },
    ...columns.flatMap((column) => column.schema),
  ];
  const columnData = columns.map(({ column }) => column);
  return new Uint8Array(parquetWriteBuffer({ columnData, schema, rowGroupSize, ...codec }));
}

/** Everything that a file gives. */
export async function readAll(path: string, options?: OpenOptions): Promise<(PreferenceRow | RowProblem)[]> {
  const data = await openPreferenceData(path, options);
  const all: (PreferenceRow | RowProblem)[] = [];
  for await (const row of data.rows()) all.push(row);
  return all;
}

/** The rows of a file that must have no problems. */
export async function readRows(path: string, options?: OpenOptions): Promise<PreferenceRow[]> {
  const all = await readAll(path, options);
  return all.map((row) => {
    if (row.kind === 'problem') throw new TypeError(`row ${row.number}: ${row.reason}`);
    return row;
  });
}

/** One labelled pair in the shape of PersonalRewardBench. */
export function pair(id: string, userId: string, split: string | undefined, text = id): Row {
  return {
    conversation_id: id,
    user_id: userId,
    context: [{ role: 'user', content: `query ${text}` }],
    chosen: { role: 'model', content: `good ${text}` },
    rejected: { role: 'model', content: `bad ${text}` },
    ...(split === undefined ? {} : { split }),
  };
}
