// Workers and applications that are killed at any moment: no row lost, no process left. PGENRM_KILLS says how often (default 2).
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { loadNativeBinding } from '../../src/native/load.js';
import { packageFile } from '../../src/package.js';
import { RewardModel } from '../../src/reward-model/reward-model.js';
import type { ServiceEvent } from '../../src/service/contract.js';
import { createJudge, JudgeWorker } from '../../src/worker-host/create-judge.js';
import { WorkerService } from '../../src/worker-host/worker-service.js';
import { MODEL } from '../support/judged-items.js';

const kills = Number(process.env.PGENRM_KILLS ?? 2);
const native = loadNativeBinding().binding !== null || process.env.PGENRM_REQUIRE_NATIVE === '1';
const skipped = !native || !existsSync(packageFile('dist', 'worker-host', 'host.js'));
const timeout = 60_000 + kills * 10_000;
/** From 0 to 1, the same in every run. */
let state = 12345;
const random = (): number => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
};
const items = Array.from({ length: 6 }, (_, index) => ({
  id: `row ${index}`,
  prompt: `How do I cook dish ${index}?`,
  candidates: ['- Boil it\n- 8 minutes', 'Dishes are lovely!'],
}));
const options = { individual: 4, maxTokens: 150, concurrency: 1 };

describe.skipIf(skipped)('a worker that is killed', () => {
  it(
    'loses no row: each is judged as it would have been',
    async () => {
      await using library = await RewardModel.load(MODEL);
      const expected = new Map<string, unknown>();
      for await (const { input, judgment } of library.judgeMany(items, options)) {
        expected.set(
          input.id,
          judgment?.chains.map(({ seed, order }) => ({ seed, order })),
        );
      }
      await using worker = new JudgeWorker();
      const judge = await worker.createJudge(MODEL);
      for (let kill = 0; kill < kills; kill += 1) {
        const judged = new Map<string, unknown>();
        const killing = wait(random() * 400).then(() => {
          if (worker.pid !== null) process.kill(worker.pid, 'SIGKILL');
        });
        for await (const { input, judgment, error } of judge.judgeMany(items, options)) {
          expect(error).toBeUndefined();
          judged.set(
            input.id,
            judgment?.chains.map(({ seed, order }) => ({ seed, order })),
          );
        }
        await killing;
        expect(judged).toEqual(expected);
      }
      // The last one may have been killed after its last row.
      await judge.load();
    },
    timeout,
  );

  it('fails a row that no worker outlives, with a code, and serves the next', async () => {
    const service = new WorkerService('process');
    const request = { op: 'judge', model: MODEL, input: items[0]! } as const;
    const long = { ...request, options: { individual: 256, maxTokens: 2000 } };
    const attempts: number[] = [];
    const answer = service.submit(long, (event) => {
      if (event.type === 'again') attempts.push(event.attempt);
      if (event.type === 'progress' && event.progress.done === 1) process.kill(service.pid!, 'SIGKILL');
    }).answer;
    await expect(answer).rejects.toMatchObject({
      code: 'WORKER_LOST',
      message: expect.stringMatching(/signal SIGKILL.*3 times with this job/),
    });
    expect(attempts).toEqual([2, 3]);
    const judgment = await service.submit({ ...request, options: { maxTokens: 100 } }).answer;
    expect(judgment.chains.length).toBe(1);
    await service.close();
    expect(service.pid).toBe(null);
  });

  it('finds the row that ends its workers and answers those beside it', async () => {
    const service = new WorkerService('process');
    const submit = (individual: number, onEvent?: (event: ServiceEvent) => void) =>
      service.submit(
        { op: 'judge', model: MODEL, input: items[0]!, options: { individual, maxTokens: 2000 } },
        onEvent,
      ).answer;
    const others: Promise<{ chains: readonly unknown[] }>[] = [];
    const killer = submit(256, (event) => {
      if (event.type === 'progress' && event.progress.done === 1) process.kill(service.pid!, 'SIGKILL');
    });
    const failed = expect(killer).rejects.toMatchObject({ code: 'WORKER_LOST' });
    for (let other = 0; other < 3; other += 1) others.push(submit(64));
    await failed;
    for (const judgment of await Promise.all(others)) expect(judgment.chains.length).toBe(64);
    await service.close();
  }, 120_000);

  it('fails with a code where no worker can begin', async () => {
    const service = new WorkerService('thread', {}, '/nowhere');
    const answer = service.submit({ op: 'load', model: MODEL }).answer;
    await expect(answer).rejects.toMatchObject({ code: 'WORKER_LOST' });
    await service.close();
  });

  it('ends with its signal while a worker begins anew', async () => {
    await using judge = await createJudge({ ...MODEL });
    const stop = new AbortController();
    const judging = judge.judge(items[0]!, { ...options, signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(judging).rejects.toThrow('enough');
  });
});

describe.skipIf(skipped)('an application that is killed', () => {
  it(
    'leaves no worker behind',
    async () => {
      for (let kill = 0; kill < kills; kill += 1) {
        const parent = spawn(process.execPath, ['test/support/judging-parent.mjs'], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        const pid = await new Promise<number>((resolve) => {
          parent.stdout.once('data', (data: Buffer) => resolve(Number(data.toString())));
        });
        await wait(random() * 500);
        parent.kill('SIGKILL');
        const deadline = Date.now() + 15_000;
        while (runs(pid) && Date.now() < deadline) await wait(20);
        expect(runs(pid)).toBe(false);
      }
    },
    timeout,
  );

  it('ends by itself when it has nothing to do, though it closed nothing', async () => {
    const parent = spawn(process.execPath, ['test/support/judging-parent.mjs', 'once'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pid = await new Promise<number>((resolve) => {
      parent.stdout.once('data', (data: Buffer) => resolve(Number(data.toString())));
    });
    expect(await new Promise((resolve) => parent.on('exit', resolve))).toBe(0);
    const deadline = Date.now() + 15_000;
    while (runs(pid) && Date.now() < deadline) await wait(20);
    expect(runs(pid)).toBe(false);
  });
});

/** Whether a process runs; one that ended and nobody has asked about counts as ended. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
