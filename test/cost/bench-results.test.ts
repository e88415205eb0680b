import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { agreement, compareResults } from '../../src/cost/result/compare-results.js';
import type { Prediction } from '../../src/cost/result/predict.js';
import { readResult } from '../../src/cost/result/read-result.js';
import type { ScalingResult } from '../../src/cost/result/result.js';
import { resultMarkdown } from '../../src/cost/result/write-result.js';
import type { Estimate } from '../../src/statistics/estimate.js';
import { suiteFolder } from '../bank/made-bank.js';
import { writeGoodRows } from '../support/preference-file.js';
import { fakeBench } from './fake-bench.js';

const folder = await suiteFolder();
let data: string;
/** A result that a bench wrote, and what stands in it. */
let path: string;
let before: ScalingResult;

beforeAll(async () => {
  data = await writeGoodRows(join(folder, 'data.jsonl'), 12);
  const out = join(folder, 'out');
  const sizes = ['--rounds', '2', '--rows', '2', '--full-chains', '8', '--quiet', '--adaptive', 'off'];
  await fakeBench(['scaling', '--data', data, '--out', out, '--levels', '1,ind-2,ind-4', ...sizes]);
  path = join(out, 'result.json');
  before = JSON.parse(await readFile(path, 'utf8')) as ScalingResult;
});

/** The result in a file of its own, changed. */
async function changed(change: (result: Changeable) => void): Promise<string> {
  const copy = structuredClone(before) as Changeable;
  change(copy);
  const file = join(folder, 'changed.json');
  await writeFile(file, JSON.stringify(copy));
  return file;
}
type Changeable = Omit<ScalingResult, 'variants'> & { variants: ScalingResult['variants'][number][] };

/** Every estimate within a value, at any depth. */
function estimatesIn(value: unknown): Estimate[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('low' in value && 'n' in value) return [value as Estimate];
  return Object.values(value).flatMap(estimatesIn);
}

