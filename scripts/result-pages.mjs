// Writes the Markdown of every committed bench result anew from its result.json, and the page with its pictures where there is one.
// A test holds the Markdown to the result; run this after a change to the tables.
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { readResult } from '../dist/cost/result/read-result.js';
import { BENCH_FILES, resultMarkdown, writeResult } from '../dist/cost/result/write-result.js';

const results = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', 'bench', 'results');
for (const name of readdirSync(results)) {
  const folder = path.join(results, name);
  const file = (of) => path.join(folder, BENCH_FILES[of]);
  if (!existsSync(file('json'))) continue;
  const result = await readResult(file('json'));
  if (existsSync(file('page'))) await writeResult(folder, result);
  else writeFileSync(file('markdown'), resultMarkdown(result));
  console.log(`${name}: written anew`);
}
