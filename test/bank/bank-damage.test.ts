import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { PrototypeBank } from '../../src/bank/bank.js';
import { BANK_FILES, manifestText, readBankManifest } from '../../src/bank/file/manifest.js';
import { SafetensorsFile, tensorOf, writeSafetensors } from '../../src/bank/file/safetensors.js';
import type { Kernels } from '../../src/kernels/kernels.js';
import { referenceKernels } from '../../src/kernels/reference/kernels.js';
import { indexFiles } from '../../src/native/index-files.js';
import { compiled } from '../kernels/implementations.js';
import { temporaryFolder } from '../support/preference-file.js';
import { event, madeBank, suiteFolder } from './made-bank.js';
import { error } from './made-world.js';

const kernels: Kernels = referenceKernels(indexFiles);
/** Thousands of openings, on machines that are busy with other things. */
const PATIENCE_MS = 300_000;
const QUERY = Float32Array.of(0.3, -0.4, 0.8, 0.1);

/** All that a small bank says. */
async function answers(path: string, by = kernels): Promise<string> {
  await using bank = await PrototypeBank.open(path, { kernels: by });
  const similar = await bank.similarUsers(QUERY, 9, { exclude: ['u0'] });
  const users = await Promise.all(['u0', 'u1', 'n'].map((id) => bank.user(id)));
  const { created: _, ...manifest } = bank.manifest;
  return JSON.stringify([similar, users, bank.nearestPrototype(QUERY), manifest.counts, bank.additions]);
}

/** Changes a file in every way that `changes` gives, and looks at what the bank says then. */
async function expectSound(
  path: string,
  name: string,
  changes: Iterable<Buffer>,
  truth: string,
  by = kernels,
): Promise<{ refused: number; same: number }> {
  const file = join(path, name);
  const original = await readFile(file);
  const outcome = { refused: 0, same: 0 };
  try {
    for (const changed of changes) {
      await writeFile(file, changed);
      try {
        if ((await answers(path, by)) !== truth)
          expect.fail(`${name}: a wrong answer from ${changed.length} bytes`);
        outcome.same += 1;
      } catch (failure) {
        expect(failure).toMatchObject({ code: 'BANK_DAMAGED' });
        outcome.refused += 1;
      }
    }
  } finally {
    await writeFile(file, original);
  }
  return outcome;
}

/** Who is similar, in their order, out of {@link answers}. */
function ids(said: string): unknown {
  return (JSON.parse(said)[0] as { userId: string }[]).map(({ userId }) => userId);
}

function* flips(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed[at]! ^= 1 << (at % 8);
    yield changed;
  }
}

function* cuts(bytes: Buffer): Generator<Buffer> {
  for (let length = 0; length < bytes.length; length += 1) yield bytes.subarray(0, length);
}

describe('a small bank', () => {
  let path: string;
  let truth: string;
  /** The same without an index file. */
  let plain: string;
  let plainTruth: string;

  const make = async (indexFrom: number): Promise<{ path: string; truth: string }> => {
    const folder = await suiteFolder();
    const made = await madeBank(folder, { members: 3, users: 2, prototypes: 2, dim: 4, indexFrom });
    await using bank = await PrototypeBank.open(made.path, { kernels });
    await bank.addUser({ id: 'n', user: { history: [event('n')] }, embedding: QUERY });
    await bank.addEvent('u1', event('m'));
    return { path: made.path, truth: await answers(made.path) };
  };

  beforeAll(async () => {
    ({ path, truth } = await make(1));
    ({ path: plain, truth: plainTruth } = await make(100));
  });

  it.each(Object.values(BANK_FILES))(
    'never answers wrongly with any byte of %s flipped',
    async (name) => {
      const bytes = await readFile(join(path, name));
      const { refused, same } = await expectSound(path, name, flips(bytes), truth);
      expect(refused + same).toBe(bytes.length);
      // What a bank does not read to answer may be flipped unseen: embeddings beside an index, members not found.
      if (name === BANK_FILES.vectors) expect(same).toBeGreaterThan(0);
      else if (name !== BANK_FILES.members) expect(same).toBe(0);
      expect(await answers(path)).toBe(truth);
    },
    PATIENCE_MS,
  );

  it.each(compiled.map((by) => [by.name, by] as const))(
    'never answers wrongly with any byte of its index flipped or cut off, searched by the %s kernels',
    async (_, by) => {
      const bytes = await readFile(join(path, BANK_FILES.index));
      const own = await answers(path, by);
      expect(ids(own)).toEqual(ids(truth));
      for (const changes of [flips(bytes), cuts(bytes)]) {
        const { refused, same } = await expectSound(path, BANK_FILES.index, changes, own, by);
        expect([refused, same]).toEqual([bytes.length, 0]);
      }
    },
    PATIENCE_MS,
  );

  it(
    'never answers wrongly with any byte of the embeddings flipped that it searches itself',
    async () => {
      const bytes = await readFile(join(plain, BANK_FILES.vectors));
      const { same } = await expectSound(plain, BANK_FILES.vectors, flips(bytes), plainTruth);
      expect(same).toBe(0);
    },
    PATIENCE_MS,
  );

  it.each(Object.values(BANK_FILES))(
    'refuses %s cut at any length',
    async (name) => {
      const bytes = await readFile(join(path, name));
      const { same } = await expectSound(path, name, cuts(bytes), truth);
      expect(same).toBe(0);
    },
    PATIENCE_MS,
  );

  it.each(Object.values(BANK_FILES))('refuses %s with bytes after its end', async (name) => {
    const longer = Buffer.concat([await readFile(join(path, name)), Buffer.from('x')]);
    const { same } = await expectSound(path, name, [longer], truth);
    // What follows in the log was never finished: it does not count.
    expect(same).toBe(name === BANK_FILES.additions ? 1 : 0);
  });

  it.each(Object.values(BANK_FILES).slice(1))('refuses to do without %s', async (name) => {
    const file = join(path, name);
    await rename(file, `${file}.gone`);
    await expect(answers(path)).rejects.toMatchObject(error('BANK_DAMAGED', new RegExp(name)));
    await rename(`${file}.gone`, file);
  });
});

