// Parquet files: one row group in memory at a time, values as plain JSON values.
// Knows hyparquet; not what the columns mean.

import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import type { AsyncBuffer, FileMetaData } from 'hyparquet';
import { messageOf, PgenrmError } from '../errors.js';
import type { RawRow } from './fields.js';
import { isRawRow } from './fields.js';
import type { RecordSource } from './records.js';

/** Whether bytes begin as parquet does. */
export function isParquet(head: Buffer): boolean {
  return head.subarray(0, 4).toString('latin1') === 'PAR1';
}

/** Codecs that are read; hyparquet-compressors takes valid LZ4 pages for damaged ones. */
const CODECS: readonly string[] = ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'BROTLI', 'ZSTD'];

const PARSERS = {
  stringFromBytes: (bytes: Uint8Array | undefined): string | undefined =>
    bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'),
};

/** Turns what parquet gives into JSON values: 64-bit integers, dates and typed arrays become plain. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value.toString();
  }
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (ArrayBuffer.isView(value)) return Array.from(value as Uint8Array, plain);
  return isRawRow(value) ? plainRow(value) : value;
}

function plainRow(row: RawRow): RawRow {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)]));
}

function bufferOf(handle: FileHandle, byteLength: number): AsyncBuffer {
  return {
    byteLength,
    async slice(start, end = byteLength) {
      const bytes = new Uint8Array(Math.max(0, end - start));
      let filled = 0;
      while (filled < bytes.length) {
        const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, start + filled);
        if (bytesRead === 0)
          throw new PgenrmError('INPUT_MALFORMED', `the file ends at byte ${start + filled}`);
        filled += bytesRead;
      }
      return bytes.buffer;
    },
  };
}

function checkCodecs(path: string, metadata: FileMetaData): void {
  const chunks = metadata.row_groups.flatMap((group) => group.columns);
  const codec = chunks
    .map((chunk) => chunk.meta_data?.codec ?? 'none')
    .find((name) => !CODECS.includes(name));
  if (codec === undefined) return;
  throw new PgenrmError(
    'INPUT_MALFORMED',
    `${path}: the parquet codec ${codec} is not read; write the file with one of ${CODECS.join(', ')}`,
  );
}

async function withFile<T>(path: string, use: (file: AsyncBuffer) => Promise<T>): Promise<T> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw new PgenrmError('INPUT_NOT_FOUND', `${path} cannot be read: ${messageOf(error)}`, { cause: error });
  });
  try {
    return await use(bufferOf(handle, (await handle.stat()).size));
  } finally {
    await handle.close();
  }
}

/**
 * Opens a parquet file by its footer.
 * @throws PgenrmError INPUT_MALFORMED where the footer is damaged, a codec is not read or there are no rows.
 */
export async function openParquet(path: string): Promise<RecordSource> {
  const [{ parquetMetadataAsync, parquetReadObjects, parquetSchema }, { compressors }] = await Promise.all([
    import('hyparquet'),
    import('hyparquet-compressors'),
  ]);
  const metadata: FileMetaData = await withFile(path, (file) => parquetMetadataAsync(file)).catch(
    (error: unknown) => {
      if (error instanceof PgenrmError && error.code === 'INPUT_NOT_FOUND') throw error;
      const reason = `the parquet file is damaged or cut short (${messageOf(error)})`;
      throw new PgenrmError('INPUT_MALFORMED', `${path}: ${reason}; fetch or write it again`, {
        cause: error,
      });
    },
  );
  if (metadata.num_rows === 0n) {
    throw new PgenrmError('INPUT_MALFORMED', `${path} is empty: the parquet file holds no rows`);
  }
  checkCodecs(path, metadata);
  const names = parquetSchema(metadata).children.map((column) => column.element.name);

  return {
    async *read(fields) {
      const columns = fields === undefined ? names : names.filter((name) => fields.includes(name));
      let start = 0;
      for (const [group, { num_rows }] of metadata.row_groups.entries()) {
        const end = start + Number(num_rows);
        const from = start;
        const read = withFile(path, (file) =>
          parquetReadObjects({
            file,
            metadata,
            compressors,
            parsers: PARSERS,
            rowStart: from,
            rowEnd: end,
            ...(columns.length === 0 ? {} : { columns }),
          }),
        );
        const damage = (what: string, cause?: unknown): PgenrmError => {
          const place = `row group ${group + 1}, after row ${from}`;
          const message = `${path}: the parquet file is damaged in ${place} (${what}); fetch or write it again`;
          return new PgenrmError('INPUT_MALFORMED', message, { cause });
        };
        const rows = await read.catch((error: unknown) => {
          throw error instanceof PgenrmError && error.code === 'INPUT_NOT_FOUND'
            ? error
            : damage(messageOf(error), error);
        });
        if (rows.length !== end - from) throw damage(`expected ${end - from} rows, came ${rows.length}`);
        for (const row of rows) {
          start += 1;
          yield { number: start, row: plainRow(row) };
        }
        start = end;
      }
    },
  };
}
