// Makes the pictures of docs/images: the page in Chromium, judged by the bundled model. `node scripts/playground/screenshots.mjs`
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { judge, openBrowser, ready } from './browser.mjs';
import { buildPage, PAGE } from './build.mjs';
import { servePage } from './server.mjs';

const folder = fileURLToPath(new URL('../../docs/images/', import.meta.url));
mkdirSync(folder, { recursive: true });
const picture = (name) => path.join(folder, name);

await buildPage({ quiet: true });
const server = await servePage(PAGE);
const browser = await openBrowser();
try {
  const open = async (options) => {
    const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
    const page = await context.newPage();
    await page.goto(server.url);
    await ready(page);
    return page;
  };
  const light = await open({ viewport: { width: 1280, height: 1150 }, colorScheme: 'light' });
  await light.getByRole('button', { name: 'What does a median tell me that a mean does not?' }).click();
  await judge(light, 8);
  await light.screenshot({ path: picture('judgment.png') });
  await light.locator('.criteria').scrollIntoViewIfNeeded();
  await light.locator('.criteria').screenshot({ path: picture('criteria.png') });
  await light.locator('.why').screenshot({ path: picture('why-not.png') });
  const dark = await open({ viewport: { width: 1280, height: 1150 }, colorScheme: 'dark' });
  await dark.locator('button.main').click();
  await dark.getByText(/^2 of 4 chains written/).waitFor({ timeout: 120_000 });
  await dark.locator('.persona li b').first().waitFor({ timeout: 60_000 });
  await dark.screenshot({ path: picture('writing-dark.png') });
  const narrow = await open({ viewport: { width: 360, height: 900 }, colorScheme: 'light' });
  await judge(narrow, 4);
  await narrow.locator('.task').scrollIntoViewIfNeeded();
  await narrow.screenshot({ path: picture('narrow.png'), fullPage: true });
} finally {
  await browser.close();
  server.close();
}
console.log(`pictures are in ${folder}`);
