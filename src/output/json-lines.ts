// Reads back the JSON lines that an earlier session wrote, one in memory at a time.
// Knows half-written last lines; nothing of what the lines say.

import { createReadStream } from 'node:fs';
import { PgenrmError } from '../errors.js';
import { outputFailed } from './output-error.js';

/**
 * The whole lines of a file as JSON values; a last line that is cut off or does not parse is left out.
 * Errors: `RUN_MISMATCH` for an earlier line that does not parse, `OUTPUT_FAILED` where the file cannot be read.
 */
export async function* jsonLines(
  path: string,
): AsyncGenerator<{ value: unknown; index: number; end: number }, void, undefined> {
  let index = 0;
  let unreadable = false;
  for await (const { text, end } of wholeLines(path)) {
    if (unreadable)
      throw new PgenrmError(
        'RUN_MISMATCH',
        `${path}, line ${index} is not JSON; choose another output or start anew`,
      );
    const value = parsed(text);
    unreadable = value === undefined;
    if (!unreadable) yield { value, index, end };
    index += 1;
  }
}

/**
 * The whole lines of a file as texts, `end` the byte just past each; gives the number of bytes that follow the last one.
 * Errors: `OUTPUT_FAILED` where the file cannot be read.
 */
export async function* wholeLines(
  path: string,
): AsyncGenerator<{ text: string; end: number }, number, undefined> {
  let parts: Buffer[] = [];
  let at = 0;
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      let from = 0;
      for (let newline = chunk.indexOf(10); newline >= 0; newline = chunk.indexOf(10, from)) {
        parts.push(chunk.subarray(from, newline));
        from = newline + 1;
        yield { text: Buffer.concat(parts).toString('utf8'), end: at + from };
        parts = [];
      }
      parts.push(chunk.subarray(from));
      at += chunk.length;
    }
  } catch (error) {
    throw outputFailed(path, error);
  }
  return parts.reduce((sum, part) => sum + part.length, 0);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
