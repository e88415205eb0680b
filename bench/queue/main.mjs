// `npm run bench -- queue [--only campaign,overhead,two] [--quick]`: a data set shared among workers, on one machine, with a real Redis.
//   campaign  10,000 rows, 2 ms a row, 4 workers of which one is killed every 5 s, Redis ended once with all that it held
//   overhead  what a row costs beside its judging: 2,000 rows, one worker against the same run without a queue
//   two       the bundled model, 200 rows at --ind chains (4): two workers of one thread each against one
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { environment, environmentText } from '../harness/environment.mjs';
import { table } from '../harness/report.mjs';
import { median, pairedRatio, ratioText } from '../harness/statistics.mjs';
import { writeWorkload } from '../server/workload.mjs';
import { end, MAIN, pgenrm, startFakeWorker, startRedis } from './machinery.mjs';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'campaign,overhead,two' },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    ind: { type: 'string', default: '4' },
  },
});
const parts = values.only.split(',');
const rounds = values.quick ? 1 : Number(values.rounds);
const folder = mkdtempSync(path.join(tmpdir(), 'pgenrm-queue-'));
console.log(environmentText(environment()));

/** The numbers of a file's rows in its order, and how many are not scored. */
function linesOf(out) {
  const rows = readFileSync(out, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
  return {
    numbers: rows.map(({ row }) => row),
    failed: rows.filter(({ status }) => status !== 'scored').length,
  };
}

/** Rows that are scored: rows of users with four choices as their history. */
function workload(name, users, rowsPerUser) {
  const file = path.join(folder, name);
  writeWorkload(file, users, rowsPerUser);
  return file;
}

async function campaign() {
  const rows = values.quick ? 1000 : 10_000;
  const data = workload('campaign.jsonl', rows / 10, 10);
  const out = path.join(folder, 'campaign.scores.jsonl');
  const redis = await startRedis();
  const workers = Array.from({ length: 4 }, () => startFakeWorker(redis.address, 2));
  let killed = 0;
  let restarted = false;
  let over = false;
  const harm = (async () => {
    while (!over) {
      await pause(5000);
      if (over) return;
      await end(workers.shift());
      killed += 1;
      workers.push(startFakeWorker(redis.address, 2));
      if (!restarted && killed === 2) {
        restarted = true;
        await redis.restart();
      }
    }
  })();
  const words = ['score', data, '--split', 'test', '--queue', redis.address, '--out', out, '--quiet'];
  const { code, said, seconds } = await pgenrm(words);
  over = true;
  await harm;
  await Promise.all(workers.map((worker) => end(worker)));
  await redis.stop();
  const { numbers, failed } = linesOf(out);
  const ordered = numbers.every((number, index) => index === 0 || number > numbers[index - 1]);
  console.log(`\n== campaign: exit code ${code}${said === '' ? '' : `, ${said.trim()}`}`);
  table([
    ['rows', 'lines', 'twice', 'failed', 'in order', 'workers killed', 'Redis emptied', 'seconds', 'rows/s'],
    [
      rows,
      numbers.length,
      numbers.length - new Set(numbers).size,
      failed,
      ordered ? 'yes' : 'no',
      killed,
      restarted ? 'once' : 'never',
      seconds.toFixed(0),
      (rows / seconds).toFixed(0),
    ],
  ]);
  if (numbers.length !== rows || !ordered || failed > 0 || code !== 0) process.exitCode = 1;
}

async function overhead() {
  const rows = values.quick ? 300 : 2000;
  const data = workload('overhead.jsonl', rows / 10, 10);
  const redis = await startRedis();
  const worker = startFakeWorker(redis.address, 2);
  const out = path.join(folder, 'overhead.scores.jsonl');
  const common = ['score', data, '--split', 'test', '--force', '--quiet', '--out', out];
  const seconds = { local: [], shared: [] };
  for (let round = -1; round < rounds; round += 1) {
    const local = await pgenrm(common, 2);
    const shared = await pgenrm([...common, '--queue', redis.address]);
    if (local.code !== 0 || shared.code !== 0) throw new Error(local.said + shared.said);
    // The first round is a warm-up.
    if (round < 0) continue;
    seconds.local.push(local.seconds);
    seconds.shared.push(shared.seconds);
  }
  await end(worker);
  await redis.stop();
  const differences = seconds.shared.map((value, index) => (1000 * (value - seconds.local[index])) / rows);
  console.log(`\n== overhead, ${rows} rows of 2 ms, medians of ${rounds}`);
  table([
    ['', 'seconds'],
    ['one process, no queue', median(seconds.local).toFixed(2)],
    ['one worker of a queue', median(seconds.shared).toFixed(2)],
  ]);
  console.log(
    `a row costs ${median(differences).toFixed(2)} ms more (${differences.map((value) => value.toFixed(2)).join(', ')})`,
  );
}

async function two() {
  const rows = values.quick ? 20 : 200;
  const data = workload('two.jsonl', rows / 5, 5);
  const redis = await startRedis();
  const out = path.join(folder, 'two.scores.jsonl');
  const words = [
    'score',
    data,
    '--split',
    'test',
    '--ind',
    values.ind,
    '--force',
    '--quiet',
    '--out',
    out,
    '--queue',
    redis.address,
  ];
  const judge = ['work', '--queue', redis.address, '--threads', '1', '--quiet'];
  const begin = () => spawn(process.execPath, [MAIN, ...judge], { stdio: ['ignore', 'ignore', 'inherit'] });
  const times = { 1: [], 2: [] };
  for (let round = 0; round < rounds; round += 1) {
    for (const count of round % 2 ? [2, 1] : [1, 2]) {
      const workers = Array.from({ length: count }, begin);
      // Models are loaded before the clock starts.
      await pause(8000);
      const { code, said, seconds } = await pgenrm(words);
      if (code !== 0) throw new Error(said);
      times[count].push(seconds);
      await Promise.all(workers.map((worker) => end(worker, 'SIGTERM')));
    }
  }
  await redis.stop();
  console.log(
    `\n== two workers of one thread each, nano, ${rows} rows at Ind-${values.ind}, medians of ${rounds}`,
  );
  table([
    ['workers', 'seconds', 'rows/s'],
    ...[1, 2].map((count) => [
      count,
      median(times[count]).toFixed(1),
      (rows / median(times[count])).toFixed(2),
    ]),
  ]);
  console.log(`two are ${ratioText(pairedRatio(times[1], times[2]))} times as fast as one`);
}

try {
  if (parts.includes('campaign')) await campaign();
  if (parts.includes('overhead')) await overhead();
  if (parts.includes('two')) await two();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
