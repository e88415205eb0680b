// The CRC-32 of bytes, as PNG and gzip use it: finds every damaged record of up to 32 bits in a row.
// Knows nothing of what the bytes are.

import zlib from 'node:zlib';

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value >>> 0;
});

/** The same as {@link crc32} byte by byte, for a Node older than 20.15, whose zlib does not tell it. */
export function crc32ByTable(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (let index = 0; index < bytes.length; index += 1) {
    value = (value >>> 8) ^ TABLE[(value ^ bytes[index]!) & 0xff]!;
  }
  return (value ^ 0xffffffff) >>> 0;
}

/** CRC-32 (ISO 3309, reflected polynomial 0xEDB88320) as an unsigned 32-bit integer. */
export const crc32: (bytes: Uint8Array) => number = zlib.crc32 ?? crc32ByTable;
