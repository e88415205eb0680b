// Parquet files: one row group in memory at a time, values as plain JSON values.
// Knows hyparquet; not what the columns mean.

import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AsyncBuffer, ColumnData, DecodedArray, FileMetaData, SchemaElement } from 'hyparquet';
import { messageOf, PgenrmError } from '../../errors.js';
import type { RawRow } from '../formats/fields.js';
import { isRawRow } from '../formats/fields.js';
import { numberOrDigits } from './exact-numbers.js';
import { contentBytes, type InputFile } from './file-bytes.js';
import type { RawRecord, RecordSource } from './record-source.js';

/** Whether bytes begin as parquet does. */
export function isParquet(head: Buffer): boolean {
  return head.subarray(0, 4).toString('latin1') === 'PAR1';
}

/** Codecs that are read; hyparquet-compressors takes valid LZ4 pages for damaged ones. */
const CODECS: readonly string[] = ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'BROTLI', 'ZSTD'];

const ROWS_AT_ONCE = 1000;

const PARSERS = {
  stringFromBytes: (bytes: Uint8Array | undefined): string | undefined =>
    bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'),
  // Stands for decimals in bytes, see `withoutDecimals`: their number of digits is not the reader's to cut.
  geometryFromBytes: (bytes: Uint8Array | undefined): unknown => bytes,
};

/** Turns what parquet gives into JSON values: 64-bit integers, dates and typed arrays become plain. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return numberOrDigits(value.toString());
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (ArrayBuffer.isView(value)) return Array.from(value as Uint8Array, plain);
  return isRawRow(value) ? plainRow(value, NO_DECIMALS) : value;
}

const NO_DECIMALS: ReadonlyMap<string, number> = new Map();

function plainRow(row: RawRow, decimals: ReadonlyMap<string, number>): RawRow {
  const entries = Object.entries(row).map(([name, value]) => {
    const scale = decimals.get(name);
    return [name, scale === undefined ? plain(value) : decimalOf(value, scale)] as const;
  });
  return Object.fromEntries(entries);
}

/** A decimal of its unscaled value: a whole number, or its two's complement in big-endian bytes. */
function decimalOf(value: unknown, scale: number): unknown {
  let unscaled: bigint;
  if (value instanceof Uint8Array) {
    const hex = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex');
    unscaled = BigInt.asIntN(Math.max(1, value.length * 8), BigInt(`0x${hex === '' ? '0' : hex}`));
  } else if (typeof value === 'bigint' || typeof value === 'number') {
    unscaled = BigInt(value);
  } else {
    return plain(value);
  }
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const sign = unscaled < 0n ? '-' : '';
  return numberOrDigits(`${sign}${whole}${scale > 0 ? `.${digits.slice(-scale)}` : ''}`);
}

/**
 * A file's schema in which its decimal columns are what they are stored as, with the scale of each, since the reader
 * makes doubles of decimals and so loses the last digits of an id. Decimals inside of lists and structs stay doubles.
 */
function withoutDecimals(metadata: FileMetaData): {
  readonly metadata: FileMetaData;
  readonly decimals: ReadonlyMap<string, number>;
} {
  const decimals = new Map<string, number>();
  const columns = new Set(topLevel(metadata.schema));
  const schema = metadata.schema.map((element) => {
    const { converted_type, logical_type, ...rest } = element;
    const isDecimal = converted_type === 'DECIMAL' || logical_type?.type === 'DECIMAL';
    if (!isDecimal || !columns.has(element)) return element;
    const scale = element.scale ?? (logical_type?.type === 'DECIMAL' ? logical_type.scale : 0);
    decimals.set(element.name, scale);
    const inBytes = element.type === 'BYTE_ARRAY' || element.type === 'FIXED_LEN_BYTE_ARRAY';
    return inBytes ? { ...rest, logical_type: { type: 'GEOMETRY' as const } } : rest;
  });
  return { metadata: decimals.size === 0 ? metadata : { ...metadata, schema }, decimals };
}

