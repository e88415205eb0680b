// What can be told of real raters' choices without a language model: accuracy of each baseline on the test rows, with 95% intervals
// over users (whole users are drawn again, 2,000 times). `node bench/raters/main.mjs FILE.jsonl.gz ...`; a row needs user_id, chosen,
// rejected and split.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { RATER_BASELINES, raterBaselines } from '../../dist/api/eval.js';
import { quantile, seededRandom } from '../harness/statistics.mjs';

const NAMES = {
  longer: 'longer response',
  others: 'population mean, the user left out',
  ownStyle: "style, the user's own choices",
  allStyle: "style, everybody's choices",
  bothStyles: 'style, both',
};
const textOf = (turns) => (typeof turns === 'string' ? turns : turns.content);

function choicesOf(path) {
  const bytes = readFileSync(path);
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .map(({ user_id, chosen, rejected, split, prompt_id }) => ({
      user: user_id,
      ...(prompt_id === undefined ? {} : { prompt: prompt_id }),
      chosen: textOf(chosen),
      rejected: textOf(rejected),
      test: split === 'test',
    }));
}

/** Mean over rows that have a value, and its interval where whole users are drawn again. */
function overUsers(users, values) {
  const sums = new Map();
  users.forEach((user, row) => {
    if (Number.isNaN(values[row])) return;
    const [sum, n] = sums.get(user) ?? [0, 0];
    sums.set(user, [sum + values[row], n + 1]);
  });
  const all = [...sums.values()];
  const random = seededRandom(1);
  const means = Array.from({ length: 2000 }, () => {
    let [sum, n] = [0, 0];
    for (let draw = 0; draw < all.length; draw++) {
      const one = all[Math.floor(random() * all.length)];
      sum += one[0];
      n += one[1];
    }
    return sum / n;
  });
  const told = values.filter((value) => !Number.isNaN(value));
  const mean = told.reduce((sum, value) => sum + value, 0) / told.length;
  return `${mean.toFixed(3)} [${quantile(means, 0.025).toFixed(3)}, ${quantile(means, 0.975).toFixed(3)}]`;
}

const paths = process.argv.slice(2).filter((word) => !word.startsWith('--'));
if (paths.length === 0) throw new Error('usage: node bench/raters/main.mjs FILE.jsonl.gz ...');
for (const path of paths) {
  const { users, values, swapped } = raterBaselines(choicesOf(path));
  const own = values.bothStyles.map((value, row) => value - swapped.values[row]);
  console.log(`\n${path}: ${users.length} test choices of ${new Set(users).size} raters\n`);
  console.log('| baseline | accuracy [95% over raters] |\n|---|---|');
  for (const name of RATER_BASELINES) console.log(`| ${NAMES[name]} | ${overUsers(users, values[name])} |`);
  console.log(`| own style weights minus another user's | ${overUsers(users, own)} |`);
}
