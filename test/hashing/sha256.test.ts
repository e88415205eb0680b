import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256, sha256Hex } from '../../src/hashing/sha256.js';

const byNode = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

describe('SHA-256', () => {
  it('gives the digests that FIPS 180-4 lists', () => {
    expect(sha256Hex('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(sha256Hex('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });

  it('agrees with Node around every block end', () => {
    for (let length = 0; length <= 200; length++) {
      const bytes = Uint8Array.from({ length }, (_, index) => (index * 37 + length) % 256);
      expect(sha256Hex(bytes)).toBe(byNode(bytes));
    }
  });

  it('agrees with Node on any text and on part of a buffer', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
        expect(sha256Hex(text)).toBe(byNode(text));
        const part = new TextEncoder().encode(text).subarray(3);
        expect(Buffer.from(sha256(part)).toString('hex')).toBe(byNode(part));
      }),
    );
  });
});
