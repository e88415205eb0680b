import fc from 'fast-check';
import { expect, it } from 'vitest';
import { f16ToNumber, int8Codes, numberToF16, stored } from '../../src/kernels/reference/codec.js';
import { describeEach, reference } from './implementations.js';

const single = fc.float({ noNaN: true, noDefaultInfinity: true, min: -60000, max: 60000 });

/** Zeros without a sign: 8-bit codes have one zero. */
const unsigned = (vector: Float32Array) => vector.map((value) => value + 0);

describeEach('the storages', (kernels) => {
  it.each(['f16', 'int8'] as const)('%s keeps of a vector what the reference keeps', async (storage) => {
    await fc.assert(
      fc.asyncProperty(fc.array(single, { minLength: 1, maxLength: 70 }), async (values) => {
        const data = Float32Array.from(values);
        using index = await kernels.buildIndex({ data, dim: data.length }, { metric: 'l2', storage });
        const kept = (await index.vector(0))!;
        expect(unsigned(kept)).toEqual(unsigned(stored(storage, data, 0)));
        using again = await kernels.indexFromBytes(await index.toBytes(), { metric: 'l2' });
        expect(await again.vector(0)).toEqual(kept);
        using reread = await reference.indexFromBytes(await index.toBytes(), { metric: 'l2' });
        expect(unsigned((await reread.vector(0))!)).toEqual(unsigned(kept));
      }),
      { numRuns: 60 },
    );
  });
});

it('16-bit floats convert both ways', () => {
  for (let bits = 0; bits < 0x7c00; bits++) expect(numberToF16(f16ToNumber(bits))).toBe(bits);
  expect(numberToF16(65519)).toBe(0x7bff);
  expect(numberToF16(65520)).toBe(0x7c00);
  expect(numberToF16(1 + 2 ** -11)).toBe(numberToF16(1));
  expect(numberToF16(-0)).toBe(0x8000);
});

it('8-bit codes stay within half a step', () => {
  fc.assert(
    fc.property(fc.array(single, { minLength: 1, maxLength: 50 }), (values) => {
      const vector = Float32Array.from(values);
      const { scale, codes } = int8Codes(vector);
      vector.forEach((value, i) => {
        expect(Math.abs(value - scale * codes[i]!)).toBeLessThanOrEqual(scale * 0.5001 + 1e-30);
        expect(Math.abs(codes[i]!)).toBeLessThanOrEqual(127);
      });
    }),
  );
});
