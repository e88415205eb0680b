// Second tries of failed rows: kept in a file of their own until they replace the first ones in one step.
// Knows row records by their numbers; not how a row is judged.

import { createWriteStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { syncDirectory } from '../../output/atomic-file.js';
import { jsonLines } from '../../output/json-lines.js';
import { outputFailed, systemCode } from '../../output/output-error.js';
import { asRecord, existingLines, notARecord } from './existing-output.js';
import type { RowRecord } from './row-record.js';

/** Path of an output's second tries. */
export function retryPath(output: string): string {
  return `${output}.retry`;
}

/** Whether second tries wait to be merged, because a session was killed before it could. */
export async function hasRetries(output: string): Promise<boolean> {
  try {
    await stat(retryPath(output));
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw outputFailed(retryPath(output), error);
  }
}

/**
 * Replaces the lines of rows that were tried again, all of them in one rename, and removes the retry file.
 *
 * Doing it twice gives the same output, so a process killed in between loses nothing. Errors: `OUTPUT_FAILED`,
 * `RUN_MISMATCH` where either file is not as a run writes it.
 */
export async function mergeRetries(output: string): Promise<void> {
  const part = `${output}.${process.pid}.part`;
  try {
    await pipeline(Readable.from(mergedLines(output)), createWriteStream(part));
    const file = await open(part, 'r+');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, output);
    await syncDirectory(dirname(output));
    await rm(retryPath(output), { force: true });
  } catch (error) {
    await rm(part, { force: true });
    throw outputFailed(output, error);
  }
}

/** One second try: the line of the output that it replaces, from 0, and the row's new record. */
export interface RetryLine {
  readonly index: number;
  readonly record: RowRecord;
}

async function* mergedLines(output: string): AsyncGenerator<string, void, undefined> {
  const retries = retryLines(output);
  try {
    let retry = await next(retries);
    for await (const line of existingLines(output)) {
      const replaced = retry !== null && retry.index === line.index;
      yield `${JSON.stringify(replaced ? retry!.record : line.record)}\n`;
      if (replaced) retry = await next(retries);
    }
    if (retry !== null)
      throw notARecord(retryPath(output), retry.index, `${output} has no line ${retry.index + 1}`);
  } finally {
    await retries.return();
  }
}

async function* retryLines(output: string): AsyncGenerator<RetryLine, void, undefined> {
  const path = retryPath(output);
  let last = -1;
  for await (const { value, index } of jsonLines(path)) {
    const line = value as Partial<RetryLine> | null;
    const record = asRecord(line?.record);
    if (record === null || typeof line?.index !== 'number' || line.index <= last) {
      throw notARecord(path, index, 'it is not a second try of a row');
    }
    last = line.index;
    yield { index: line.index, record };
  }
}

async function next(lines: AsyncGenerator<RetryLine, void, undefined>): Promise<RetryLine | null> {
  const step = await lines.next();
  return step.done === true ? null : step.value;
}
