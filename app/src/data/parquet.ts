// Records of a parquet file. Knows the file; not what a record means.
import { parquetReadObjects } from 'hyparquet';
import type { RawRecord } from 'pgenrm';

/** Rows that are read. */
const MOST_ROWS = 20_000;

export async function parquetRecords(file: File): Promise<RawRecord[]> {
  const buffer = {
    byteLength: file.size,
    slice: (start: number, end?: number) => file.slice(start, end).arrayBuffer(),
  };
  const rows = await parquetReadObjects({ file: buffer, rowEnd: MOST_ROWS }).catch((error: unknown) => {
    throw new Error(
      `${file.name} cannot be read: ${error instanceof Error ? error.message : String(error)}; write it uncompressed or with snappy, or as JSON Lines`,
      { cause: error },
    );
  });
  return rows.map((row, index) => ({ number: index + 1, row: plain(row) as NonNullable<RawRecord['row']> }));
}

/** 64-bit integers as numbers where they fit, else as text. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : `${value}`;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}
