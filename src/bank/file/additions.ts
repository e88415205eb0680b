// What was added to a bank after it was built: a log of checked lines, and a head that says how much of it counts.
// Knows the log's form; not how a bank answers from it.

import { createHash } from 'node:crypto';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { writeAtomically } from '../../output/atomic-file.js';
import { LineFile } from '../../output/line-file.js';
import type { HistoryEvent } from '../../preference/preference.js';
import { damaged, unreadable } from './damage.js';
import { BANK_FILES } from './manifest.js';
import { asStoredUser, checkEvent, type StoredUser } from './stored-user.js';

/** A user, or an event of one, that came after the building; with an embedding it makes a member. */
export interface Addition {
  readonly type: 'user' | 'event';
  readonly userId: string;
  /** Under `user`. */
  readonly user?: Omit<StoredUser, 'id' | 'anonymous'>;
  /** Under `event`. */
  readonly event?: HistoryEvent;
  readonly member?: {
    readonly row: string;
    readonly prototype: number;
    /** Unit vector. Shape [dimension]. */
    readonly embedding: Float32Array;
  };
}

/** Where an addition lies in the log. */
export interface AdditionPlace {
  readonly begin: number;
  readonly bytes: number;
}

const HEAD = z.strictObject({
  pgenrmAdditions: z.literal(1),
  /** Checksum of the manifest of the bank that the log belongs to. */
  bank: z.string(),
  records: z.number().int().nonnegative(),
  /** Bytes of the log that count; what follows was not finished. */
  bytes: z.number().int().nonnegative(),
  checksum: z.string(),
});

type Head = Omit<z.infer<typeof HEAD>, 'checksum' | 'pgenrmAdditions'>;

const LINE = z.strictObject({
  type: z.enum(['user', 'event']),
  userId: z.string(),
  user: z.unknown().optional(),
  event: z.unknown().optional(),
  member: z
    .strictObject({ row: z.string(), prototype: z.number().int().nonnegative(), embedding: z.string() })
    .optional(),
});

const CHECKSUM_CHARS = 8;

/** Makes the empty log of a new bank. Errors: `OUTPUT_FAILED`. */
export async function createAdditions(folder: string, bank: string): Promise<void> {
  await (await LineFile.open(join(folder, BANK_FILES.additions))).close();
  await writeHead(folder, { bank, records: 0, bytes: 0 });
}

/** A bank's log, open for reading up to what its head said when it was last looked at. */
export class AdditionsLog implements AsyncDisposable {
  readonly path: string;
  readonly #folder: string;
  readonly #bank: string;
  readonly #handle: FileHandle;
  #records = 0;
  #bytes = 0;

  private constructor(folder: string, bank: string, path: string, handle: FileHandle) {
    this.#folder = folder;
    this.#bank = bank;
    this.path = path;
    this.#handle = handle;
  }

  /** Opens the log; nothing of it is read yet. Errors: `BANK_DAMAGED`. */
  static async open(folder: string, bank: string): Promise<AdditionsLog> {
    const path = join(folder, BANK_FILES.additions);
    try {
      return new AdditionsLog(folder, bank, path, await open(path, 'r'));
    } catch (error) {
      throw unreadable(path, error);
    }
  }

  /** Additions that were read. */
  get records(): number {
    return this.#records;
  }

