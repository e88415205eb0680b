// Compares ours with its peers on one order: finds the best settings of those that have any by trying them, checks
// what they write, then runs all in interleaved rounds. Knows contenders by their two methods only.
import { setTimeout as sleep } from 'node:timers/promises';
import { drift, runRounds } from '../harness/rounds.mjs';
import { median, pairedRatio, summary } from '../harness/statistics.mjs';
import { checkDone } from './work.mjs';

/** Threads that spin after their work have stopped after this long. */
const SETTLE_MS = 400;

/** A head token that no run of this process had before. */
let nextHead = 0;
const freshHead = (work) => work.heads[nextHead++ % work.heads.length];

/**
 * Tries ways to run a contender, each once on `order` after a short warm-up, and gives them best first:
 * `[{ name, settings, seconds | failed }]`. `start(settings)` makes the contender.
 */
export async function tryWays(bench, ways, order) {
  const tried = [];
  for (const [name, { start, settings }] of Object.entries(ways)) {
    let contender;
    try {
      contender = await start(settings);
      await runOnce(bench, contender, { ...order, ...bench.warmUp });
      const { seconds, processorSeconds } = await runOnce(bench, contender, order);
      tried.push({ name, settings, seconds, processorSeconds });
    } catch (error) {
      tried.push({ name, settings, failed: error.message });
    }
    await contender?.stop();
  }
  return tried.sort(
    (a, b) => (a.seconds ?? Number.POSITIVE_INFINITY) - (b.seconds ?? Number.POSITIVE_INFINITY),
  );
}

/** One run with a head of its own; throws where it did not write what was asked. */
export async function runOnce(bench, contender, order) {
  await sleep(SETTLE_MS);
  const whole = { ...order, head: freshHead(bench.work), seed: (order.seed ?? 1) + 1000 * nextHead };
  const before = contender.processorSeconds();
  const result = await contender.run(whole);
  if (before !== null) result.processorSeconds = contender.processorSeconds() - before;
  if (order.run !== 'embed') checkDone(bench.work, whole, result);
  return result;
}

/**
 * Runs started contenders in rounds. `contenders`: name -> contender; the first is ours. Gives a row for each, with
 * seconds, memory and how many times faster ours was in the same rounds, with a 95% interval.
 */
export async function compare(bench, contenders, order, { rounds }) {
  const runs = Object.fromEntries(
    Object.entries(contenders).map(([name, contender]) => [name, () => runOnce(bench, contender, order)]),
  );
  const { results, failed, noise } = await runRounds(runs, { rounds, warmups: 1 });
  const [ours] = Object.keys(contenders);
  const seconds = Object.fromEntries(
    Object.keys(runs).map((name) => [name, results[name].map((r) => r.seconds)]),
  );
  const rows = Object.entries(contenders).map(([name, contender]) => {
    if (name in failed) return { name, failed: failed[name] };
    return {
      name,
      seconds: summary(seconds[name]),
      processorSeconds: median(results[name].map((run) => run.processorSeconds ?? Number.NaN)),
      generatedTokens: results[name][0].generatedTokens ?? null,
      decodedPromptTokens: results[name][0].decodedPromptTokens ?? null,
      peakMemoryBytes: contender.peakMemory(),
      oursFaster: name === ours || ours in failed ? null : pairedRatio(seconds[name], seconds[ours]),
      runs: results[name].map(({ textHex, first, last, ...kept }) => kept),
    };
  });
  return { order, rounds, rows, noise, drift: drift(seconds) };
}

/**
 * Greedy texts of the contenders, compared with ours: `{ name -> { bytes, same } }`, where `same` counts the leading
 * bytes that agree. Batches of other sizes round otherwise, so that long greedy texts may part.
 */
export async function compareTexts(bench, contenders) {
  const head = freshHead(bench.work);
  const texts = {};
  for (const [name, contender] of Object.entries(contenders)) {
    const order = { run: 'short', samples: 1, tokens: 16, temperature: 0, seed: 1, head };
    const { textHex } = await contender.run(order);
    texts[name] = Buffer.from(textHex, 'hex');
  }
  const [ours] = Object.keys(contenders);
  const found = {};
  for (const [name, text] of Object.entries(texts)) {
    let same = 0;
    while (same < text.length && text[same] === texts[ours][same]) same++;
    found[name] = { bytes: text.length, same };
    if (same === 0)
      throw new Error(`${name} writes another greedy text than ${ours}: something is wrong with one of them`);
  }
  return found;
}

/** Stops every contender. */
export async function stopAll(contenders) {
  await Promise.all(Object.values(contenders).map((contender) => contender.stop()));
}