describe('the manifest', () => {
  it('of another version or of something else is refused with the version', async () => {
    const folder = await temporaryFolder();
    const { path } = await madeBank(folder, { members: 4, users: 3, prototypes: 2 });
    const file = join(path, BANK_FILES.manifest);
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('"pgenrmBank": 1', '"pgenrmBank": 2'));
    await expect(PrototypeBank.open(path)).rejects.toMatchObject(
      error('BANK_DAMAGED', /bank version 2.*reads version 1/),
    );
    await writeFile(file, '{"name": "something else"}');
    await expect(PrototypeBank.open(path)).rejects.toMatchObject(error('BANK_DAMAGED', /not the manifest/));
    await writeFile(file, '[]');
    await expect(PrototypeBank.open(path)).rejects.toMatchObject(error('BANK_DAMAGED'));
  });

  it('that lies about its files with a checksum of its own is refused all the same', async () => {
    const folder = await temporaryFolder();
    const { path } = await madeBank(folder, { members: 4, users: 3, prototypes: 2 });
    const file = join(path, BANK_FILES.manifest);
    const manifest = await readBankManifest(path);
    for (const changed of [
      { ...manifest, counts: { ...manifest.counts, prototypes: 3 } },
      { ...manifest, counts: { ...manifest.counts, members: 5 } },
      { ...manifest, counts: { ...manifest.counts, users: 2 } },
      { ...manifest, files: {} },
    ]) {
      await writeFile(file, manifestText(changed));
      await expect(PrototypeBank.open(path)).rejects.toMatchObject(error('BANK_DAMAGED'));
    }
  });
});

describe('safetensors', () => {
  it('reads what it wrote, whole and by rows', async () => {
    const path = join(await temporaryFolder(), 'a.safetensors');
    const rows = Float32Array.from({ length: 12 }, (_, index) => index / 7);
    await writeSafetensors(
      path,
      { rows: tensorOf('F32', [4, 3], rows), big: tensorOf('U64', [1], BigUint64Array.of(2n ** 60n)) },
      { made: 'here' },
    );
    await using file = await SafetensorsFile.open(path);
    expect(file.metadata).toEqual({ made: 'here' });
    expect(file.names).toEqual(['rows', 'big']);
    expect(await file.read('rows', 'F32', [4, 3])).toEqual(rows);
    expect(await file.rows('rows', 'F32', 1, 3)).toEqual(rows.slice(3, 9));
    expect(await file.read('big', 'U64')).toEqual(BigUint64Array.of(2n ** 60n));
    await expect(file.read('rows', 'F64')).rejects.toMatchObject(
      error('BANK_DAMAGED', /of type F32, expected F64/),
    );
    await expect(file.read('rows', 'F32', [3, 4])).rejects.toMatchObject(error('BANK_DAMAGED', /shape/));
    await expect(file.read('none', 'F32')).rejects.toMatchObject(error('BANK_DAMAGED', /missing/));
    await expect(file.rows('rows', 'F32', 2, 5)).rejects.toMatchObject(error('INVALID_OPTION', /0 to 4/));
  });

  it.each([
    ['no JSON', 'hello'],
    ['a list', '[]'],
    [
      'an overlap',
      '{"a":{"dtype":"U32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"U32","shape":[1],"data_offsets":[0,4]}}',
    ],
    ['a gap', '{"a":{"dtype":"U32","shape":[1],"data_offsets":[4,8]}}'],
    ['a tensor past the end', '{"a":{"dtype":"U32","shape":[3],"data_offsets":[0,12]}}'],
    ['a shape that does not fit', '{"a":{"dtype":"U32","shape":[1],"data_offsets":[0,8]}}'],
    ['an unknown type', '{"a":{"dtype":"Q4","shape":[2],"data_offsets":[0,8]}}'],
    ['a shape too large', '{"a":{"dtype":"U32","shape":[1e200,1e200],"data_offsets":[0,8]}}'],
    ['a negative shape', '{"a":{"dtype":"U32","shape":[-1,-2],"data_offsets":[0,8]}}'],
    ['null for a tensor', '{"a":null}'],
    ['metadata of numbers', '{"__metadata__":{"a":1},"a":{"dtype":"U32","shape":[2],"data_offsets":[0,8]}}'],
  ])('refuses a header with %s', async (_, json) => {
    const path = join(await temporaryFolder(), 'a.safetensors');
    const header = Buffer.from(json);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    await writeFile(path, Buffer.concat([length, header, Buffer.alloc(8)]));
    await expect(SafetensorsFile.open(path)).rejects.toMatchObject(error('BANK_DAMAGED'));
    length.writeBigUInt64LE(2n ** 63n);
    await writeFile(path, Buffer.concat([length, header, Buffer.alloc(8)]));
    await expect(SafetensorsFile.open(path)).rejects.toMatchObject(error('BANK_DAMAGED', /claims/));
  });
});
