import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { PrototypeBank } from '../../src/bank/bank.js';
import { Xoshiro128 } from '../../src/kernels/random.js';
import { implementations } from '../kernels/implementations.js';
import { type MadeBank, madeBank, slowSimilar, suiteFolder, unit } from './made-bank.js';
import { error } from './made-world.js';

const folder = await suiteFolder();

const shapes = implementations.flatMap((kernels) =>
  [1, 10_000].map((indexFrom) => ({ kernels, indexFrom, kind: indexFrom === 1 ? 'an index' : 'a scan' })),
);

describe.each(shapes)('a bank with $kind ($kernels.name kernels)', ({ kernels, indexFrom }) => {
  let made: MadeBank;
  let bank: PrototypeBank;

  beforeAll(async () => {
    const name = `bank-${kernels.name}-${indexFrom}`;
    made = await madeBank(folder, {
      members: 90,
      users: 40,
      prototypes: 5,
      dim: 8,
      indexFrom,
      kernels,
      name,
    });
    bank = await PrototypeBank.open(made.path, { kernels });
    return () => bank.close();
  });

  it('answers as a look at every member does', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 1e6 }),
        fc.integer({ min: 1, max: 45 }),
        fc.uniqueArray(fc.integer({ min: 0, max: 39 }), { maxLength: 40 }),
        fc.boolean(),
        async (seed, n, exclude, withinPrototype) => {
          const query = unit(new Xoshiro128(seed, 3), made.dim);
          const found = await bank.similarUsers(
            query.map((value) => value * 3),
            n,
            { exclude: exclude.map((user) => `u${user}`), withinPrototype },
          );
          const slow = slowSimilar(made, query, n, exclude, withinPrototype);
          expect(found.map(({ userId, fallback }) => ({ userId, fallback }))).toEqual(
            slow.map(({ user, fallback }) => ({ userId: `u${user}`, fallback })),
          );
          for (const [index, { cosine, rowId, userId, user }] of found.entries()) {
            expect(cosine).toBeCloseTo(slow[index]!.cosine, 5);
            expect(made.memberUser[Number(rowId.slice(1))]).toBe(Number(userId.slice(1)));
            expect(user).toMatchObject({ id: userId, history: [{ chosen: `c ${userId.slice(1)}` }] });
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('finds a prototype by itself', () => {
    for (let prototype = 0; prototype < 5; prototype += 1) {
      const { prototype: found, cosine } = bank.nearestPrototype(bank.prototypeVector(prototype));
      expect(found).toBe(prototype);
      expect(cosine).toBeCloseTo(1, 5);
    }
  });

  it('refuses embeddings that are none', async () => {
    const query = made.vector(0);
    const bad: [Float32Array, RegExp][] = [
      [query.slice(1), /of 8 finite numbers, not all zero; got 7 numbers/],
      [query.map((value, index) => (index === 3 ? Number.NaN : value)), /NaN or infinity/],
      [query.map((value, index) => (index === 3 ? Number.POSITIVE_INFINITY : value)), /NaN or infinity/],
      [new Float32Array(8), /it is zero/],
      [[1, 2] as unknown as Float32Array, /got object/],
    ];
    for (const [embedding, message] of bad) {
      expect(() => bank.nearestPrototype(embedding)).toThrow(
        expect.objectContaining(error('INVALID_VECTOR', message)),
      );
      await expect(bank.similarUsers(embedding, 1)).rejects.toMatchObject(error('INVALID_VECTOR', message));
    }
    await expect(bank.similarUsers(query, 0)).rejects.toMatchObject(error('INVALID_OPTION', /n must be/));
    expect(() => bank.prototypeVector(5)).toThrow(expect.objectContaining(error('INVALID_OPTION')));
  });

  it('gives nobody where everybody is excluded', async () => {
    const everybody = Array.from({ length: 40 }, (_, user) => `u${user}`);
    expect(await bank.similarUsers(made.vector(1), 5, { exclude: everybody })).toEqual([]);
  });
});

describe('PrototypeBank', () => {
  it('refuses what was made with something else, naming both', async () => {
    const { path } = await madeBank(folder, { members: 6, users: 3, prototypes: 2, name: 'other' });
    const [mine, theirs] = ['d'.repeat(64), 'b'.repeat(64)];
    await expect(
      PrototypeBank.open(path, { madeWith: { embedder: { sha256: mine, pooling: 'cls' } } }),
    ).rejects.toMatchObject(error('BANK_MISMATCH', new RegExp(`${theirs}.*${mine}.*pooling mean.*cls`)));
    await using bank = await PrototypeBank.open(path, {
      madeWith: { modelSha256: null, embedder: { sha256: theirs, dimension: 4 } },
    });
    expect(() => bank.checkMadeWith({ templateHash: mine })).toThrow(
      expect.objectContaining(error('BANK_MISMATCH', /template/)),
    );
    expect(() => bank.checkMadeWith({ embedder: { dimension: 5 } })).toThrow(
      expect.objectContaining(error('BANK_MISMATCH', /dimension 4, and in use is 5/)),
    );
  });

  it('answers nobody after it was closed, twice or not', async () => {
    const { path, vector } = await madeBank(folder, { members: 6, users: 3, prototypes: 2, name: 'closed' });
    const bank = await PrototypeBank.open(path);
    await Promise.all([bank.close(), bank.close()]);
    await bank[Symbol.asyncDispose]();
    await expect(bank.similarUsers(vector(0), 1)).rejects.toMatchObject(error('DISPOSED'));
    expect(() => bank.nearestPrototype(vector(0))).toThrow(expect.objectContaining(error('DISPOSED')));
    await expect(bank.refresh()).rejects.toMatchObject(error('DISPOSED'));
  });

  it('says that there is no bank', async () => {
    await expect(PrototypeBank.open(`${folder}/nothing`)).rejects.toMatchObject(
      error('INPUT_NOT_FOUND', /no prototype bank/),
    );
  });
});
