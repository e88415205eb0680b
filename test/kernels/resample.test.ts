import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compiled, describeEach, hasNative, implementations, reference } from './implementations.js';

const values = Float64Array.of(1, 0, 1, 1, 0, 1, 0, 0, 1, 1, 0.5, 1);
const users = Uint32Array.of(0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 3, 4);
const mean = (list: Float64Array) => list.reduce((sum, value) => sum + value, 0) / list.length;
const spreadOf = (list: Float64Array) => {
  const centre = mean(list);
  return Math.sqrt(mean(list.map((value) => (value - centre) ** 2)));
};

describeEach('bootstrapMeans', (kernels) => {
  it('centres on the mean, with the spread that theory gives', async () => {
    const means = await kernels.bootstrapMeans(values, { resamples: 20_000, seed: 1 });
    const centre = mean(values);
    expect(mean(means)).toBeCloseTo(centre, 2);
    expect(spreadOf(means)).toBeCloseTo(spreadOf(values) / Math.sqrt(values.length), 2);
  });

  it('draws whole clusters: one cluster gives the mean itself', async () => {
    const clusters = new Uint32Array(values.length);
    const means = await kernels.bootstrapMeans(values, { resamples: 50, seed: 1, clusters });
    for (const value of means) expect(value).toBeCloseTo(mean(values), 12);
  });

  it('spreads wider over clusters whose rows agree', async () => {
    const agreeing = Float64Array.from({ length: 40 }, (_, i) => Math.floor(i / 10) % 2);
    const clusters = Uint32Array.from({ length: 40 }, (_, i) => Math.floor(i / 10));
    const spread = async (options: object) => {
      const means = await kernels.bootstrapMeans(agreeing, { resamples: 4000, seed: 3, ...options });
      return spreadOf(means);
    };
    expect(await spread({ clusters })).toBeGreaterThan(2 * (await spread({})));
  });

  it('pairs: equal lists differ by nothing', async () => {
    const means = await kernels.bootstrapPaired(values, values, { resamples: 10, seed: 1 });
    expect([...means]).toEqual(new Array(10).fill(0));
  });

  it('refuses what cannot be resampled', async () => {
    const options = { resamples: 10, seed: 1 };
    const refuses = async (code: string, work: Promise<unknown>) =>
      expect(work).rejects.toMatchObject({ name: 'PgenrmError', code });
    await refuses('INVALID_OPTION', kernels.bootstrapMeans(new Float64Array(0), options));
    await refuses('INVALID_VECTOR', kernels.bootstrapMeans(Float64Array.of(1, Number.NaN), options));
    await refuses('INVALID_OPTION', kernels.bootstrapMeans(values, { ...options, resamples: 0 }));
    await refuses('INVALID_OPTION', kernels.bootstrapMeans(values, { ...options, seed: -1 }));
    await refuses(
      'INVALID_OPTION',
      kernels.bootstrapMeans(values, { ...options, clusters: Uint32Array.of(0) }),
    );
    const gap = users.map((user) => (user === 2 ? 5 : user));
    await refuses('INVALID_OPTION', kernels.bootstrapMeans(values, { ...options, clusters: gap }));
    await refuses('INVALID_OPTION', kernels.bootstrapPaired(values, Float64Array.of(1), options));
  });
});

describeEach('permutationTest', (kernels) => {
  it('finds nothing where there is nothing, and a steady difference where there is one', async () => {
    const options = { permutations: 999, seed: 1 };
    expect(await kernels.permutationTest(values, values, options)).toEqual({ difference: 0, pValue: 1 });
    const better = values.map((value, i) => value + 1 + i / 100);
    const test = await kernels.permutationTest(better, values, options);
    expect(test.difference).toBeCloseTo(1.055, 9);
    expect(test.pValue).toBeLessThan(0.01);
    const back = await kernels.permutationTest(values, better, options);
    expect(back.pValue).toBe(test.pValue);
  });

  it('is careful where few users carry the difference', async () => {
    const better = values.map((value) => value + 1);
    const test = await kernels.permutationTest(better, values, {
      permutations: 999,
      seed: 1,
      clusters: users,
    });
    expect(test.pValue).toBeGreaterThan(0.02);
    expect(test.pValue).toBeLessThan(0.12);
  });
});

it.each(compiled.map((kernels) => [kernels.name, kernels] as const))(
  '%s resamples bit for bit as the reference',
  async (_name, kernels) => {
    const list = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(
        list,
        fc.integer({ min: 0, max: 0xffffffff }),
        fc.integer({ min: 1, max: 9 }),
        async (a, seed, n) => {
          const first = Float64Array.from(a);
          const second = first.map((value, i) => (i % 3 === 0 ? -value : value / 3));
          const count = Math.min(n, first.length);
          const clusters = Uint32Array.from(first, (_, i) => i % count);
          for (const by of [{}, { clusters }]) {
            const boot = { resamples: 20, seed, ...by };
            expect(await kernels.bootstrapMeans(first, boot)).toEqual(
              await reference.bootstrapMeans(first, boot),
            );
            expect(await kernels.bootstrapPaired(first, second, boot)).toEqual(
              await reference.bootstrapPaired(first, second, boot),
            );
            const flips = { permutations: 40, seed, ...by };
            expect(await kernels.permutationTest(first, second, flips)).toEqual(
              await reference.permutationTest(first, second, flips),
            );
          }
        },
      ),
      { numRuns: 50 },
    );
  },
);

it.skipIf(!hasNative)('native resamples alike on any number of threads', async () => {
  const kernels = implementations.find(({ name }) => name === 'native')!;
  const many = Float64Array.from({ length: 5000 }, (_, i) => Math.sin(i));
  const options = { resamples: 500, seed: 9 };
  const one = await kernels.bootstrapMeans(many, { ...options, threads: 1 });
  expect(await kernels.bootstrapMeans(many, { ...options, threads: 3 })).toEqual(one);
});
