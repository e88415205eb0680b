// Simulates adaptive scaling: how often its winner differs from that of all chains, and how many chains it saves.
// Run after a build: node bench/stopping/main.mjs [--rounds N] [--json FILE]
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const dist = resolve(process.env.PGENRM_DIST ?? 'dist');
const load = (path) => import(pathToFileURL(resolve(dist, path)).href);
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10000' },
    json: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
});
const rounds = Number(values.rounds);
const [{ mayStop }, { planWaves }, { parseLevel, levelName }, { Xoshiro128 }] = await Promise.all(
  ['scaling/stopping.js', 'scaling/waves.js', 'scaling/level.js', 'kernels/random.js'].map(load),
);

const random = new Xoshiro128(Number(values.seed), 0);
const uniform = () => random.uniform();
const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
const onScale = (score, step) => Math.min(10, Math.max(1, Math.round(score / step) * step));

/** Student's t with 3 degrees of freedom: heavy tails. */
const student3 = () => normal() / Math.sqrt((normal() ** 2 + normal() ** 2 + normal() ** 2) / 3);

/**
 * Worlds: `item()` draws how far the first reply is better for a user; `chain(item, order)` draws what one chain gives
 * both replies, shown in this order; `neighbour` is how far similar users' items lie from it (normal, 0.3 by default).
 */
const pair = (middle, difference, spread, step) => [
  onScale(middle + difference / 2 + spread * normal(), step),
  onScale(middle - difference / 2 + spread * normal(), step),
];
const worlds = {
  'clear items: difference 2, spread 1': { item: () => 2, chain: (d) => pair(6, d, 1, 0.1) },
  'mixed items: difference N(0, 1), spread 1': { item: normal, chain: (d) => pair(6, d, 1, 0.1) },
  'quiet: difference N(0, 0.3), spread 0.2': {
    item: () => 0.3 * normal(),
    chain: (d) => pair(6, d, 0.2, 0.05),
  },
  'noisy: difference N(0, 0.5), spread 2': { item: () => normal() / 2, chain: (d) => pair(6, d, 2, 0.1) },
  'normal, no difference at all, spread 2': {
    item: () => 0,
    chain: (d) => [5.5 + d + 2 * normal(), 5.5],
  },
  'normal, difference 0.3, spread 2': { item: () => 0.3, chain: (d) => [5.5 + d + 2 * normal(), 5.5] },
  'no difference at all, spread 1': { item: () => 0, chain: (d) => pair(6, d, 1, 0.1) },
  'whole points: difference N(0, 1), spread 0.7': { item: normal, chain: (d) => pair(6, d, 0.7, 1) },
  'two camps: +3 or -2 with a share of 40 to 80%': {
    item: () => 0.4 + 0.4 * uniform(),
    chain: (share) => pair(6, uniform() < share ? 3 : -2, 0.5, 0.1),
    neighbour: 0.05,
  },
  'at the ceiling: middle 9, difference N(0, 1)': { item: normal, chain: (d) => pair(9, d, 1.2, 0.1) },
  'position bias of 1.5 points, difference N(0, 1)': {
    item: normal,
    chain(d, first) {
      const [a, b] = pair(6, d, 1, 0.1);
      return first ? [onScale(a + 1.5, 0.1), b] : [a, onScale(b + 1.5, 0.1)];
    },
  },
};
Object.assign(worlds, {
  'heavy tails: difference N(0, 0.5), Student 3': {
    item: () => normal() / 2,
    chain: (d) => [onScale(5.5 + d + student3(), 0.1), 5.5],
  },
  'mostly ties: 60% of chains, else whole points': {
    item: () => normal() / 2,
    chain: (d) => (uniform() < 0.6 ? [6, 6] : pair(6, d, 1, 1)),
  },
  'two equal camps: +1.5 or -1.5, share 30 to 70%': {
    item: () => 0.3 + 0.4 * uniform(),
    chain: (share) => pair(6, uniform() < share ? 1.5 : -1.5, 0.3, 0.1),
    neighbour: 0.05,
  },
  'a rare veto: +1, or -3 with a share of 5 to 30%': {
    item: () => 0.05 + 0.25 * uniform(),
    chain: (share) => pair(6, uniform() < share ? -3 : 1, 0.5, 0.1),
    neighbour: 0.05,
  },
});
const levels = ['ind-8', 'ind-16', 'ind-32', 'ind-8+pro-4', 'ind-16+pro-8'].map(parseLevel);
const risks = [0, 0.01, 0.02, 0.05, 0.1, 0.2];
/** Share of chains that cannot be read. */
const LOST = 0.05;

const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;

/** Index of the winner by the paper's rule, null on a tie. */
function winnerOf(individual, prototype) {
  const means = [individual, prototype]
    .map((chains) => chains.filter(({ scores }) => scores !== null))
    .filter((chains) => chains.length > 0)
    .map((chains) => mean(chains.map(({ scores: [a, b] }) => a - b)));
  const difference = means.length === 0 ? 0 : mean(means);
  return Math.abs(difference) <= 1e-9 ? null : difference > 0 ? 0 : 1;
}

