import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { BenchIdentity } from '../../src/cost/measure/bench-record.js';
import type { ScalingResult } from '../../src/cost/result/result.js';
import { temporaryFolder, writeGoodRows } from '../support/preference-file.js';
import { BenchGenerator, type Ended, fakeBench, usualParts } from './fake-bench.js';

let folder: string;
let data: string;
let out: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  data = await writeGoodRows(join(folder, 'data.jsonl'), 12);
  out = join(folder, 'out');
});

/** A generator that tells, as real ones do, which library it opened. */
function told(): BenchGenerator {
  const generator = new BenchGenerator({ samplesAtOnce: 4 });
  Object.assign(generator.info, { choices: [`llama.cpp v1 from ${join(folder, 'bins', 'linux-x64')}`] });
  return generator;
}

async function bench(...more: string[]): Promise<Ended> {
  const sizes = ['--rounds', '2', '--rows', '1', '--full-chains', '4', '--quiet', '--force'];
  const words = ['scaling', '--data', data, '--out', out, ...sizes, '--levels', '1,ind-4,ind-8', ...more];
  return fakeBench(words, () => usualParts(told()));
}

async function result(): Promise<ScalingResult> {
  return JSON.parse(await readFile(join(out, 'result.json'), 'utf8')) as ScalingResult;
}

const figure = (value: number) => ({
  value,
  rows: 160,
  users: 80,
  byUsers: { low: value - 0.05, high: value + 0.05 },
});
const level = (name: string, value: number) => ({ name, accuracy: { half: figure(value) } });

/** A report of the same model, data and sampling as a bench has. */
function reportOf({ model, template, data, bank, options }: BenchIdentity) {
  return {
    pgenrmEvaluation: 1,
    chains: { identity: { model, template, data, bank, sampling: options } },
    settings: { ties: 'half' },
    levels: [level('1', 0.7), level('ind-4', 0.75), level('ind-8', 0.8)],
    adaptive: [
      { level: 'ind-8', risk: 0.05, accuracy: figure(0.79) },
      { level: 'ind-8', risk: 0.1, accuracy: figure(0.5) },
    ],
  };
}

describe('levels with adaptive stopping and without', () => {
  it('stand side by side, with chains used and accuracy, and both on the frontier', async () => {
    expect((await bench()).code).toBe(0);
    const { variants, ratios } = await result();
    const names = ['1', 'ind-4', 'ind-4, adaptive 0.05', 'ind-8', 'ind-8, adaptive 0.05'];
    expect(variants.map(({ name }) => name)).toEqual(names);
    for (const { adaptive, individual, usedChains, accuracy, onFrontier } of variants) {
      if (adaptive === null) expect(usedChains.value).toBe(individual);
      else expect(usedChains.value).toBeLessThan(individual);
      expect(accuracy).toMatchObject({ from: 'bench', sha256: null });
      expect(onFrontier).not.toBeNull();
    }
    // All pairs are kept; those shown are of like kind, or a level with itself.
    expect(ratios).toHaveLength(2 * 10);
    const text = await readFile(join(out, 'result.md'), 'utf8');
    expect(text).toContain('| ind-8, adaptive 0.05 over ind-8 |');
    expect(text).not.toContain('| ind-8, adaptive 0.05 over ind-4 |');
    // Costs, chains used and accuracy, each with its interval.
    const figure = String.raw`\d+(\.\d)?( \\\[[^\]]+\])? \| `;
    expect(text).toMatch(new RegExp(`^\\| ind-8, adaptive 0.05 \\| (${figure}){4}`, 'm'));
    expect(await readFile(join(out, 'cost-against-accuracy.svg'), 'utf8')).toContain('adaptive');
  });
});

