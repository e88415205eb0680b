// Compares ours with its peers on one order: checks what they write, then runs all in interleaved rounds, each run within
// a limit of time. Knows contenders by their methods only.
import { setTimeout as sleep } from 'node:timers/promises';
import { machineTicks, ticksBetween } from '../harness/environment.mjs';
import { drift, runRounds } from '../harness/rounds.mjs';
import { median, pairedRatio, summary } from '../harness/statistics.mjs';
import { CHECK_TOKENS } from './greedy-checks.mjs';
import { checkDone } from './work.mjs';

/** Threads that spin after their work have stopped after this long. */
const SETTLE_MS = 400;

/** A contender that takes so many times as long as ours runs in the first round only. */
const SLOW = 3;

/** A head token that no run of this process had before. */
let nextHead = 0;
const freshHead = (work) => work.heads[nextHead++ % work.heads.length];

/**
 * One run with a head of its own; throws where it did not write what was asked, or did not end within `limit` seconds:
 * the contender is killed then.
 */
export async function runOnce(bench, contender, order, limit = bench.options.limit) {
  await sleep(SETTLE_MS);
  const whole = { ...order, head: freshHead(bench.work), seed: (order.seed ?? 1) + 1000 * nextHead };
  const before = contender.processorSeconds();
  const result = await within(limit, contender, contender.run(whole));
  if (before !== null) result.processorSeconds = contender.processorSeconds() - before;
  if (order.run !== 'embed') checkDone(bench.work, whole, result);
  return result;
}

async function within(limit, contender, running) {
  let timer;
  running.catch(() => {});
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => {
      contender.kill();
      reject(new Error(`did not end within ${limit.toFixed(0)} s`));
    }, limit * 1000);
  });
  try {
    return await Promise.race([running, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Runs started contenders in rounds of random order. `contenders`: name -> contender; the first is ours. One that is
 * slow runs in the first round only. Gives a row for each, with seconds, memory and how many times faster ours was in the
 * same rounds, with a 95% interval from two rounds on. `failed` (name -> reason) leaves contenders out.
 */
export async function compare(bench, contenders, order, { rounds, limit, failed: out = {} }) {
  const [ours] = Object.keys(contenders);
  const runs = (names) =>
    Object.fromEntries(names.map((name) => [name, () => runOnce(bench, contenders[name], order, limit)]));
  const before = machineTicks();
  const { results, failed } = await runRounds(
    runs(Object.keys(contenders).filter((name) => !(name in out))),
    {
      rounds: 1,
    },
  );
  Object.assign(failed, out);
  const timeOf = (name) => results[name]?.[0]?.seconds ?? Number.POSITIVE_INFINITY;
  const quick = Object.keys(results).filter(
    (name) => !(name in failed) && !(timeOf(name) > SLOW * timeOf(ours)),
  );
  const more = await runRounds(runs(quick), { rounds: rounds - 1, seed: 2 });
  for (const name of quick) results[name].push(...more.results[name]);
  Object.assign(failed, more.failed);
  const noise = ticksBetween(before, machineTicks());
  const seconds = Object.fromEntries(
    Object.keys(results).map((name) => [name, results[name].map((run) => run.seconds)]),
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
      runs: results[name].map(({ textHex, texts, first, last, ...kept }) => kept),
    };
  });
  return { order, rounds, limit: limit ?? bench.options.limit, rows, noise, drift: drift(seconds) };
}

/**
 * Compares contenders on the first `part` items (or texts) in rounds, then once on as many of all `count` as the slowest
 * contender has time for within the limit, by what it took for the part. Those that are slow, and `partOnly`, are left out of that:
 * their figures are those of the part. `unit` names the order's field. Gives the part's result and, under `whole`, the other.
 */
export async function compareInParts(
  bench,
  contenders,
  order,
  { unit, part, count, rounds, failed, partOnly = [] },
) {
  const { limit } = bench.options;
  const first = await compare(bench, contenders, { ...order, [unit]: part }, { rounds, failed });
  const [{ seconds: ours }, ...peers] = first.rows;
  const leftOut = {};
  const partly = new Set();
  let slowest = ours.median;
  for (const { name, seconds, failed: reason } of peers) {
    const slow = seconds && seconds.median > SLOW * ours.median;
    if (reason !== undefined) {
      leftOut[name] = reason;
    } else if (slow || partOnly.includes(name)) {
      leftOut[name] = `${slow ? 'slow: ' : ''}the first ${part} ${unit} only`;
      partly.add(name);
    } else {
      slowest = Math.max(slowest, seconds.median);
    }
  }
  const fitting = Math.min(count, part * Math.floor(limit / slowest));
  const result = { ...first, part: `the first ${part} of ${count} ${unit}` };
  if (fitting <= part) return result;
  const whole = await compare(
    bench,
    contenders,
    { ...order, [unit]: fitting },
    { rounds: 1, limit: 2 * limit, failed: leftOut },
  );
  const expected = ((slowest * count) / part).toFixed(0);
  const said =
    fitting === count
      ? `all ${count} ${unit}`
      : `the first ${fitting} of ${count} ${unit} (all would take the slowest about ${expected} s, limit ${limit})`;
  const rows = whole.rows.map((row) =>
    partly.has(row.name) ? { name: row.name, leftOut: row.failed } : row,
  );
  return { ...result, whole: { ...whole, rows, part: said } };
}

/**
 * Holds the greedy texts of contenders to the checks of the work (see greedy-checks.mjs): `{ checked, failed }`, where
 * `checked` is the number of tokens that every other contender wrote as it has to, and `failed` is name -> reason.
 */
export async function checkTexts(bench, contenders) {
  const { checks } = bench.work;
  const order = { run: 'check', samples: 1, tokens: CHECK_TOKENS, temperature: 0, seed: 1 };
  const failed = {};
  for (const [name, contender] of Object.entries(contenders)) {
    let texts;
    try {
      ({ texts } = await within(bench.options.limit, contender, contender.run(order)));
    } catch (error) {
      failed[name] = `check failed: ${error.message}`;
      continue;
    }
    for (const [at, { text, tokens }] of checks.entries()) {
      const written = Buffer.from(texts[at], 'hex');
      const wanted = Buffer.from(text);
      if (written.subarray(0, wanted.length).equals(wanted)) continue;
      const found = JSON.stringify(written.toString('utf8').slice(0, text.length));
      failed[name] =
        `check failed: greedy text ${found} where ${JSON.stringify(text)} (${tokens} tokens) is due`;
      break;
    }
  }
  const [ours] = Object.keys(contenders);
  if (ours in failed) throw new Error(`ours: ${failed[ours]}`);
  return { checked: checks.reduce((sum, { tokens }) => sum + tokens, 0), failed };
}

/** Stops every contender. */
export async function stopAll(contenders) {
  await Promise.all(Object.values(contenders).map((contender) => contender.stop()));
}
