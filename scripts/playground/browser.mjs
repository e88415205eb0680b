// A page in Debian's Chromium for the scripts of this folder: judged at a level, waited for.
import { chromium } from 'playwright-core';

export const openBrowser = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });

/** Waits until the model is loaded. */
export async function ready(page) {
  await page.locator('button.main:not([disabled])').waitFor({ timeout: 120_000 });
}

/** Has `level` chains written and waits for all of them. */
export async function judge(page, level) {
  await page.getByLabel('Chains to write').selectOption(String(level));
  await page.locator('button.main').click();
  await page
    .getByText(`${level} of ${level} chain${level === 1 ? '' : 's'} written`)
    .waitFor({ timeout: 300_000 });
}
