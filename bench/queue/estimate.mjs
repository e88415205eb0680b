// `npm run bench -- queue-estimate [--quick]`: how many judged users a second one queue carries, and what gives way first.
// Measured here: processor time of the process that shares out, of Redis and of a worker, a job and a row. Simulated from it: 8 GPUs,
// each a worker on a machine of its own, by events. Nothing of the simulation was measured on 8 GPUs.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { environment, environmentText } from '../harness/environment.mjs';
import { table } from '../harness/report.mjs';
import { writeWorkload } from '../server/workload.mjs';
import { end, pgenrm, startFakeWorker, startRedis } from './machinery.mjs';
import { simulate } from './simulation.mjs';

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
const folder = mkdtempSync(path.join(tmpdir(), 'pgenrm-estimate-'));
const ticksPerSecond = Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout);
console.log(environmentText(environment()));

/** Seconds of processor time of a process, all its threads, no children; null where it is gone. */
function processorSeconds(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  } catch {
    return null;
  }
}

/** Rows of users with `rowsPerUser` each, judged by one worker that needs no time: processor seconds of the three. */
async function measure({ rows, rowsPerUser, ind }) {
  const data = path.join(folder, `${rows}-${rowsPerUser}.jsonl`);
  writeWorkload(data, rows / rowsPerUser, rowsPerUser);
  const redis = await startRedis();
  const worker = startFakeWorker(redis.address, 0);
  const out = path.join(folder, 'scores.jsonl');
  const words = ['score', data, '--split', 'test', '--ind', `${ind}`, '--force', '--quiet', '--out', out];
  const at = () => ({ redis: processorSeconds(redis.pid()), worker: processorSeconds(worker.pid) });
  // The worker has loaded what it needs, and has been asked, before it counts.
  await pgenrm([...words, '--queue', redis.address, '--limit', '80']);
  await pause(300);
  const before = at();
  let coordinator = 0;
  const { code, said, seconds } = await pgenrm([...words, '--queue', redis.address], undefined, (pid) => {
    coordinator = processorSeconds(pid) ?? coordinator;
  });
  const after = at();
  await end(worker);
  await redis.stop();
  if (code !== 0) throw new Error(said);
  return {
    rows,
    jobs: rows / rowsPerUser,
    seconds,
    coordinator,
    redis: after.redis - before.redis,
    worker: after.worker - before.worker,
  };
}

/** What a job and a row cost each, from two lengths of run of jobs of 8 rows and of 1: the start of a process drops out. */
async function costs(ind) {
  const size = values.quick ? 800 : 8000;
  const runs = {
    short: await measure({ rows: size / 10, rowsPerUser: 8, ind }),
    eights: await measure({ rows: size, rowsPerUser: 8, ind }),
    ones: await measure({ rows: size, rowsPerUser: 1, ind }),
    onesShort: await measure({ rows: size / 10, rowsPerUser: 1, ind }),
  };
  const of = (who) => {
    const slope = (long, short) => ((long[who] - short[who]) * 1000) / (long.jobs - short.jobs);
    // A job of eight costs a job and eight rows; one of one a job and a row.
    const eight = slope(runs.eights, runs.short);
    const one = slope(runs.ones, runs.onesShort);
    const row = (eight - one) / 7;
    return { eight, one, row, job: one - row };
  };
  return { coordinator: of('coordinator'), redis: of('redis'), worker: of('worker') };
}

try {
  const measured = {};
  for (const ind of [1, 8]) {
    measured[ind] = await costs(ind);
    console.log(`\n== processor time at Ind-${ind}, ms; one worker that writes its chains in no time`);
    table([
      ['', 'a job of 8 rows', 'a job of 1 row', 'so a row', 'and a job'],
      ...Object.entries(measured[ind]).map(([who, { eight, one, row, job }]) => [
        who,
        ...[eight, one, row, job].map((ms) => ms.toFixed(2)),
      ]),
    ]);
  }
  console.log('\n== simulated: 8 GPUs, jobs of one user, 2,048 rows under way, 1 ms from machine to machine');
  const cells = [
    ['Ind', 'rows a user', 'rows/s a GPU', 'users/s', 'GPUs busy', 'sharing out busy', 'Redis busy'],
  ];
  for (const ind of [1, 8])
    for (const rowsPerUser of [1, 8])
      for (const rowsPerGpu of [12.5, 50, 100, 200, 400, 1000]) {
        const cost = rowsPerUser === 8 ? 'eight' : 'one';
        const { coordinator, redis } = measured[ind];
        const found = simulate({
          gpus: 8,
          rowsPerUser,
          rowsPerGpu,
          rowsAhead: 2048,
          coordinatorMs: coordinator[cost],
          redisMs: redis[cost],
          networkMs: 1,
          seconds: 120,
        });
        cells.push([
          ind,
          rowsPerUser,
          rowsPerGpu,
          found.usersPerSecond.toFixed(0),
          ...[found.gpus, found.coordinator, found.redis].map((share) => `${(100 * share).toFixed(0)}%`),
        ]);
      }
  table(cells);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
