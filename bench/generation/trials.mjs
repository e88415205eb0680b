// Finds the best settings of a contender by short trials, each on an order of its own after a short warm-up, and each
// cut off where it takes far longer than the best so far. Knows nothing of what the settings mean.
import { runOnce } from './comparison.mjs';

/** A trial ends where it takes so many times as long as the best so far, and at least so many seconds. */
const CUT_OFF = 3;
const LEAST_SECONDS = 5;

/** Tries every way, `{ name -> { start, settings } }`; gives `[{ name, settings, seconds | failed }]`, best first. */
export async function tryWays(bench, ways, order) {
  const tried = [];
  for (const [name, { start, settings }] of Object.entries(ways)) {
    tried.push(await tryWay(bench, { name, start, settings }, order, tried));
  }
  return bestFirst(tried);
}

/**
 * Tries settings one after another: `base` first, then each of `changes` upon the best so far, which it replaces where it is
 * faster. `describe(settings)` names a way. Gives what tryWays gives; many settings cost one trial each, not one a combination.
 */
export async function searchWays(bench, { start, base, changes, describe }, order) {
  const tried = [];
  for (const change of [{}, ...changes]) {
    const settings = { ...(bestOf(tried)?.settings ?? base), ...change };
    tried.push(await tryWay(bench, { name: describe(settings), start, settings }, order, tried));
  }
  return bestFirst(tried);
}

/** The best of what was tried; undefined where every way failed. */
export const bestOf = (tried) => bestFirst(tried).find(({ seconds }) => seconds !== undefined);

/** Names of the ways that are worth a place beside the default: the best, where it is clearly faster. */
export function betterThanDefault(tried) {
  const best = bestOf(tried);
  const usual = tried.find(({ name }) => name === 'default');
  const clearly = best && best.name !== 'default' && !(best.seconds > 0.95 * (usual?.seconds ?? Infinity));
  return clearly ? [best] : [];
}

async function tryWay(bench, { name, start, settings }, order, tried) {
  const best = bestOf(tried)?.seconds;
  const limit = best === undefined ? bench.options.limit : Math.max(LEAST_SECONDS, CUT_OFF * best);
  let contender;
  try {
    contender = await start(settings);
    await runOnce(bench, contender, { ...order, ...bench.warmUp });
    const { seconds, processorSeconds } = await runOnce(bench, contender, order, limit);
    process.stderr.write(`  tried ${name}: ${seconds.toFixed(2)} s\n`);
    return { name, settings, seconds, processorSeconds };
  } catch (error) {
    process.stderr.write(`  tried ${name}: ${error.message}\n`);
    return { name, settings, failed: error.message };
  } finally {
    await contender?.stop();
  }
}

function bestFirst(tried) {
  const time = ({ seconds }) => seconds ?? Number.POSITIVE_INFINITY;
  return [...tried].sort((a, b) => (time(a) === time(b) ? 0 : time(a) - time(b)));
}
