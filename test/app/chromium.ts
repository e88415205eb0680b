// Debian's Chromium with the built page on loopback, the network cut off beside it; and why it is missing where it is.

import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { PAGE } from '../../scripts/playground/build.mjs';
import { servePage } from '../../scripts/playground/server.mjs';
import { builtPage } from './built-page.js';

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Where Chromium lies; null where it is missing, which CI does not allow. */
export const CHROMIUM = PATHS.find((path) => existsSync(path)) ?? null;
export const NO_CHROMIUM = CHROMIUM === null && process.env.PGENRM_REQUIRE_CHROMIUM !== '1';
if (NO_CHROMIUM)
  console.warn('tests of the page are skipped: there is no Chromium (apt-get install chromium)');

/** A browser, and the page that is served to it. */
export interface Opened extends AsyncDisposable {
  readonly browser: Browser;
  readonly url: string;
  /** A page of its own context; what it asks of other hosts is refused and noted, as is what it complains of. */
  page(options?: Parameters<Browser['newContext']>[0]): Promise<OpenedPage>;
}

export interface OpenedPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Addresses outside of the page's own host that it asked for. */
  readonly outside: readonly string[];
  /** Errors of scripts, and of the content policy. */
  readonly errors: readonly string[];
}

/** Opens a browser, and serves it the page where `served` (an address) does not. */
export async function openChromium({ isolated = true, served = '' } = {}): Promise<Opened> {
  await builtPage();
  const server = served === '' ? await servePage(PAGE, { isolated }) : { url: served, close: () => {} };
  const browser = await chromium.launch({
    executablePath: CHROMIUM!,
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  const page: Opened['page'] = async (options) => {
    const context = await browser.newContext(options);
    const opened = await context.newPage();
    const outside: string[] = [];
    const errors: string[] = [];
    await context.route(
      (url) => !url.href.startsWith(server.url) && url.protocol.startsWith('http'),
      (route) => {
        outside.push(route.request().url());
        return route.abort();
      },
    );
    opened.on('pageerror', (error) => errors.push(error.message));
    opened.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    return { page: opened, context, outside, errors };
  };
  return {
    browser,
    url: server.url,
    page,
    async [Symbol.asyncDispose]() {
      await browser.close();
      server.close();
    },
  };
}

/** Waits for the model, then has a judgment of so many chains made. */
export async function judge(page: Page, level: number): Promise<void> {
  await page.getByLabel('Chains to write').selectOption(String(level));
  await page.getByRole('button', { name: /^Judge/ }).click();
  await page
    .getByText(`${level} of ${level} chain${level === 1 ? '' : 's'} written`)
    .waitFor({ timeout: 90_000 });
}

/** The scores that stand at the responses. */
export async function shownScores(page: Page): Promise<number[]> {
  const texts = await page.locator('.response .score').allTextContents();
  return texts.map(Number);
}
