import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { BlockRecord } from '../../src/cost/measure/bench-record.js';
import type { ScalingResult } from '../../src/cost/result/result.js';
import { byLength, chainText, type FakeSample } from '../support/fake-generator.js';
import { temporaryFolder, writeGoodRows } from '../support/preference-file.js';
import { BenchGenerator, fakeBench, usualParts } from './fake-bench.js';

let folder: string;
let data: string;
let out: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  data = await writeGoodRows(join(folder, 'data.jsonl'), 12);
  out = join(folder, 'out');
});

const SMALL = ['--rounds', '2', '--rows', '2', '--full-chains', '8', '--quiet'];
const words = (...more: string[]): string[] => ['scaling', '--data', data, '--out', out, ...SMALL, ...more];
const LEVELS = ['--levels', '1,ind-2,ind-4', '--adaptive', 'off'];

async function lines(): Promise<string[]> {
  return (await readFile(join(out, 'blocks.jsonl'), 'utf8')).split('\n').slice(0, -1);
}
async function blocks(): Promise<BlockRecord[]> {
  return (await lines()).slice(1).map((line) => JSON.parse(line) as BlockRecord);
}
async function result(at = out): Promise<ScalingResult> {
  return JSON.parse(await readFile(join(at, 'result.json'), 'utf8')) as ScalingResult;
}

