// Lines of JSON that end in a checksum, so that a changed byte is told from a result.
// Knows JSON objects and CRC-32; nothing of what they say.

import { crc32 } from 'node:zlib';
import { PgenrmError } from '../errors.js';
import { printableJson } from './printable.js';

const SEAL = /,"crc":"([0-9a-f]{8})"\}$/;

function checksumOf(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}

/** An object with at least one field as a line, its last field `crc` the CRC-32 of the line without that field. */
export function sealedLine(value: object): string {
  const text = printableJson(value);
  return `${text.slice(0, -1)},"crc":"${checksumOf(text)}"}`;
}

/**
 * The object of a sealed line, without its checksum; undefined where the line has no seal.
 * Errors: `RUN_MISMATCH` where the checksum is not that of the line; `where` names the line.
 */
export function unsealed(line: string, where: string): object | undefined {
  const seal = SEAL.exec(line);
  if (seal === null) return undefined;
  const text = `${line.slice(0, seal.index)}}`;
  if (checksumOf(text) !== seal[1]) throw damaged(where, 'its checksum is not that of its text');
  return JSON.parse(text) as object;
}

/** `RUN_MISMATCH` for a line that is not as it was written. */
export function damaged(where: string, why: string): PgenrmError {
  return new PgenrmError(
    'RUN_MISMATCH',
    `${where} is damaged: ${why}; take the file from a copy, or sample its rows anew`,
  );
}
