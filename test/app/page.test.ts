// The page in Chromium, all in the browser: the model is nano on WebAssembly, and the network is cut off.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PAGE } from '../../scripts/playground/build.mjs';
import { openPreferenceData } from '../../src/data/preference-data.js';
import { RewardModel } from '../../src/reward-model/reward-model.js';
import { judge, NO_CHROMIUM, type Opened, type OpenedPage, openChromium, shownScores } from './chromium.js';

/** Compressed script that the page may have beside WebAssembly. */
const MOST_SCRIPT = 250_000;

describe.skipIf(NO_CHROMIUM)('the page, all in the browser', () => {
  let opened: Opened;
  let first: OpenedPage;
  beforeAll(async () => {
    opened = await openChromium();
    first = await opened.page({ viewport: { width: 1280, height: 900 } });
    await first.page.goto(opened.url);
  });
  afterAll(() => opened?.[Symbol.asyncDispose]());

  it('judges a bundled example at Ind-4 with the network cut off', async () => {
    const { page, outside, errors } = first;
    await judge(page, 4);
    expect(await page.locator('.headline').textContent()).toMatch(/^B wins, probability/);
    const scores = await shownScores(page);
    for (const score of scores) expect(score).toBeGreaterThanOrEqual(1);
    expect(scores[1]).toBeGreaterThan(scores[0]!);
    expect(outside).toEqual([]);
    expect(errors).toEqual([]);
  });

  it('shows every chain with its persona, rubric and text, and why the other does not win', async () => {
    const { page } = first;
    expect(await page.locator('.chain').count()).toBe(4);
    const chain = page.locator('.chain').first();
    await chain.locator('summary').first().click();
    expect(await chain.locator('.rubric tbody tr').count()).toBeGreaterThan(2);
    await chain.getByText(/^The text/).click();
    expect(await chain.locator('pre').textContent()).toMatch(/^PART 1[\s\S]*<JSON_END>$/);
    expect(await page.getByRole('heading', { name: 'Why not A?' }).count()).toBe(1);
    expect(await page.locator('.flip').textContent()).toMatch(/single weight|smallest change/);
  });

  it('counts the first chains alone where the level is set lower, and costs less there', async () => {
    const { page } = first;
    const cost = async (): Promise<number> =>
      Number(/^([\d,]+) tokens/.exec((await page.locator('.cost').textContent())!)![1]!.replace(',', ''));
    const whole = await cost();
    const width = async (): Promise<number> => {
      const text = (await page.locator('.verdict .detail').textContent())!;
      const [, low, high] = /interval (-?[\d.]+) to (-?[\d.]+)/.exec(text)!;
      return Number(high) - Number(low);
    };
    const narrow = await width();
    await page.getByLabel(/^Level/).fill('2');
    expect(await cost()).toBeLessThan(whole);
    expect(await width()).toBeGreaterThan(narrow);
    expect(await page.getByText('not counted at this level').count()).toBe(2);
    await page.getByLabel(/^Level/).fill('4');
  });

  it('writes the same chains again for the same seed', async () => {
    const { page } = first;
    const texts = (): Promise<string[]> => page.locator('.chain pre').allTextContents();
    const before = await texts();
    await judge(page, 4);
    expect(await texts()).toEqual(before);
  });

  it('stops within a step, and keeps the chains that came', async () => {
    const { page } = first;
    await page.getByLabel('Chains to write').selectOption('32');
    await page.getByRole('button', { name: /^Judge/ }).click();
    await page.getByText(/^[1-9]\d* of 32 chains written$/).waitFor({ timeout: 60_000 });
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText(/^Stopped: [1-9]\d* of 32 chains written$/).waitFor({ timeout: 5_000 });
    expect(await page.locator('.chain').count()).toBeGreaterThan(0);
    expect(await page.getByRole('button', { name: /^Judge/ }).isEnabled()).toBe(true);
  });

  it('puts the winners of all examples where the native generator does, greedily', async () => {
    const data = await openPreferenceData('examples/preferences.jsonl', {
      users: 'examples/users.jsonl',
      split: 'test',
    });
    await using model = await RewardModel.load({ model: 'nano', gpu: 'off' });
    const { page } = await opened.page();
    await page.goto(opened.url);
    await page.getByText('More', { exact: true }).click();
    await page.getByLabel('Temperature').fill('0');
    await page.getByLabel('Seed').fill('1');
    const [native, browser]: [(number | null)[], (number | null)[]] = [[], []];
    for await (const row of data.rows()) {
      if (row.kind !== 'row') continue;
      const input = { id: row.id, user: row.user, ...row.item };
      native.push((await model.judge(input, { individual: 1, seed: 1, temperature: 0 })).winner);
      await page.getByRole('button', { name: row.item.context.at(-1)!.content, exact: true }).click();
      await judge(page, 1);
      const [a, b] = await shownScores(page);
      browser.push(a! > b! ? 0 : b! > a! ? 1 : null);
    }
    expect(native).toHaveLength(6);
    expect(browser).toEqual(native);
  }, 150_000);

  it('has little script', () => {
    const folder = join(PAGE, 'assets');
    const scripts = readdirSync(folder).filter((name) => name.endsWith('.js'));
    const sizes = scripts.map((name) => gzipSync(readFileSync(join(folder, name)), { level: 9 }).length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(MOST_SCRIPT);
  });
});