describe('results beside each other', () => {
  it('predicts levels that were not measured, with the error on levels left out', async () => {
    const from = ['--from', path];
    const { code, out: text } = await fakeBench(['predict', '--ind', '32', ...from]);
    expect(code).toBe(0);
    expect(text).toMatch(
      /^ind-32, by a regression over 3 measured levels \(1, ind-2, ind-4; one result, one worker\)/,
    );
    expect(
      text.match(/error on left-out levels: [\d.]+% on average, [\d.]+% at most \(3 levels\)/g),
    ).toHaveLength(2);
    expect(text).toMatch(/! 32 own chains lie outside of what was measured \(1 to 4\)/);
    const json = JSON.parse(
      (await fakeBench(['predict', '--ind', '2', '--json', ...from])).out,
    ) as Prediction;
    expect(json.full!.measuredMs).toBe(before.variants[1]!.full!.msPerJudgment.value);
    expect(json.judgmentsPerSecond).toBeCloseTo(1000 / json.full!.ms, 9);
    expect(json.alone!.leftOut.map(({ name }) => name)).toEqual(['1', 'ind-2', 'ind-4']);
    expect(json.cautions).toEqual([]);
    expect((await fakeBench(['predict', '--from', data])).code).toBe(1);
    expect((await fakeBench(['predict', '--from', join(folder, 'absent')])).err).toMatch(/INPUT_NOT_FOUND/);
  });

  it('predicts with as many workers as results were measured with, and with no other number', async () => {
    const two = await changed((one) => {
      Object.assign(one.header.identity.generator, { workers: 2 });
      for (const { full } of one.variants)
        Object.assign(full!.msPerJudgment, { value: full!.msPerJudgment.value / 2 });
    });
    const both = ['predict', '--ind', '4', '--json', '--from', path, '--from', two];
    const one = JSON.parse((await fakeBench([...both, '--workers', '1'])).out) as Prediction;
    const halved = JSON.parse((await fakeBench([...both, '--workers', '2'])).out) as Prediction;
    expect([one.workers, halved.workers]).toEqual([1, 2]);
    expect(halved.full!.ms / one.full!.ms).toBeCloseTo(0.5, 9);
    expect(halved.alone!.ms).toBeCloseTo(one.alone!.ms, 9);
    const which = await fakeBench(both);
    expect(which).toMatchObject({
      code: 2,
      err: expect.stringMatching(/\(1, 2\); say which with --workers/),
    });
    const none = await fakeBench([...both, '--workers', '3']);
    expect(none).toMatchObject({
      code: 2,
      err: expect.stringMatching(/nothing to go on: no result has 3 workers/),
    });
  });

  it('says what there is nothing to go on for', async () => {
    const similar = await fakeBench(['predict', '--ind', '4', '--pro', '2', '--from', path]);
    expect(similar).toMatchObject({
      code: 2,
      err: expect.stringMatching(/nothing to go on: no measured level has similar/),
    });
    const single = await changed((one) => {
      one.variants = one.variants.slice(0, 1);
    });
    const few = await fakeBench(['predict', '--ind', '4', '--from', single]);
    expect(few).toMatchObject({
      code: 2,
      err: expect.stringMatching(/nothing to go on: only 1 was measured/),
    });
    const pair = await changed((one) => {
      one.variants = one.variants.slice(0, 2);
    });
    expect((await fakeBench(['predict', '--ind', '4', '--from', pair])).out).toContain(
      'is not known: too few levels',
    );
    const other = await changed((one) =>
      Object.assign(one.header.identity.model, { sha256: 'b'.repeat(64) }),
    );
    const mixed = await fakeBench(['predict', '--ind', '4', '--from', path, '--from', other]);
    expect(mixed).toMatchObject({ code: 2, err: expect.stringMatching(/RUN_MISMATCH.*model sha256/) });
  });

  it('has no interval of an amount that begins below zero, in a new result and in those of the repository', async () => {
    const results = [before];
    const kept = new URL('../../bench/results/', import.meta.url);
    for (const name of (await readdir(kept)).filter((one) => one.startsWith('scaling-')))
      results.push(JSON.parse(await readFile(new URL(`${name}/result.json`, kept), 'utf8')) as ScalingResult);
    expect(results.length).toBeGreaterThan(3);
    for (const { variants } of results) {
      const intervals = estimatesIn(variants).filter(({ low }) => low !== null);
      expect(intervals.length).toBeGreaterThan(10);
      expect(intervals.filter(({ value, low, high }) => low! < 0 || low! > value || high! < value)).toEqual(
        [],
      );
    }
  });

  it('says what changed, and whether it is more than noise', async () => {
    const same = await fakeBench(['compare', path, path]);
    expect(same.code).toBe(0);
    expect(same.out).toMatch(/^(\d+) of \1 figures agree/);
    expect(same.out).toContain('measured under the same conditions');
    const exact = { value: 100, low: 99, high: 101, n: 5 };
    const slow = { value: 150, low: 149, high: 151, n: 5 };
    const set = (one: ScalingResult, estimate: typeof exact, threads: number): ScalingResult => {
      const copy = structuredClone(one);
      Object.assign(copy.variants[0]!.full!, { msPerJudgment: estimate });
      Object.assign(copy.header.identity.generator, { threads });
      return copy;
    };
    const [first, second] = [set(before, exact, 1), set(before, slow, 2)];
    const comparison = compareResults(first, second);
    const changed = comparison.figures.filter((figure) => figure.changed === true);
    expect(changed).toMatchObject([{ of: '1, full', figure: 'ms a judgment', ratio: { ratio: 1.5 } }]);
    expect(agreement(comparison).told - agreement(comparison).agree).toBe(1);
    expect(comparison.conditions).toEqual(['generator threads was 1, is 2']);
    const files = [join(folder, 'a.json'), join(folder, 'b.json')];
    await writeFile(files[0]!, JSON.stringify(first));
    await writeFile(files[1]!, JSON.stringify(second));
    expect((await fakeBench(['compare', ...files])).out).toMatch(/1, full.*ms a judgment.*1\.50.*yes/);
    expect((await fakeBench(['table', files[0]!])).out).toMatch(/^\| level \|/);
  });

  it('compares other models and machines, and says that they are', async () => {
    const other = await changed((one) => {
      Object.assign(one.header.identity.model, { sha256: 'b'.repeat(64) });
      Object.assign(one.header.identity.machine, { cpu: 'another' });
      one.variants.pop();
    });
    const { code, out } = await fakeBench(['compare', path, other]);
    expect(code).toBe(0);
    expect(out).toContain('only in the first: ind-4');
    expect(out).toMatch(
      /! measured under other conditions:\n.*machine cpu was .*, is another\n.*model sha256 was a+/,
    );
    expect(out).not.toContain('same conditions');
  });

  it('refuses results without a level in common', async () => {
    const other = await changed((one) => {
      for (const variant of one.variants) Object.assign(variant, { name: `other ${variant.name}` });
    });
    const { code, err } = await fakeBench(['compare', path, other]);
    expect({ code, err }).toEqual({
      code: 2,
      err: expect.stringMatching(/^RUN_MISMATCH: no level .* other ind-2/),
    });
  });

  it.each([
    ['cut off', (text: string) => text.slice(0, text.length / 2), /is not JSON/],
    ['of another kind', () => '{"levels": []}', /version 1 \(it names none\)/],
    [
      'of another version',
      (text: string) => text.replace('"pgenrmScaling": 1', '"pgenrmScaling": 2'),
      /of version 2/,
    ],
    [
      'without a figure',
      (text: string) => text.replaceAll('"medianMs"', '"other"'),
      /variants\.0\.alone\.medianMs/,
    ],
    ['with text for a number', (text: string) => text.replace(/"n": [^,\n]+/, '"n": "x"'), /variants\.0/],
    ['without conditions', (text: string) => text.replace('"identity"', '"identities"'), /header\.identity/],
    ['null', () => 'null', /version 1/],
  ])('refuses a result that is %s, and names the place', async (_, damage, why) => {
    const damaged = join(folder, 'damaged.json');
    const text = await readFile(path, 'utf8');
    await writeFile(damaged, damage(text));
    for (const words of [
      ['compare', path, damaged],
      ['compare', damaged, path],
      ['predict', '--from', damaged],
      ['table', damaged],
    ]) {
      const { code, err } = await fakeBench(words);
      expect({ code, err }).toEqual({
        code: 1,
        err: expect.stringMatching(/^INPUT_MALFORMED: .*damaged\.json/),
      });
      expect(err).toMatch(why);
    }
  });

  it('reads and predicts from every result that is committed, whose pages are theirs', async () => {
    const results = join('bench', 'results');
    const names = (await readdir(results)).filter((name) => name.startsWith('scaling-'));
    expect(names.length).toBeGreaterThanOrEqual(4);
    for (const name of names) {
      const committed = join(results, name, 'result.json');
      expect((await fakeBench(['predict', '--ind', '64', '--from', committed])).out).toMatch(/^ind-64/);
      expect((await fakeBench(['compare', committed, committed])).code).toBe(0);
      const page = await readFile(join(results, name, 'result.md'), 'utf8');
      expect(page).toBe(resultMarkdown(await readResult(committed)));
      const lows = [...page.matchAll(/\[(-[\d.]+), /g)];
      expect(lows).toEqual([]);
    }
  });
});