describe('a model whose chains cannot be read', () => {
  it('has costs and no accuracy, and that is said first', async () => {
    const script = (): string => 'none of this is a chain';
    const parts = () => usualParts(new BenchGenerator({ samplesAtOnce: 4, script }));
    const sizes = ['--rounds', '2', '--rows', '1', '--full-chains', '4', '--quiet', '--adaptive', 'off'];
    const words = ['scaling', '--data', data, '--out', out, '--levels', '1,ind-4', ...sizes];
    expect((await fakeBench(words, parts)).code).toBe(0);
    const { variants } = await result();
    for (const { full, lostChains, individual, accuracy, onFrontier } of variants) {
      expect(full!.msPerJudgment.value).toBeGreaterThan(0);
      expect(lostChains.value).toBe(individual);
      expect([accuracy, onFrontier]).toEqual([null, null]);
    }
    const [, , , , first] = (await readFile(join(out, 'result.md'), 'utf8')).split('\n');
    expect(first).toBe('- ! no chain could be read of 1; ind-4');
  });
});

describe('accuracies of an evaluation', () => {
  it('stand beside the costs of the same variant, and nowhere the few judgments of the bench', async () => {
    await bench();
    const path = join(folder, 'report.json');
    const text = JSON.stringify(reportOf((await result()).header.identity));
    await writeFile(path, text);
    expect((await bench('--accuracy', path)).code).toBe(0);
    const sha256 = createHash('sha256').update(text).digest('hex');
    const { variants } = await result();
    expect(variants.map(({ accuracy }) => accuracy?.value ?? null)).toEqual([0.7, 0.75, null, 0.8, 0.79]);
    expect(variants[4]!.accuracy).toMatchObject({ from: 'report.json', sha256, rows: 160, users: 80 });
    expect(variants[2]!.onFrontier).toBeNull();
    const shown = await readFile(join(out, 'result.md'), 'utf8');
    expect(shown).toContain(`report.json, SHA-256 ${sha256.slice(0, 16)}`);
    expect(shown).toContain('no accuracy of ind-4, adaptive 0.05');
  });

  it.each([
    ['another model', { chains: { model: { sha256: 'b'.repeat(64) } } }, /its model sha256 is bbb/],
    ['other data', { chains: { data: { fingerprint: 'other' } } }, /its data fingerprint is other/],
    [
      'other histories',
      { chains: { sampling: { historyEvents: 3 } } },
      /historyEvents is 3, this one is none/,
    ],
    [
      'other weights of similar users',
      { settings: { ties: 'half', aggregate: { neighbourWeights: 'cosine' } } },
      /neighbourWeights is cosine, this one is equal/,
    ],
    ['ties counted otherwise', { settings: { ties: 'wrong' } }, /counts ties as wrong/],
  ])('are refused where they are of %s', async (_, change, why) => {
    await bench();
    const report = reportOf((await result()).header.identity);
    const { identity } = report.chains;
    const chains = 'chains' in change ? { identity: { ...identity, ...change.chains } } : report.chains;
    const settings = 'settings' in change ? change.settings : report.settings;
    const path = join(folder, 'report.json');
    await writeFile(path, JSON.stringify({ ...report, chains, settings }));
    const { code, err } = await bench('--accuracy', path);
    expect(code).toBe(2);
    expect(err).toMatch(/^RUN_MISMATCH/);
    expect(err).toMatch(why);
  });

  it('are refused where the file is no report', async () => {
    const path = join(folder, 'report.json');
    expect((await bench('--accuracy', path)).err).toMatch(/^INPUT_NOT_FOUND/);
    for (const text of ['{"pgenrmEvaluation": 1}', '[', 'null']) {
      await writeFile(path, text);
      expect((await bench('--accuracy', path)).err).toMatch(/^INPUT_MALFORMED/);
    }
  });
});

describe('what a bench writes', () => {
  it('names files and no folder of this machine', async () => {
    await bench();
    const path = join(folder, 'report.json');
    await writeFile(path, JSON.stringify(reportOf((await result()).header.identity)));
    expect((await bench('--accuracy', path)).code).toBe(0);
    expect((await result()).header.choices).toEqual(['llama.cpp v1 from linux-x64']);
    const files = await readdir(out);
    expect(files).toContain('blocks.jsonl');
    for (const file of files) expect(await readFile(join(out, file), 'utf8')).not.toContain(folder);
  });
});
