// Workload (d): the rate of decoding alone at several numbers of rows, beside llama-batched-bench, which feeds random
// tokens and samples nothing. Both share one prompt of 512 tokens among all rows.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { runRounds } from '../harness/rounds.mjs';
import { pairedRatio, summary } from '../harness/statistics.mjs';
import { runOnce, stopAll } from './comparison.mjs';
import { startOurs } from './contenders.mjs';
import { tryWays } from './trials.mjs';

const execute = promisify(execFile);
const PROMPT = 512;

export async function benchRates(bench) {
  const { options } = bench;
  const tokens = options.quick ? 48 : 128;
  const results = [];
  for (const rows of options.quick ? [1, 8, 24] : [1, 8, 24, 64]) {
    const order = { run: 'short', samples: rows, tokens, temperature: 1, seed: 1 };
    const settings = { contextTokens: PROMPT + tokens + 64, maxSequences: Math.max(2, rows) };
    const start = (more) => startOurs(bench, 'native', { ...bench.load, ...settings, ...more });
    const ways = {
      default: { start, settings: {} },
      "llama.cpp's attention": { start, settings: { engine: { attention: 'llama.cpp' } } },
      'flash attention off': { start, settings: { engine: { flashAttention: 'off' } } },
    };
    const tried = { ours: await tryWays(bench, ways, order) };
    const ours = { ours: await start({}) };
    const runs = {
      ours: async () => {
        const { seconds, prefillSeconds, generatedTokens } = await runOnce(bench, ours.ours, order);
        return { rate: (generatedTokens - rows) / (seconds - prefillSeconds) };
      },
    };
    if (bench.peers['llama-batched-bench']) {
      for (const flash of ['auto', 'off']) {
        runs[`llama-batched-bench${flash === 'off' ? ', flash attention off' : ''}`] = async () => ({
          rate: await batchedBench(bench, { rows, tokens, flash }),
        });
      }
    }
    const { results: found, failed, noise } = await runRounds(runs, { rounds: options.rounds, warmups: 1 });
    await stopAll(ours);
    const rates = Object.fromEntries(
      Object.keys(runs).map((name) => [name, found[name].map(({ rate }) => rate)]),
    );
    results.push({
      workload: 'd',
      name: `decoding ${rows} ${rows === 1 ? 'row' : 'rows'} after ${PROMPT} shared tokens`,
      tried,
      rows: Object.keys(runs).map((name) =>
        name in failed
          ? { name, failed: failed[name] }
          : {
              name,
              tokensPerSecond: summary(rates[name]),
              oursFaster: name === 'ours' || 'ours' in failed ? null : pairedRatio(rates.ours, rates[name]),
            },
      ),
      noise,
    });
  }
  return results;
}

async function batchedBench(bench, { rows, tokens, flash }) {
  const args = [
    '-m',
    bench.model.path,
    '-c',
    String(PROMPT + rows * tokens + 256),
    '-b',
    '2048',
    '-ub',
    '512',
  ];
  args.push('-t', String(bench.threads), '-tb', String(bench.threads), '-fa', flash, '-kvu', '-pps');
  args.push('-ngl', bench.gpu === 'off' ? '0' : '99', '-npp', String(PROMPT), '-ntg', String(tokens));
  args.push('-npl', String(rows), '--output-format', 'jsonl');
  const { stdout } = await execute(bench.peers['llama-batched-bench'], args, { maxBuffer: 2 ** 24 });
  const line = stdout.split('\n').find((text) => text.startsWith('{'));
  if (line === undefined) throw new Error('llama-batched-bench printed no result');
  return JSON.parse(line).speed_tg;
}