function drawn(world, item, count, firstRotation) {
  return Array.from({ length: count }, (_, index) => ({
    scores: uniform() < LOST ? null : world.chain(item, (index + firstRotation) % 2 === 0),
  }));
}

const ones = (count) => Array.from({ length: count }, () => 1);

function simulate(world, level) {
  const waves = planWaves(level, 2);
  const results = risks.map(() => ({ changed: 0, used: 0, stopped: 0 }));
  for (let round = 0; round < rounds; round += 1) {
    const item = world.item();
    const individual = drawn(world, item, level.individual, 0);
    // Similar users want much the same, not the same.
    const prototype = drawn(
      world,
      level.prototype === 0 ? item : item + (world.neighbour ?? 0.3) * normal(),
      level.prototype,
      1,
    );
    const whole = winnerOf(individual, prototype);
    risks.forEach((risk, index) => {
      let at = level;
      for (const wave of waves.slice(0, -1)) {
        const reason = mayStop(
          {
            ended: individual.slice(0, wave.individual),
            toCome: ones(level.individual - wave.individual),
          },
          {
            ended: prototype.slice(0, wave.prototype),
            toCome: ones(level.prototype - wave.prototype),
          },
          { candidates: 2, risk, looks: Math.max(1, waves.length - 1), method: 'mean', individualShare: 0.5 },
        );
        if (reason === null) continue;
        at = wave;
        results[index].stopped += 1;
        break;
      }
      const winner = winnerOf(individual.slice(0, at.individual), prototype.slice(0, at.prototype));
      if (winner !== whole) results[index].changed += 1;
      results[index].used += at.individual + at.prototype;
    });
  }
  return results.map((result, index) => ({
    risk: risks[index],
    changed: result.changed / rounds,
    stoppedEarly: result.stopped / rounds,
    saved: 1 - result.used / (rounds * (level.individual + level.prototype)),
  }));
}

const began = performance.now();
const table = [];
for (const [name, world] of Object.entries(worlds)) {
  for (const level of levels) {
    for (const result of simulate(world, level))
      table.push({ world: name, level: levelName(level), ...result });
  }
}
const seconds = (performance.now() - began) / 1000;
const certainChanged = table.filter(({ risk, changed }) => risk === 0 && changed > 0);
if (certainChanged.length > 0) {
  console.error('risk 0 changed a winner, which it never may:', certainChanged);
  process.exitCode = 1;
}

/** Worst world and level of each risk, and the chains saved at the largest level of both kinds, least and most. */
const summary = risks.map((risk) => {
  const cells = table.filter((row) => row.risk === risk);
  const worst = cells.reduce((most, row) => (row.changed > most.changed ? row : most));
  const saved = cells.filter(({ level }) => level === 'ind-16+pro-8').map((row) => row.saved);
  const error = Math.sqrt((Math.max(risk, 1 / rounds) * (1 - risk)) / rounds);
  return { risk, worst, above: cells.filter(({ changed }) => changed > risk + 2 * error).length, saved };
});
const percent = (share) => `${(100 * share).toFixed(1)}%`.padStart(7);
console.log(
  `Adaptive scaling, ${rounds} made-up items a line; ${percent(LOST).trim()} of chains lost; ${seconds.toFixed(1)} s`,
);
console.log(`${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.versions.node}; seed ${values.seed}\n`);
for (const name of Object.keys(worlds)) {
  console.log(name);
  console.log(
    `  ${'level'.padEnd(14)}${risks.map((risk) => `risk ${risk}: changed, saved`.padStart(26)).join('')}`,
  );
  for (const level of levels) {
    const cells = table.filter((row) => row.world === name && row.level === levelName(level));
    const text = cells.map(({ changed, saved }) => `${percent(changed)} ${percent(saved)}`.padStart(26));
    console.log(`  ${levelName(level).padEnd(14)}${text.join('')}`);
  }
}
console.log(
  '\n| risk asked | winners changed, worst world | lines above it by 2 standard errors | chains saved at Ind-16+Pro-8 |',
);
console.log('|---|---|---|---|');
for (const { risk, worst, above, saved } of summary) {
  console.log(
    `| ${risk} | ${percent(worst.changed).trim()} (${worst.world.split(':')[0]}, ${worst.level}) | ${above} of ${Object.keys(worlds).length * levels.length} | ${percent(Math.min(...saved)).trim()} to ${percent(Math.max(...saved)).trim()} |`,
  );
}
if (summary.some(({ above }) => above > 0)) process.exitCode = 1;
if (values.json !== undefined) {
  writeFileSync(
    values.json,
    `${JSON.stringify({ rounds, seed: Number(values.seed), lost: LOST, summary, table }, null, 2)}\n`,
  );
}
