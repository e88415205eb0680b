import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { PrototypeBank } from '../../src/bank/bank.js';
import type { BlockRecord } from '../../src/cost/measure/bench-record.js';
import type { ScalingResult } from '../../src/cost/result/result.js';
import { resolveTemplate } from '../../src/template-files/resolve-template.js';
import { FakeEmbedder } from '../bank/fake-embedder.js';
import { bankWorld } from '../reward-model/bank-world.js';
import { row, temporaryFolder, writeRows } from '../support/preference-file.js';
import { BenchGenerator, type Ended, fakeBench } from './fake-bench.js';

let folder: string;
let data: string;
let out: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  // Users u0, u1 and u2, whom the bank has too, each with a choice of long ago.
  data = await writeRows(
    join(folder, 'data.jsonl'),
    Array.from({ length: 9 }, (_, index) => row(index, index < 3 ? { split: 'train' } : {})),
  );
  out = join(folder, 'out');
});

/** Runs a bench of a model that the bank was made with; `users` are in the bank. */
async function bench(users: number, ...more: string[]): Promise<Ended> {
  const { made } = await bankWorld(folder, { users });
  const template = { ...(await resolveTemplate('compact')), hash: 'c'.repeat(64) };
  const sizes = ['--rounds', '2', '--rows', '2', '--full-chains', '4', '--quiet', '--adaptive', 'off'];
  const words = ['scaling', '--data', data, '--out', out, '--bank', 'bank', ...sizes, ...more];
  return fakeBench(words, async () => ({
    generator: new BenchGenerator({ samplesAtOnce: 4 }),
    modelSha256: 'a'.repeat(64),
    template,
    bank: await PrototypeBank.open(made.path),
    embedder: new FakeEmbedder({ dimension: 16 }),
    embedderIdentity: { sha256: 'b'.repeat(64), pooling: 'mean' },
  }));
}
const LEVELS = ['--levels', '1,ind-2,ind-2+pro-2'];

async function result(): Promise<ScalingResult> {
  return JSON.parse(await readFile(join(out, 'result.json'), 'utf8')) as ScalingResult;
}

describe('a bench with a bank', () => {
  it('keeps account of the prompts of similar users, which are their own', async () => {
    expect(await bench(12, ...LEVELS)).toMatchObject({ code: 0 });
    const lines = (await readFile(join(out, 'blocks.jsonl'), 'utf8')).split('\n').slice(1, -1);
    const blocks = lines.map((line) => JSON.parse(line) as BlockRecord);
    const similar = blocks.filter(({ variant }) => variant === 'ind-2+pro-2');
    expect(similar).toHaveLength(4);
    for (const one of similar.flatMap(({ judgments }) => judgments)) {
      expect(one).toMatchObject({ requests: 4, neighbours: 2, error: null });
      expect(one.each.map(({ chains }) => chains)).toEqual([1, 1, 1, 1]);
      expect(one.prompt).toBe(one.each.reduce((total, { length }) => total + length, 0));
      expect(one.unshared).toBe(one.prompt);
      expect(one.decoded).toBe(one.each.reduce((total, { decoded }) => total + decoded, 0));
      const [own, , ...theirs] = one.each.map(({ length }) => length);
      for (const length of theirs) expect(length).not.toBe(own);
    }
    const { header, variants } = await result();
    expect(header.identity.bank).toMatchObject({ checksum: expect.any(String), overlap: 'exclude' });
    const [, two, four] = variants;
    expect(four!.full!.savedPromptTokens.value).toBeGreaterThanOrEqual(0);
    expect(four!.kvBytes!.value).toBeGreaterThan(two!.kvBytes!.value);
  });

  it('refuses one whose users are all judged, unless each is only kept from being their own neighbour', async () => {
    const refused = await bench(3, ...LEVELS);
    expect(refused).toMatchObject({ code: 2, err: expect.stringMatching(/all 3 users.*--bank-overlap own/) });
    const own = await bench(3, '--bank-overlap', 'own', '--levels', '1,ind-2+pro-2,ind-1+pro-3');
    expect(own.code).toBe(3);
    const { header, variants } = await result();
    expect(variants.map(({ name }) => name)).toEqual(['1', 'ind-2+pro-2']);
    expect(header.skipped).toEqual([
      { name: 'ind-1+pro-3', reason: expect.stringMatching(/needs 3 similar users, the bank has 2/) },
    ]);
    // Only the rows that are judged bar users: those of one user leave the others in.
    expect((await bench(3, '--force', '--limit', '1', '--levels', '1,ind-2+pro-2')).code).toBe(0);
  });

  it('refuses one that was made with another model or template', async () => {
    const { made } = await bankWorld(folder);
    const words = ['--levels', 'ind-2+pro-2', '--adaptive', 'off', '--bank', 'bank'];
    const { code, err } = await fakeBench(['scaling', '--data', data, '--out', out, ...words], async () => ({
      generator: new BenchGenerator({ samplesAtOnce: 4 }),
      modelSha256: 'f'.repeat(64),
      bank: await PrototypeBank.open(made.path),
      embedder: new FakeEmbedder({ dimension: 16 }),
      embedderIdentity: { sha256: 'b'.repeat(64), pooling: 'mean' },
    }));
    expect(code).toBe(1);
    expect(err).toMatch(/BANK_MISMATCH.*the model of SHA-256 a+.*the template of hash c+/);
  });
});