describe('pgenrm bench scaling', () => {
  it('measures every level alone and with the generator full, in random order', async () => {
    const { code, out: text } = await fakeBench(words(...LEVELS));
    expect(code).toBe(0);
    expect((await readdir(out)).sort()).toEqual([
      'blocks.jsonl',
      'cost-against-accuracy.svg',
      'result.html',
      'result.json',
      'result.md',
      'what-a-level-costs.svg',
    ]);
    // A picture by itself has no page that would give it a colour.
    const picture = await readFile(join(out, 'cost-against-accuracy.svg'), 'utf8');
    expect(picture).toMatch(/^<svg[^>]*><style>:root { color: #/);
    const all = await blocks();
    // Two rounds of three levels in two modes.
    expect(all).toHaveLength(2 * 6);
    const rounds = [0, 1].map((round) =>
      all.filter((block) => block.round === round).map(({ block }) => block.slice(2)),
    );
    expect([...rounds[0]!].sort()).toEqual([...rounds[1]!].sort());
    expect(rounds[0]).not.toEqual(rounds[1]);
    const { variants, ratios, status, noise, measuring, header } = await result();
    expect(status).toBe('finished');
    expect(variants.map(({ name }) => name)).toEqual(['1', 'ind-2', 'ind-4']);
    for (const { individual, alone, full, accuracy, usedChains, kvBytes } of variants) {
      expect(alone).toMatchObject({ rounds: 2, judgments: 4 });
      expect(full!.judgments).toBe(2 * Math.max(4, 8 / individual));
      expect(usedChains.value).toBe(individual);
      expect(accuracy!.rows).toBe(4 + full!.judgments);
      expect(kvBytes!.value).toBeGreaterThan(0);
      expect(alone!.unsharedPromptTokens.value).toBeGreaterThanOrEqual(alone!.decodedPromptTokens.value);
      expect(alone!.msPerJudgment.low).not.toBeNull();
      expect(alone!.joules).toBeNull();
    }
    // Three pairs of levels in two modes.
    expect(ratios).toHaveLength(6);
    expect(variants.some(({ onFrontier }) => onFrontier === true)).toBe(true);
    expect(noise.drift).toBeNull();
    expect(measuring.share).toBeGreaterThan(0);
    expect(header).toMatchObject({ pgenrmBench: 1, libraryHash: 'beef', model: { note: null } });
    for (const word of ['What a level costs', 'not measured']) expect(text).toContain(word);
  });

  it('counts prompts once a request, and what each chain would decode by itself', async () => {
    await fakeBench(words(...LEVELS));
    for (const { variant, judgments } of await blocks()) {
      for (const one of judgments) {
        const chains = variant === '1' ? 1 : Number(variant.slice(4));
        expect(one.requests).toBe(Math.min(2, chains));
        expect(one.unshared).toBe((one.prompt / one.requests) * chains);
        expect(one.chainTokens).toHaveLength(chains);
        expect(one.generated).toBe(one.chainTokens.reduce((total, tokens) => total + tokens, 0));
        expect(one.distinct).toBeLessThanOrEqual(one.prompt);
      }
    }
  });

  it('forgets prompts between blocks, and loads the model anew for each round', async () => {
    const generators: BenchGenerator[] = [];
    await fakeBench(words(...LEVELS), () => {
      generators.push(new BenchGenerator({ samplesAtOnce: 4 }));
      return usualParts(generators.at(-1));
    });
    // Every round has a load of its own, as every run has, so that rounds differ as runs do.
    expect(generators).toHaveLength(2);
    expect(generators.reduce((total, { forgotten }) => total + forgotten, 0)).toBe((await blocks()).length);
    expect(generators.map(({ disposals }) => disposals)).toEqual([1, 1]);
  });

  it('goes on with what it has, after a line that was half written', async () => {
    await fakeBench(words(...LEVELS));
    const whole = await lines();
    const kept = whole.slice(0, 9);
    await writeFile(join(out, 'blocks.jsonl'), `${kept.join('\n')}\n${whole[9]!.slice(0, 40)}`);
    const { code } = await fakeBench(words(...LEVELS, '--resume'));
    expect(code).toBe(0);
    expect((await lines()).slice(0, 9)).toEqual(kept);
    const names = (text: readonly string[]): string[] =>
      text.slice(1).map((line) => (JSON.parse(line) as BlockRecord).block);
    expect(names(await lines())).toEqual(names(whole));
    const again = await result();
    expect(again).toMatchObject({ status: 'finished', sessions: 2, rounds: { whole: 2 } });
    // More rounds go on too.
    await fakeBench([...words(...LEVELS, '--resume'), '--rounds', '3']);
    expect((await result()).rounds).toEqual({ asked: 3, whole: 3 });
  });

  it('keeps what it has when it is interrupted', async () => {
    let chains = 0;
    const script = (sample: FakeSample): string => {
      chains += 1;
      if (chains === 30) process.emit('SIGINT');
      return byLength(sample);
    };
    const { code, err } = await fakeBench(words(...LEVELS), () =>
      usualParts(new BenchGenerator({ samplesAtOnce: 4, script })),
    );
    expect(code).toBe(130);
    expect(err).toMatch(/--resume goes on/);
    const kept = await lines();
    expect(kept.length).toBeGreaterThan(1);
    expect((await result()).status).toBe('stopped');
    expect((await fakeBench(words(...LEVELS, '--resume'))).code).toBe(0);
    expect((await lines()).slice(0, kept.length)).toEqual(kept);
    expect((await blocks()).length).toBe(12);
  });

  it('refuses to go on under other conditions, and to replace what is there', async () => {
    await fakeBench(words(...LEVELS));
    const exists = await fakeBench(words(...LEVELS));
    expect(exists).toMatchObject({ code: 2, err: expect.stringMatching(/INVALID_OPTION.*exists.*--resume/) });
    const other = await fakeBench(words(...LEVELS, '--resume', '--seed', '3'));
    expect(other).toMatchObject({ code: 2, err: expect.stringMatching(/RUN_MISMATCH.*seed was 0, is 3/) });
    expect((await fakeBench(words(...LEVELS, '--force', '--seed', '3'))).code).toBe(0);
  });

  it('skips levels that have no room, with their need, and ends with 3', async () => {
    const withCells = (cells: number) => () => usualParts(new BenchGenerator({ samplesAtOnce: 4 }, cells));
    const none = await fakeBench(words(...LEVELS), withCells(10));
    expect(none).toMatchObject({ code: 1, err: expect.stringMatching(/OUT_OF_MEMORY.*no level fits/) });
    const needs = [...none.err.matchAll(/needs (\d+) KV cells/g)].map(([, cells]) => Number(cells));
    expect(needs).toHaveLength(3);
    const [, two = 0, four = 0] = needs;
    expect(four).toBeGreaterThan(two);
    const { code, out: text } = await fakeBench(words(...LEVELS, '--force'), withCells(two));
    expect(code).toBe(3);
    expect(text).toContain(`a judgment needs ${four} KV cells`);
    const { header, variants } = await result();
    expect(header.skipped.map(({ name }) => name)).toEqual(['ind-4']);
    expect(variants.map(({ name }) => name)).toEqual(['1', 'ind-2']);
  });

  it('stops early where adaptive stopping may, counts lost chains, and prices both', async () => {
    const script = (sample: FakeSample): string =>
      sample.index === 1 ? 'I would rather not say.' : chainText([9, 1]);
    const parts = () => usualParts(new BenchGenerator({ samplesAtOnce: 4, script }));
    const prices = ['--price-per-hour', '3.6', '--price-input', '1', '--price-output', '10'];
    const options = ['--levels', '1,ind-8', ...prices, '--price-cached-input', '0.1', '--check-measuring'];
    expect((await fakeBench(words(...options), parts)).code).toBe(0);
    const { variants, measuring } = await result();
    const [single, eight, adaptive] = variants;
    expect(adaptive).toMatchObject({ name: 'ind-8, adaptive 0.05', adaptive: 0.05 });
    expect(eight!.lostChains.value).toBe(2);
    expect(eight!.savedChains.value).toBe(0);
    expect(adaptive!.usedChains.value + adaptive!.lostChains.value + adaptive!.savedChains.value).toBe(8);
    // 3.6 an hour is 0.001 a second, and 1,000 judgments of as many ms take as many seconds.
    expect(single!.pricePer1000!.value).toBeCloseTo(single!.full!.msPerJudgment.value / 1000, 9);
    expect(eight!.apiPricePer1000!.value).toBeGreaterThan(single!.apiPricePer1000!.value);
    expect(measuring.meteredOverBare!.pairs).toBe(2);
  });

  it('counts rows with an error of their own apart', async () => {
    const long = await writeGoodRows(join(folder, 'long.jsonl'), 6);
    const text = (await readFile(long, 'utf8')).replace('query 3 end', `query 3 end ${'x'.repeat(3000)}`);
    await writeFile(long, text);
    const run = [
      'scaling',
      '--data',
      long,
      '--out',
      out,
      ...SMALL,
      '--levels',
      '1,ind-2',
      '--adaptive',
      'off',
    ];
    const { code } = await fakeBench([...run, '--max-tokens', '1000'], () =>
      usualParts(new BenchGenerator({ samplesAtOnce: 4, contextTokens: 3200 })),
    );
    expect(code).toBe(0);
    const { variants } = await result();
    expect(variants.some(({ failed }) => failed > 0)).toBe(true);
  });

  it.each([
    ['a bank-less prototype level', ['--levels', 'ind-2+pro-1'], /--bank BANK/],
    ['a bank without such a level', ['--levels', '1', '--bank', 'b'], /no part/],
    ['one price alone', ['--price-input', '1'], /go together/],
    ['a level twice', ['--levels', '1,ind-1'], /listed twice/],
    ['adaptive levels without adaptive stopping', ['--adaptive', 'off', '--adaptive-levels', 'ind-8'], /off/],
    [
      'adaptive stopping of a level that cannot',
      ['--adaptive-levels', 'ind-8,ind-2'],
      /ind-2 has too few chains/,
    ],
  ])('refuses %s', async (_, more, why) => {
    const { code, err } = await fakeBench(words(...more));
    expect(code).toBe(2);
    expect(err).toMatch(why);
  });

  it('refuses data without rows', async () => {
    const empty = join(folder, 'empty.jsonl');
    await writeFile(empty, '{"nonsense": 1}\n');
    const none = await fakeBench(['scaling', '--data', empty, '--format', 'trl', '--out', out, ...SMALL]);
    expect(none.code).toBe(1);
    expect(none.err).toMatch(/INPUT_MALFORMED/);
  });
});
