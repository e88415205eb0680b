// A file of rows, whatever its kind: opened once, read as often as asked, one row at a time.
// Knows kinds of files and their damage; not what the rows mean.

import { constants, isUtf8 } from 'node:buffer';
import { messageOf, PgenrmError } from '../errors.js';
import type { RawRow } from './fields.js';
import { describe, isRawRow } from './fields.js';
import { contentBytes, contentHeadOf, FILES_READ, fileState, headOf, isGzip, linesOf } from './file-bytes.js';
import { isParquet, openParquet } from './parquet-file.js';

/** One row of a file; `row` is absent and `reason` says why where it could not be read. */
export interface RawRecord {
  /** Number of the row in the file from 1; blank lines are not counted. */
  readonly number: number;
  readonly row?: RawRow;
  readonly reason?: string;
}

/** The rows of a file. */
export interface RecordSource {
  /**
   * Reads the rows in the order of the file; `fields` are those needed, all by default.
   * @throws PgenrmError INPUT_MALFORMED where the file is damaged, after the rows before the damage;
   *   INPUT_NOT_FOUND where it can no longer be read.
   */
  read(fields?: readonly string[]): AsyncGenerator<RawRecord>;
}

/** A whole JSON document becomes one string, and no longer string exists. */
const JSON_LIMIT_BYTES = constants.MAX_STRING_LENGTH;

const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const SPACES = new Set([0x20, 0x09, 0x0a, 0x0d]);

function withoutBom(bytes: Buffer): Buffer {
  return bytes.subarray(0, 3).equals(BOM) ? bytes.subarray(3) : bytes;
}

function isBlank(line: Buffer): boolean {
  return line.every((byte) => SPACES.has(byte));
}

/** The value of a line of JSON, or why it has none. */
function parseLine(line: Buffer): { readonly value: unknown } | { readonly reason: string } {
  if (!isUtf8(line)) return { reason: 'is not UTF-8 text' };
  try {
    return { value: JSON.parse(line.toString('utf8')) };
  } catch (error) {
    return { reason: `is not JSON: ${messageOf(error)}` };
  }
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

async function* readLines(path: string, gzip: boolean): AsyncGenerator<RawRecord> {
  let number = 0;
  let lineNumber = 0;
  try {
    for await (const bytes of linesOf(contentBytes(path, gzip))) {
      lineNumber += 1;
      const line = lineNumber === 1 ? withoutBom(bytes) : bytes;
      if (isBlank(line)) continue;
      number += 1;
      const parsed = parseLine(line);
      if ('value' in parsed) yield recordOf(number, parsed.value);
      else yield { number, reason: `line ${lineNumber} ${parsed.reason}` };
    }
  } catch (error) {
    throw damaged(path, number, error);
  }
}

/** The first line that is not blank, and whether the content holds only that one. */
async function firstLine(path: string, gzip: boolean): Promise<{ line: Buffer; only: boolean } | undefined> {
  let line: Buffer | undefined;
  try {
    for await (const bytes of linesOf(contentBytes(path, gzip))) {
      if (isBlank(withoutBom(bytes))) continue;
      if (line !== undefined) return { line, only: false };
      line = withoutBom(Buffer.from(bytes));
    }
  } catch (error) {
    if (line === undefined) throw damaged(path, 0, error);
    return { line, only: false };
  }
  return line && { line, only: true };
}

async function wholeContent(path: string, gzip: boolean): Promise<Buffer> {
  const tooLarge = new PgenrmError(
    'INPUT_MALFORMED',
    `${path}: a .json file is read whole, and this one holds over ${Math.floor(JSON_LIMIT_BYTES / 2 ** 20)} MiB; ` +
      'convert it to .jsonl (one row a line), which is streamed',
  );
  if (!gzip && (await fileState(path)).size > JSON_LIMIT_BYTES) throw tooLarge;
  const blocks: Buffer[] = [];
  let size = 0;
  try {
    for await (const block of contentBytes(path, gzip)) {
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

async function readDocument(path: string, gzip: boolean): Promise<unknown> {
  const parsed = parseLine(await wholeContent(path, gzip));
  if ('reason' in parsed) throw new PgenrmError('INPUT_MALFORMED', `${path}: the document ${parsed.reason}`);
  return parsed.value;
}

/** The rows of a JSON document: a list, or an object with the list in `data`. */
function rowsOfDocument(path: string, document: unknown): readonly unknown[] {
  if (Array.isArray(document)) return document;
  if (isRawRow(document) && Array.isArray(document.data)) return document.data;
  throw new PgenrmError(
    'INPUT_MALFORMED',
    `${path}: expected a list of rows or {"data": [rows]}, came ${describe(document)}`,
  );
}

async function openDocument(path: string, gzip: boolean): Promise<RecordSource> {
  const rows = rowsOfDocument(path, await readDocument(path, gzip));
  return {
    async *read() {
      for (const [index, value] of rows.entries()) yield recordOf(index + 1, value);
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

async function contentHead(path: string): Promise<Buffer> {
  return contentHeadOf(path, true).catch((error: unknown) => {
    throw damaged(path, 0, error);
  });
}

/**
 * Opens a file of rows; its kind is known from its content, the name decides only in doubt.
 * @throws PgenrmError INPUT_NOT_FOUND; INPUT_MALFORMED where it is empty or of a kind that is not read.
 */
export async function openRecords(path: string): Promise<RecordSource> {
  await fileState(path);
  const head = await headOf(path);
  if (isParquet(head)) return openParquet(path);
  if (/\.parquet$/i.test(path)) throw wrongKind(path, 'the name says parquet and the content is not');
  const gzip = isGzip(head);
  const kind = openingOf(path, gzip ? await contentHead(path) : head);
  const namedLines = /\.(jsonl|ndjson)(\.gz)?$/i.test(path);
  if (kind === 'list') return openDocument(path, gzip);
  const opening = await firstLine(path, gzip);
  if (opening === undefined) {
    throw new PgenrmError('INPUT_MALFORMED', `${path} is empty: expected rows of preference data`);
  }
  if (kind === 'text' && !namedLines) throw wrongKind(path, 'the content is neither JSON nor JSON Lines');
  if (!namedLines) {
    const parsed = parseLine(opening.line);
    const value = 'value' in parsed ? parsed.value : undefined;
    const wrapped = opening.only && isRawRow(value) && Array.isArray(value.data);
    if (wrapped || (value === undefined && /\.json(\.gz)?$/i.test(path))) return openDocument(path, gzip);
  }
  return { read: () => readLines(path, gzip) };
}
