// Judges real raters with a model, in spells, and keeps the report: `npm run eval:real -- --judge nano`. What is judged stands in
// plan.mjs. A spell ends after --minutes with what is written so far; the same command goes on from there.
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SETS, wordsOf } from './plan.mjs';

const USAGE = `usage: npm run eval:real -- [--judge NAME --model GGUF] [--sets polis,rag] [--rows N]
  [--data FOLDER] [--out FOLDER] [--results FOLDER] [--minutes 150] [-- more words for pgenrm eval]
without --judge the bundled nano judges; --data has the folders polis and rag, each with pairs.jsonl.gz and users.jsonl.gz`;

/** Runs pgenrm; SIGINT at the deadline has it end after the rows at work. Gives the exit code, null where the time was up. */
function spell(words, deadline) {
  const cli = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
  const child = spawn(process.execPath, [cli, ...words], { stdio: ['ignore', 'ignore', 'inherit'] });
  let late = false;
  const timer = setTimeout(
    () => {
      late = true;
      child.kill('SIGINT');
    },
    Math.max(0, deadline - Date.now()),
  );
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill('SIGINT'));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => {
      clearTimeout(timer);
      resolve(late ? null : (code ?? 1));
    });
  });
}

function optionsOf(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      judge: { type: 'string', default: 'nano' },
      model: { type: 'string' },
      sets: { type: 'string', default: Object.keys(SETS).join(',') },
      rows: { type: 'string' },
      data: { type: 'string', default: '../shared/data/real' },
      out: { type: 'string', default: 'build/eval-real' },
      results: { type: 'string', default: 'bench/results/real-raters' },
      minutes: { type: 'string', default: '150' },
    },
  });
  if ((values.judge === 'nano') !== (values.model === undefined))
    throw new Error(`a judge other than nano needs --model, and nano has its own\n${USAGE}`);
  const sets = values.sets.split(',');
  const unknown = sets.find((set) => !Object.hasOwn(SETS, set));
  if (unknown !== undefined) throw new Error(`there is no set ${unknown}\n${USAGE}`);
  const minutes = Number(values.minutes);
  if (!(minutes > 0 && minutes <= 150)) throw new Error(`--minutes is from above 0 to 150\n${USAGE}`);
  for (const set of sets)
    if (!existsSync(join(values.data, set, 'pairs.jsonl.gz')))
      throw new Error(`${values.data} has no ${set}/pairs.jsonl.gz; name the folder with --data\n${USAGE}`);
  return { ...values, sets, minutes, more: positionals };
}

const { judge, sets, minutes, results, more, ...places } = optionsOf(process.argv.slice(2));
const deadline = Date.now() + 60_000 * minutes;
for (const set of sets) {
  const words = wordsOf(judge, set, places, more);
  const code = await spell(words, deadline);
  if (code === null) {
    console.error(`${set}: the time is up; the same command goes on`);
    process.exit(3);
  }
  if (code !== 0) process.exit(code);
  const [from, to] = [join(places.out, `${set}-${judge}`), join(results, `${set}-${judge}`)];
  mkdirSync(to, { recursive: true });
  for (const file of ['report.md', 'report.json']) copyFileSync(join(from, file), join(to, file));
  const quoted = words.map((word) => (/[^\w./,=-]/.test(word) ? `'${word}'` : word));
  writeFileSync(join(to, 'command.txt'), `pgenrm ${quoted.join(' ')}\n`);
  console.error(`${set}: ${to}`);
}
