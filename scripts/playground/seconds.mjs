// Seconds from opening the page to the first judgment, in Chromium with the bundled model. `node scripts/playground/seconds.mjs [ROUNDS]`
// Cold: a browser without cache. Warm: the page loaded again in it. The rows of a table are printed: median, least and most.
import os from 'node:os';
import { judge, openBrowser, ready } from './browser.mjs';
import { buildPage, PAGE } from './build.mjs';
import { servePage } from './server.mjs';

const rounds = Number(process.argv[2] ?? 5);
const times = new Map();
const note = (name, began) =>
  times.set(name, [...(times.get(name) ?? []), (performance.now() - began) / 1000]);

async function visit(page, url, kind) {
  let began = performance.now();
  await page.goto(url);
  await ready(page);
  note(`${kind}: page opened until the model is loaded`, began);
  const opened = began;
  began = performance.now();
  await page.getByLabel('Chains to write').selectOption('4');
  await page.locator('button.main').click();
  await page.getByText(/^1 of 4 chains written/).waitFor({ timeout: 120_000 });
  note(`${kind}: judge until the first chain`, began);
  await page.getByText(/^4 of 4 chains written/).waitFor({ timeout: 300_000 });
  note(`${kind}: judge until the judgment at Ind-4`, began);
  note(`${kind}: page opened until the judgment at Ind-4`, opened);
  began = performance.now();
  await judge(page, 4);
  note(`${kind}: judge again at Ind-4, the prompt held`, began);
}

await buildPage({ quiet: true });
const server = await servePage(PAGE);
try {
  for (let round = 0; round < rounds; round++) {
    const browser = await openBrowser();
    const page = await browser.newPage();
    await visit(page, server.url, 'cold');
    await visit(page, server.url, 'warm');
    await browser.close();
  }
} finally {
  server.close();
}
const text = (value) => value.toFixed(1);
console.log(
  `${os.cpus()[0]?.model}, ${os.cpus().length} threads, ${rounds} rounds, Ind-4 of the first bundled example\n`,
);
console.log('| what | median (s) | least | most |\n| --- | --- | --- | --- |');
for (const [name, values] of times) {
  const sorted = values.sort((a, b) => a - b);
  console.log(
    `| ${name} | ${text(sorted[sorted.length >> 1])} | ${text(sorted[0])} | ${text(sorted.at(-1))} |`,
  );
}
