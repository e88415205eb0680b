// A file of rows, whatever its kind: opened once, read as often as asked, many rows at a time.
// Knows kinds of files and their damage; not what the rows mean.

import { constants } from 'node:buffer';
import { PgenrmError } from '../../errors.js';
import { describe, isRawRow } from '../formats/fields.js';
import { contentBytes, FILES_READ, type InputFile, openInput } from './file-bytes.js';
import { findRows, readRows } from './json-document.js';
import { parseJson } from './json-value.js';
import { linesOf } from './lines.js';
import { isParquet, openParquet } from './parquet-file.js';
import type { RawRecord, ReadOptions, RecordSource } from './record-source.js';

/** How a file of rows is opened. */
export interface RecordOptions {
  /** Longest line in bytes; a longer one is a row that cannot be read. Default {@link MAX_LINE_BYTES}. */
  readonly maxLineBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Longest line where nothing else is said: 64 MB. */
export const MAX_LINE_BYTES = 64e6;

/** A whole JSON document becomes one string, and no longer string exists. */
const JSON_LIMIT_BYTES = constants.MAX_STRING_LENGTH;

const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const SPACES = new Set([0x20, 0x09, 0x0a, 0x0d]);

function withoutBom(bytes: Buffer): Buffer {
  return bytes[0] === 0xef && bytes.subarray(0, 3).equals(BOM) ? bytes.subarray(3) : bytes;
}

function isBlank(line: Buffer): boolean {
  for (const byte of line) if (!SPACES.has(byte)) return false;
  return true;
}

function recordOf(number: number, value: unknown): RawRecord {
  if (isRawRow(value)) return { number, row: value };
  return { number, reason: `expected an object with fields, came ${describe(value)}` };
}

function damaged(path: string, reached: number, error: unknown): unknown {
  if (!(error instanceof PgenrmError) || error.code !== 'INPUT_MALFORMED') return error;
  return new PgenrmError('INPUT_MALFORMED', `${path}: ${error.message}, after row ${reached}`, {
    cause: error,
  });
}

function tooLong(length: number, limit: number): string {
  const size = (bytes: number): string => `${Math.ceil(bytes / 1e5) / 10} MB`;
  return `is ${size(length)} long, and lines up to ${size(limit)} are read; raise the bound with --max-line-mb if it is right`;
}

async function* readLines(
  file: InputFile,
  limit: number,
  options: ReadOptions,
): AsyncGenerator<readonly RawRecord[]> {
  let number = 0;
  let lineNumber = 0;
  try {
    for await (const lines of linesOf(contentBytes(file, options), limit)) {
      const records: RawRecord[] = [];
      for (const whole of lines) {
        lineNumber += 1;
        if (typeof whole === 'number') {
          number += 1;
          records.push({ number, reason: `line ${lineNumber} ${tooLong(whole, limit)}` });
          continue;
        }
        const line = lineNumber === 1 ? withoutBom(whole) : whole;
        if (isBlank(line)) continue;
        number += 1;
        const parsed = parseJson(line);
        if ('value' in parsed) records.push(recordOf(number, parsed.value));
        else records.push({ number, reason: `line ${lineNumber} ${parsed.reason}` });
      }
      if (records.length > 0) yield records;
    }
  } catch (error) {
    throw damaged(file.path, number, error);
  }
}

/** The first line that is not blank, and whether the content holds only that one. */
async function firstLine(
  file: InputFile,
  limit: number,
): Promise<{ readonly line: Buffer; readonly only: boolean } | undefined> {
  let line: Buffer | undefined;
  try {
    for await (const lines of linesOf(contentBytes(file), limit)) {
      for (const bytes of lines) {
        if (typeof bytes === 'number') return { line: line ?? Buffer.alloc(0), only: false };
        if (isBlank(withoutBom(bytes))) continue;
        if (line !== undefined) return { line, only: false };
        line = withoutBom(Buffer.from(bytes));
      }
    }
  } catch (error) {
    if (line === undefined) throw damaged(file.path, 0, error);
    return { line, only: false };
  }
  return line && { line, only: true };
}

async function wholeContent(file: InputFile, signal: AbortSignal | undefined): Promise<Buffer> {
  const { path, gzip, state } = file;
  const tooLarge = new PgenrmError(
    'INPUT_MALFORMED',
    `${path}: a .json file is read whole, and this one holds over ${Math.floor(JSON_LIMIT_BYTES / 2 ** 20)} MiB; ` +
      'convert it to .jsonl (one row a line), which is streamed',
  );
  if (!gzip && state.size > JSON_LIMIT_BYTES) throw tooLarge;
  const blocks: Buffer[] = [];
  let size = 0;
  try {
    for await (const block of contentBytes(file, { signal })) {
      size += block.length;
      if (size > JSON_LIMIT_BYTES) break;
      blocks.push(block);
    }
  } catch (error) {
    throw damaged(path, 0, error);
  }
  if (size > JSON_LIMIT_BYTES) throw tooLarge;
  return withoutBom(Buffer.concat(blocks));
}

function notRows(path: string, document: unknown): PgenrmError {
  const came = describe(document);
  return new PgenrmError(
    'INPUT_MALFORMED',
    `${path}: expected a list of rows or {"data": [rows]}, came ${came}`,
  );
}

async function openDocument(file: InputFile, signal: AbortSignal | undefined): Promise<RecordSource> {
  const { path, state } = file;
  const found = await findRows(await wholeContent(file, signal), signal);
  if ('reason' in found) throw new PgenrmError('INPUT_MALFORMED', `${path}: the document ${found.reason}`);
  if ('value' in found) throw notRows(path, found.value);
  return {
    state,
    async *read({ hash }: ReadOptions = {}) {
      if (hash !== undefined) for await (const _ of contentBytes({ path, gzip: false }, { hash, signal }));
      let number = 0;
      for await (const rows of readRows(found, signal)) {
        yield rows.map((parsed) => {
          number += 1;
          if ('value' in parsed) return recordOf(number, parsed.value);
          throw new PgenrmError('INPUT_MALFORMED', `${path}: the document's row ${number} ${parsed.reason}`);
        });
      }
    },
  };
}

function wrongKind(path: string, what: string): PgenrmError {
  return new PgenrmError('INPUT_MALFORMED', `${path}: ${what}. Files that are read: ${FILES_READ}`);
}

/** What the first bytes say: a list, an object, or text of another kind; binary content is refused. */
function openingOf(path: string, head: Buffer): 'list' | 'object' | 'text' {
  if (head[0] === 0xff && head[1] === 0xfe) throw wrongKind(path, 'the text is UTF-16; convert it to UTF-8');
  if (head[0] === 0xfe && head[1] === 0xff) throw wrongKind(path, 'the text is UTF-16; convert it to UTF-8');
  if (head.includes(0)) throw wrongKind(path, 'the content is binary and not of a known kind');
  const first = withoutBom(head).find((byte) => !SPACES.has(byte));
  if (first === 0x5b) return 'list';
  return first === 0x7b ? 'object' : 'text';
}

/**
 * Opens a file of rows; its kind is known from its content, the name decides only in doubt.
 * @throws PgenrmError INPUT_NOT_FOUND; INPUT_MALFORMED where it is empty or of a kind that is not read.
 */
export async function openRecords(path: string, options: RecordOptions = {}): Promise<RecordSource> {
  const { maxLineBytes = MAX_LINE_BYTES, signal } = options;
  const file = await openInput(path).catch((error: unknown) => {
    throw error instanceof PgenrmError && !error.message.includes(path) ? damaged(path, 0, error) : error;
  });
  if (isParquet(file.head) && !file.gzip) return openParquet(file, signal);
  if (/\.parquet$/i.test(path)) throw wrongKind(path, 'the name says parquet and the content is not');
  const kind = openingOf(path, file.head);
  const namedLines = /\.(jsonl|ndjson)(\.gz)?$/i.test(path);
  if (kind === 'list') return openDocument(file, signal);
  if (kind === 'text' && !namedLines && !isBlank(withoutBom(file.head))) {
    throw wrongKind(path, 'the content is neither JSON nor JSON Lines');
  }
  if (!namedLines && kind === 'object') {
    const opening = await firstLine(file, maxLineBytes);
    const parsed = opening === undefined ? undefined : parseJson(opening.line);
    const value = parsed !== undefined && 'value' in parsed ? parsed.value : undefined;
    const wrapped = opening?.only === true && isRawRow(value) && Array.isArray(value.data);
    if (wrapped || (value === undefined && /\.json(\.gz)?$/i.test(path))) return openDocument(file, signal);
  }
  return {
    state: file.state,
    read: (reading = {}) => readLines(file, maxLineBytes, { signal, ...reading }),
  };
}
