// Fills in the tables of documents from results that are committed, between the marks
//   <!-- bench table PATH -->  and  <!-- end of table -->
// With --check nothing is written and a table that does not say what its result says is an error.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { readResult } from '../dist/cost/result/read-result.js';
import { shortMarkdown } from '../dist/cost/result/write-result.js';

const DOCUMENTS = ['README.md', 'bench/results/level-cost.md', 'docs/levels-and-cost.md'];

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const check = process.argv.includes('--check');

for (const document of DOCUMENTS) {
  const file = path.join(root, document);
  const parts = readFileSync(file, 'utf8').split(
    /(<!-- bench table \S+ -->\n)([\s\S]*?)(<!-- end of table -->)/,
  );
  const wrong = [];
  for (let at = 1; at < parts.length; at += 4) {
    const result = /bench table (\S+) -->/.exec(parts[at])[1];
    const table = `\n${shortMarkdown(await readResult(path.join(root, result)))}\n`;
    if (table !== parts[at + 1]) wrong.push(result);
    parts[at + 1] = table;
  }
  if (check) {
    for (const result of wrong)
      console.error(`${document}: the table of ${result} is not that of the result`);
    if (wrong.length > 0) process.exitCode = 1;
  } else {
    if (wrong.length > 0) writeFileSync(file, parts.join(''));
    console.log(`${document}: ${wrong.length} of ${(parts.length - 1) / 4} tables changed`);
  }
}
