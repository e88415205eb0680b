// The page for everybody: axe finds nothing, dark and light, narrow and wide, by keyboard; and hosts that send no headers.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from '../support/reward-server.js';
import { judge, NO_CHROMIUM, type Opened, openChromium } from './chromium.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Violations of WCAG 2.2 A and AA and of axe's best practices, each with where it is. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = window as unknown as {
      axe: {
        run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }>;
      };
    };
    const found = await axe.run();
    return found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]!.html} ${nodes[0]!.failureSummary}`);
  });
}

describe.skipIf(NO_CHROMIUM)('the page for everybody', () => {
  let server: TestServer;
  let opened: Opened;
  beforeAll(async () => {
    server = await startServer();
    opened = await openChromium({ served: `${server.server.url}/` });
  });
  afterAll(async () => {
    await opened?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  it.each([
    ['light', 1280],
    ['dark', 1280],
    ['dark', 360],
    ['light', 360],
  ] as const)('breaks no rule of axe, %s, %i pixels wide, empty and judged', async (colorScheme, width) => {
    const { page } = await opened.page({
      colorScheme,
      viewport: { width, height: 800 },
      reducedMotion: 'reduce',
      bypassCSP: true,
    });
    await page.goto(opened.url);
    await page.getByText('fake').first().waitFor();
    expect(await violations(page)).toEqual([]);
    await judge(page, 4);
    for (const summary of await page.locator('summary').all())
      if (await summary.isVisible()) await summary.click();
    expect(await violations(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    await page.context().close();
  });

  it('is as dark as the system is, and as the user says from then on', async () => {
    const { page } = await opened.page({ colorScheme: 'dark' });
    await page.goto(opened.url);
    const shade = (): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await shade();
    await page.getByRole('button', { name: 'Light colours' }).click();
    await expect.poll(shade).not.toBe(dark);
    const light = await shade();
    await page.reload();
    expect(await shade()).toBe(light);
    await page.context().close();
  });

  it('is worked by the keyboard alone', async () => {
    const { page } = await opened.page();
    await page.goto(opened.url);
    await page.getByText('fake').first().waitFor();
    const press = async (name: RegExp): Promise<void> => {
      for (let tabs = 0; tabs < 60; tabs++) {
        await page.keyboard.press('Tab');
        const label = await page.evaluate(() => document.activeElement?.textContent ?? '');
        if (name.test(label)) return;
      }
      throw new Error(`${name} was not reached`);
    };
    await press(/^Judge$/);
    await page.keyboard.press('Enter');
    await page.getByText('4 of 4 chains written').waitFor();
    await page.getByLabel(/^Level/).focus();
    await page.keyboard.press('ArrowLeft');
    await page.getByText('not counted at this level').waitFor();
    await press(/^Chain 1/);
    await page.keyboard.press('Enter');
    await page.locator('.chain[open] .rubric').waitFor();
    await page.context().close();
  });

  it('moves nothing that was there while chains come in', async () => {
    const { page } = await opened.page({ viewport: { width: 1280, height: 900 } });
    await page.goto(opened.url);
    await page.getByText('fake').first().waitFor();
    await page.evaluate(() => {
      const seen = { shift: 0 };
      Object.assign(window, { seen });
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries() as (PerformanceEntry & { value: number })[])
          seen.shift += entry.value;
      }).observe({ type: 'layout-shift', buffered: true });
    });
    await judge(page, 4);
    const shift = await page.evaluate(() => (window as unknown as { seen: { shift: number } }).seen.shift);
    // What browsers call good is 0.1.
    expect(shift).toBeLessThan(0.02);
    await page.context().close();
  });
});
