// How often a 95% interval holds the truth where the rows of a user are correlated: `npm run bench -- coverage`.
// Draws users from known distributions; the intervals are those of `pgenrm eval`, beside plain ones for comparison.
import { parseArgs } from 'node:util';
import { Xoshiro128 } from '../../dist/kernels/random.js';
import { loadKernels } from '../../dist/native/choose-kernels.js';
import { figureOf } from '../../dist/statistics/cluster-interval.js';
import { sortedQuantile } from '../../dist/statistics/summary.js';

const { values: options } = parseArgs({
  options: {
    repetitions: { type: 'string', default: '500' },
    resamples: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
  },
});
const repetitions = Number(options.repetitions);
const resamples = Number(options.resamples);
const kernels = await loadKernels();
const draw = new Xoshiro128(Number(options.seed), 0);

/** A standard normal number (Box and Muller). */
function normal() {
  return Math.sqrt(-2 * Math.log(1 - draw.uniform())) * Math.cos(2 * Math.PI * draw.uniform());
}

/** A gamma number of this shape (Marsaglia and Tsang). */
function gamma(shape) {
  if (shape < 1) return gamma(shape + 1) * (1 - draw.uniform()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - draw.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** A user's own accuracy: beta with this mean; `correlation` is that of two rows of a user. */
function userRate(mean, correlation) {
  if (correlation === 0) return mean;
  const a = gamma(mean * (1 / correlation - 1));
  return a / (a + gamma((1 - mean) * (1 / correlation - 1)));
}

/** Rows of a user: 6, or from 1 to dozens. */
function sizeOf(shape) {
  return shape === 'equal' ? 6 : 1 + Math.floor(6 * Math.exp(0.8 * normal()));
}

/** One evaluation: 1 and 0 by row, or the difference of two judges of unlike accuracy on the same rows. */
function evaluation({ users, shape, correlation, mean, better }) {
  const numerators = [];
  const owners = [];
  for (let user = 0; user < users; user += 1) {
    const rate = userRate(mean, correlation);
    // The user's own gain varies too, so that differences are correlated within a user.
    const gain = better === undefined ? 0 : better + 0.1 * normal();
    for (let row = sizeOf(shape); row > 0; row -= 1) {
      const luck = draw.uniform();
      const first = luck < rate ? 1 : 0;
      // Half of the rows go alike for both judges.
      const other = draw.uniform() < 0.5 ? luck : draw.uniform();
      numerators.push(better === undefined ? first : (other < rate + gain ? 1 : 0) - first);
      owners.push(user);
    }
  }
  return { numerators: Float64Array.from(numerators), users: Uint32Array.from(owners) };
}

async function coverageOf(scenario) {
  const truth = scenario.better ?? scenario.mean;
  const scale = scenario.better === undefined ? 'share' : 'difference';
  const held = { users: 0, rows: 0, percentile: 0 };
  let told = 0;
  let width = 0;
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    const values = evaluation(scenario);
    const seed = repetition;
    const { byUsers, byRows } = await figureOf({ kernels, resamples, seed }, values, scale);
    if (byUsers.untold !== undefined) continue;
    told += 1;
    width += byUsers.high - byUsers.low;
    const means = await kernels.bootstrapMeans(values.numerators, {
      resamples,
      seed,
      clusters: values.users,
    });
    const [low, high] = [sortedQuantile(means.sort(), 0.025), sortedQuantile(means, 0.975)];
    held.users += byUsers.low <= truth && truth <= byUsers.high ? 1 : 0;
    held.rows += byRows.low <= truth && truth <= byRows.high ? 1 : 0;
    held.percentile += low <= truth && truth <= high ? 1 : 0;
  }
  return { held, told, width: width / told };
}

const scenarios = [];
for (const users of [5, 8, 12, 20, 40, 80])
  for (const shape of ['equal', 'unequal']) {
    for (const correlation of [0.1, 0.4])
      for (const mean of [0.6, 0.85]) scenarios.push({ users, shape, correlation, mean });
    // The gain is cut where a rate passes 0 or 1; at a mean of 0.6 that is rare enough not to matter here.
    scenarios.push({ users, shape, correlation: 0.02, mean: 0.6, better: 0.05 });
  }

console.log(
  `${repetitions} repetitions, ${resamples} resamples, ${kernels.name} kernels (${kernels.simd}), Node ${process.versions.node}`,
);
console.log('share of 95% intervals that hold the truth, of those that are told:\n');
console.log(
  '| figure | users | rows a user | correlation | by users | its width | percentile | by rows | told |',
);
console.log('| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |');
const began = performance.now();
/** From this many users on the aim is 0.93 to 0.97; fewer are shown. */
const AIMED_FROM = 8;
let outside = 0;
let aimed = 0;
let sum = 0;
for (const scenario of scenarios) {
  const { users, shape, correlation, mean, better } = scenario;
  const { held, told, width } = await coverageOf(scenario);
  const share = (count) => (count / told).toFixed(3);
  if (users >= AIMED_FROM) {
    aimed += 1;
    if (held.users / told < 0.93 || held.users / told > 0.97) outside += 1;
    sum += held.users / told;
  }
  const figure = better === undefined ? `accuracy ${mean}` : `difference ${better}`;
  console.log(
    `| ${figure} | ${users} | ${shape} | ${better === undefined ? correlation : '-'} | ${share(held.users)} | ${width.toFixed(3)} | ${share(held.percentile)} | ${share(held.rows)} | ${(told / repetitions).toFixed(3)} |`,
  );
}
console.log(
  `\nfrom ${AIMED_FROM} users on: ${aimed - outside} of ${aimed} within 0.93 to 0.97 (by users), mean ${(sum / aimed).toFixed(3)}, chance of one figure +-${(1.96 * Math.sqrt(0.0475 / repetitions)).toFixed(3)}; ${((performance.now() - began) / 1000).toFixed(0)} s`,
);
