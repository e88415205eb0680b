// A queue of another version, a worker with another bank: refused with what differs.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Queue } from 'bullmq';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { PrototypeBank } from '../../src/bank/bank.js';
import { referenceKernels } from '../../src/kernels/reference/kernels.js';
import { indexFiles } from '../../src/native/index-files.js';
import { QUEUE_VERSION, type QueueJob } from '../../src/queue/contract.js';
import { describeWorker, refusalOf } from '../../src/queue/identity.js';
import { RewardModel } from '../../src/reward-model/reward-model.js';
import { FakeGenerator } from '../../src/testing/fake-generator.js';
import { madeBank, suiteFolder } from '../bank/made-bank.js';
import { fake } from '../support/cli-process.js';
import { temporaryFolder, writeGoodRows } from '../support/preference-file.js';
import { NO_QUEUE, startRedis, startWorker } from '../support/queue-workers.js';

vi.setConfig({ testTimeout: 120_000 });

async function queueAt(address: string, name: string): Promise<Queue> {
  const queue = new Queue(name, { connection: { url: address }, prefix: 'pgenrm' });
  onTestFinished(() => queue.close());
  return queue;
}

describe.skipIf(NO_QUEUE !== null)(`a queue of another version (${NO_QUEUE ?? 'there'})`, () => {
  it('is refused by score, which names both versions and writes nothing', async () => {
    const folder = await temporaryFolder();
    const data = await writeGoodRows(join(folder, 'data.jsonl'), 3);
    const out = join(folder, 'scores.jsonl');
    const { address } = await startRedis();
    const runs = await queueAt(address, 'runs');
    const head = { version: QUEUE_VERSION + 1, pgenrm: '9.9.9', run: 'later', output: 'there:/x', host: 'h' };
    await runs.add('run', head, { jobId: 'later' });
    startWorker(address);
    const { code, stderr } = await fake(['score', data, '--out', out, '--queue', address]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/RUN_MISMATCH.*queue version 2 \(pgenrm 9\.9\.9, there:\/x\).*this is version 1/);
    expect(existsSync(out)).toBe(false);
    expect(await runs.getJobCountByTypes('waiting')).toBe(1);
  });

  it('is refused by a worker, which answers with the reason and ends', async () => {
    const { address } = await startRedis();
    const jobs = await queueAt(address, 'jobs');
    const job = { version: QUEUE_VERSION + 1, run: 'later', op: 'describe', withBank: false };
    await jobs.add('describe', job, { jobId: 'later-0' });
    const { how, events } = await startWorker(address).ended;
    const reason = /the job is of version 2 of the queue, and this worker knows version 1/;
    expect(how).toBe(1);
    expect(events.at(-1)).toMatchObject({ code: 'RUN_MISMATCH', message: expect.stringMatching(reason) });
    expect((await jobs.getJob('later-0'))?.returnvalue).toMatchObject({
      refused: expect.stringMatching(reason),
    });
  });
});

describe('a worker with another bank', () => {
  it('refuses a run with similar users, and judges one without', async () => {
    const folder = await suiteFolder();
    const kernels = referenceKernels(indexFiles);
    const withBank = async (seed: number): Promise<RewardModel> => {
      const made = await madeBank(folder, {
        members: 20,
        users: 5,
        prototypes: 2,
        seed,
        name: `bank${seed}`,
      });
      const bank = await PrototypeBank.open(made.path, { kernels });
      const embedder = { embed: async () => [new Float32Array([1, 0, 0, 0])] };
      const model = await RewardModel.over(new FakeGenerator({}), {
        modelSha256: 'a'.repeat(64),
        kernels,
        bank,
        embedder: embedder as never,
        embedderIdentity: { sha256: 'b'.repeat(64), pooling: 'mean', dimension: 4 },
      });
      onTestFinished(() => model.close());
      return model;
    };
    const [one, other] = [await withBank(1), await withBank(2)];
    const asked = (similar: boolean): QueueJob => ({
      version: QUEUE_VERSION,
      run: 'run',
      op: 'judge',
      alone: false,
      identity: describeWorker(one, similar).identity,
      options: {},
      inputs: [],
    });
    expect(refusalOf(asked(true), one)).toBeNull();
    expect(refusalOf(asked(true), other)).toContain(
      `bank checksum was ${one.bank!.manifest.checksum}, is ${other.bank!.manifest.checksum}`,
    );
    expect(refusalOf(asked(false), other)).toBeNull();
  });
});