/** The elements of a schema that are columns by themselves: children of the root without children. */
function topLevel(schema: readonly SchemaElement[]): SchemaElement[] {
  const found: SchemaElement[] = [];
  const skip = (at: number): number => {
    let next = at + 1;
    for (let left = schema[at]?.num_children ?? 0; left > 0 && next < schema.length; left -= 1)
      next = skip(next);
    return next;
  };
  for (let at = 1; at < schema.length; at = skip(at)) {
    const element = schema[at];
    if (element !== undefined && !element.num_children && element.repetition_type !== 'REPEATED')
      found.push(element);
  }
  return found;
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

/** Values of one column that follow each other, from a row of the file on. */
interface ColumnPart {
  readonly start: number;
  readonly values: DecodedArray;
}

/** The value of a row; rows are asked for in order. */
function valueAt(cursor: { readonly parts: readonly ColumnPart[]; part: number }, row: number): unknown {
  for (; cursor.part < cursor.parts.length; cursor.part += 1) {
    const part = cursor.parts[cursor.part];
    if (part !== undefined && row < part.start + part.values.length) return part.values[row - part.start];
  }
  return undefined;
}

/**
 * Opens a parquet file by its footer.
 * @throws PgenrmError INPUT_MALFORMED where the footer is damaged, a codec is not read or there are no rows.
 */
export async function openParquet(
  { path, state }: InputFile,
  signal: AbortSignal | undefined,
): Promise<RecordSource> {
  const [{ parquetMetadataAsync, parquetRead, parquetSchema }, { compressors }] = await Promise.all([
    import('hyparquet'),
    import('hyparquet-compressors'),
  ]);
  const stored: FileMetaData = await withFile(path, (file) => parquetMetadataAsync(file)).catch(
    (error: unknown) => {
      if (error instanceof PgenrmError && error.code === 'INPUT_NOT_FOUND') throw error;
      const reason = `the parquet file is damaged or cut short (${messageOf(error)})`;
      throw new PgenrmError('INPUT_MALFORMED', `${path}: ${reason}; fetch or write it again`, {
        cause: error,
      });
    },
  );
  const { metadata, decimals } = withoutDecimals(stored);
  if (metadata.num_rows === 0n) {
    throw new PgenrmError('INPUT_MALFORMED', `${path} is empty: the parquet file holds no rows`);
  }
  checkCodecs(path, metadata);
  const names = parquetSchema(metadata).children.map((column) => column.element.name);

  return {
    state,
    async *read({ fields, hash } = {}) {
      if (hash !== undefined) for await (const _ of contentBytes({ path, gzip: false }, { hash, signal }));
      const chosen = fields === undefined ? names : names.filter((name) => fields.includes(name));
      const wanted = chosen.length === 0 ? names : chosen;
      let start = 0;
      for (const [group, { num_rows }] of metadata.row_groups.entries()) {
        signal?.throwIfAborted();
        const end = start + Number(num_rows);
        const from = start;
        const damage = (what: string, cause?: unknown): PgenrmError => {
          const place = `row group ${group + 1}, after row ${from}`;
          const message = `${path}: the parquet file is damaged in ${place} (${what}); fetch or write it again`;
          return new PgenrmError('INPUT_MALFORMED', message, { cause });
        };
        const settings = { metadata, compressors, parsers: PARSERS, rowStart: from, rowEnd: end };
        const cursors = await withFile(path, async (file) => {
          const read: { readonly name: string; readonly parts: readonly ColumnPart[]; part: number }[] = [];
          for (const name of wanted) {
            // Each column is decoded in one step; between two of them signals are heard.
            await nextTurn();
            signal?.throwIfAborted();
            const parts: ColumnPart[] = [];
            const onChunk = ({ columnData, rowStart }: ColumnData): void => {
              parts.push({ start: rowStart, values: columnData });
            };
            await parquetRead({ ...settings, file, columns: [name], onChunk }).catch((error: unknown) => {
              throw damage(messageOf(error), error);
            });
            const came = parts.reduce((sum, { values }) => sum + values.length, 0);
            if (came < end - from) throw damage(`expected ${end - from} values of ${name}, came ${came}`);
            read.push({ name, parts, part: 0 });
          }
          return read;
        });
        for (let at = from; at < end; at += ROWS_AT_ONCE) {
          await nextTurn();
          signal?.throwIfAborted();
          const rows: RawRecord[] = [];
          for (let number = at; number < Math.min(end, at + ROWS_AT_ONCE); number += 1) {
            const row = Object.fromEntries(cursors.map((cursor) => [cursor.name, valueAt(cursor, number)]));
            rows.push({ number: number + 1, row: plainRow(row, decimals) });
          }
          yield rows;
        }
        start = end;
      }
    },
  };
}
