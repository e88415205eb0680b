// Times contenders in turn, so that what else the machine does falls on all of them alike.
import { runRounds } from '../harness/rounds.mjs';
import { pairedRatio } from '../harness/statistics.mjs';

const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/**
 * Runs every contender in turn, in a random order each round, until `seconds` have passed (three rounds at least, after
 * one to warm up). Gives for each name the best wall and processor time in ms, and `over(a, b)`: the ratio of a's
 * processor time over b's, paired by round, with its 95% interval. Throws what a contender throws.
 */
export async function interleaved(contenders, seconds) {
  const names = Object.keys(contenders);
  const work = Object.fromEntries(names.map((name) => [name, () => timed(contenders[name])]));
  const { results, failed } = await runRounds(work, { rounds: 3, seconds, warmups: 1 });
  for (const [name, reason] of Object.entries(failed)) throw new Error(`${name}: ${reason}`);
  const all = (name, key) => results[name].map((time) => time[key]);
  const best = (name) => ({ wall: Math.min(...all(name, 'wall')), cpu: Math.min(...all(name, 'cpu')) });
  return {
    times: Object.fromEntries(names.map((name) => [name, best(name)])),
    over: (a, b) => pairedRatio(all(a, 'cpu'), all(b, 'cpu')),
    rounds: results[names[0]].length,
  };
}

/** Wall and processor time of one run, in ms, with its result. */
export async function timed(work) {
  const wall = performance.now();
  const cpu = cpuMs();
  const result = await work();
  return { result, wall: performance.now() - wall, cpu: cpuMs() - cpu };
}

/** The value below which a share of sorted numbers lies. */
export function quantile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}
