// Runs contenders in turn, in a new random order each round, so that what else the machine does falls on all alike;
// says how noisy the machine was. Knows nothing of what a contender does.
import { machineTicks, ticksBetween } from './environment.mjs';
import { seededRandom, shuffled } from './statistics.mjs';

export { drift } from './statistics.mjs';

/**
 * Runs every contender once a round: `contenders` maps names to `async (round) => result`. A contender that throws is
 * left out from then on, with its reason under `failed`; the others go on. `warmups` rounds are thrown away. With `seconds`
 * rounds go on until so many have passed since the warm-up, `rounds` being the least.
 * Gives `{ results: name -> result[], failed: name -> reason, noise }`.
 */
export async function runRounds(
  contenders,
  { rounds, seconds = 0, warmups = 0, seed = 1, onResult = () => {} },
) {
  const random = seededRandom(seed);
  const results = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  const failed = {};
  const before = machineTicks();
  let end = 0;
  for (let round = -warmups; round < rounds || performance.now() < end; round++) {
    if (round === 0) end = performance.now() + seconds * 1000;
    for (const name of shuffled(Object.keys(contenders), random)) {
      if (name in failed) continue;
      try {
        const result = await contenders[name](round);
        if (round < 0) continue;
        results[name].push(result);
        onResult(name, round, result);
      } catch (error) {
        failed[name] = error.message;
      }
    }
  }
  return { results, failed, noise: ticksBetween(before, machineTicks()) };
}