  /** Reads what came since the last call, in order. Errors: `BANK_DAMAGED`. */
  async readNew(dimension: number): Promise<{ addition: Addition; place: AdditionPlace }[]> {
    const head = await this.#head();
    const text = await this.#bytesAt(this.#bytes, head.bytes - this.#bytes);
    const found: { addition: Addition; place: AdditionPlace }[] = [];
    for (let at = 0; at < text.length; ) {
      const newline = text.indexOf(10, at);
      if (newline < 0) throw damaged(this.path, 'its last addition has no end');
      const place = { begin: this.#bytes + at, bytes: newline + 1 - at };
      found.push({ addition: this.#parse(text.subarray(at, newline), dimension), place });
      at = newline + 1;
    }
    if (this.#records + found.length !== head.records) {
      throw damaged(
        this.path,
        `it holds ${this.#records + found.length} additions, and its head says ${head.records}`,
      );
    }
    this.#records = head.records;
    this.#bytes = head.bytes;
    return found;
  }

  /** One addition again. Errors: `BANK_DAMAGED`. */
  async read({ begin, bytes }: AdditionPlace, dimension: number): Promise<Addition> {
    return this.#parse((await this.#bytesAt(begin, bytes)).subarray(0, -1), dimension);
  }

  /**
   * Appends an addition, flushes it, and then lets it count; the caller holds the bank's lock and has read all that
   * came before. A process killed in between leaves the log as it was. Errors: `OUTPUT_FAILED`.
   */
  async append(addition: Addition): Promise<void> {
    const { member, ...rest } = addition;
    const json = JSON.stringify({
      ...rest,
      ...(member === undefined ? {} : { member: { ...member, embedding: base64(member.embedding) } }),
    });
    const checksum = crc32(Buffer.from(json, 'utf8')).toString(16).padStart(CHECKSUM_CHARS, '0');
    const line = `${checksum} ${json}`;
    await using log = await LineFile.open(this.path, this.#bytes);
    await log.append(line);
    await log.close();
    await writeHead(this.#folder, {
      bank: this.#bank,
      records: this.#records + 1,
      bytes: this.#bytes + Buffer.byteLength(line, 'utf8') + 1,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }

  async #head(): Promise<Head> {
    const path = join(this.#folder, BANK_FILES.additionsHead);
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      throw unreadable(path, error);
    }
    const checked = HEAD.safeParse(parsedJson(path, text));
    if (!checked.success || headText(checked.data) !== text) {
      throw damaged(path, 'its text does not match its checksum');
    }
    const head = checked.data;
    if (head.bank !== this.#bank) throw damaged(path, 'it belongs to another bank');
    if (head.bytes < this.#bytes || head.records < this.#records) {
      throw damaged(path, 'additions were taken away');
    }
    return head;
  }

  async #bytesAt(begin: number, length: number): Promise<Buffer> {
    const buffer = Buffer.alloc(length);
    try {
      for (let done = 0; done < length; ) {
        const { bytesRead } = await this.#handle.read(buffer, done, length - done, begin + done);
        if (bytesRead === 0) throw damaged(this.path, `it ends at byte ${begin + done}, within an addition`);
        done += bytesRead;
      }
    } catch (error) {
      throw unreadable(this.path, error);
    }
    return buffer;
  }

  #parse(line: Buffer, dimension: number): Addition {
    const json = line.subarray(CHECKSUM_CHARS + 1);
    const stated = line.toString('latin1', 0, CHECKSUM_CHARS + 1);
    if (stated !== `${crc32(json).toString(16).padStart(CHECKSUM_CHARS, '0')} `) {
      throw damaged(this.path, 'an addition fails its checksum');
    }
    const checked = LINE.safeParse(parsedJson(this.path, json.toString('utf8')));
    if (!checked.success) throw damaged(this.path, 'an addition is not of the expected form');
    const { type, userId, user, event, member } = checked.data;
    if (type === 'event' && checkEvent(event) !== null) throw damaged(this.path, 'an event is not one');
    return {
      type,
      userId,
      ...(type === 'user' ? { user: asStoredUser(this.path, { ...(user as object), id: userId }) } : {}),
      ...(type === 'event' ? { event: event as HistoryEvent } : {}),
      ...(member === undefined
        ? {}
        : { member: { ...member, embedding: floats(this.path, member.embedding, dimension) } }),
    };
  }
}

function headText(head: Head): string {
  const { bank, records, bytes } = head;
  const rest = { pgenrmAdditions: 1, bank, records, bytes };
  const checksum = createHash('sha256').update(JSON.stringify(rest), 'utf8').digest('hex');
  return `${JSON.stringify({ ...rest, checksum })}\n`;
}

async function writeHead(folder: string, head: Head): Promise<void> {
  await writeAtomically(join(folder, BANK_FILES.additionsHead), headText(head));
}

function parsedJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw damaged(path, 'it holds what is not JSON', error);
  }
}

function base64(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64');
}

function floats(path: string, text: string, dimension: number): Float32Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length !== dimension * 4) throw damaged(path, `an embedding is not of dimension ${dimension}`);
  const vector = new Float32Array(dimension);
  new Uint8Array(vector.buffer).set(bytes);
  return vector;
}
