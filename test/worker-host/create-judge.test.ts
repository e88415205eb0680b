// A judge in each kind of worker: the library's judgments, errors, events, signals, and ends.
import { existsSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadNativeBinding } from '../../src/native/load.js';
import { packageFile } from '../../src/package.js';
import type { JudgeEvent, Judgment } from '../../src/reward-model/judgment.js';
import { RewardModel } from '../../src/reward-model/reward-model.js';
import type { Judge } from '../../src/service/judge.js';
import { createJudge, JudgeWorker } from '../../src/worker-host/create-judge.js';
import type { WorkerKind } from '../../src/worker-host/worker-channel.js';
import { JUDGED, MODEL, plainly } from '../support/judged-items.js';
import { utilityStandIn } from '../support/utility-process.js';

const KINDS: [string, WorkerKind][] = [
  ['process', 'process'],
  ['thread', 'thread'],
  ['utilityProcess', utilityStandIn],
];
const built = existsSync(packageFile('dist', 'worker-host', 'host.js'));
const native = loadNativeBinding().binding !== null || process.env.PGENRM_REQUIRE_NATIVE === '1';
const skipped = !native || !built;
const item = JUDGED[0]!.input;
/** Chains that take seconds. */
const LONG = { individual: 256, maxTokens: 2000 };

describe.skipIf(skipped)('a judge in a worker', () => {
  const expected: string[] = [];
  beforeAll(async () => {
    await using library = await RewardModel.load(MODEL);
    for (const { input, options } of JUDGED) expected.push(plainly(await library.judge(input, options)));
  });

  describe.each(KINDS)('of the kind %s', (_, worker) => {
    let judge: Judge;
    const progress: string[] = [];
    beforeAll(async () => {
      judge = await createJudge({ ...MODEL, worker, onProgress: ({ phase }) => progress.push(phase) });
    });
    afterAll(async () => {
      await judge?.close();
    });

    it('judges to the same bytes as the library', async () => {
      for (const [index, { input, options }] of JUDGED.entries()) {
        expect(plainly(await judge.judge(input, options))).toBe(expected[index]);
      }
      expect(progress).toContain('load');
    });

    it('judges a stream, ranks and picks', async () => {
      const { input, options } = JUDGED[0]!;
      const given = { ...input, note: () => 'no plain data' };
      const judgments: (Judgment | string | undefined)[] = [];
      const items = [given, { ...given, candidates: ['one'] }];
      for await (const { judgment, error, input: own } of judge.judgeMany(items, options)) {
        expect(items).toContain(own);
        judgments.push(judgment ?? error?.code);
      }
      // The prompt was decoded for an earlier judgment.
      expect(chainsOf(plainly(judgments[0] as Judgment))).toEqual(chainsOf(expected[0]!));
      expect(judgments[1]).toBe('INVALID_OPTION');
      const { ranked, scores } = await judge.rank(input, options);
      const { best } = await judge.bestOfN(input, options);
      expect(best?.index).toBe(ranked[0]?.index);
      expect(scores).toEqual((judgments[0] as Judgment).scores);
    });

    it('tells of chains as they end, and stops with what a listener throws', async () => {
      const events: JudgeEvent['type'][] = [];
      await judge.judge(item, { ...JUDGED[0]!.options, onEvent: ({ type }) => events.push(type) });
      expect(events).toEqual(['started', 'chain', 'chain', 'finished']);
      let tokens = 0;
      const streamed = { ...JUDGED[0]!.options, streamText: true };
      const { chains } = await judge.judge(item, {
        ...streamed,
        onEvent: (event) => {
          if (event.type === 'text') tokens = Math.max(tokens, event.tokens);
        },
      });
      expect(tokens).toBeGreaterThan(10);
      expect(tokens).toBeLessThanOrEqual(Math.max(...chains.map((chain) => chain.tokens)));
      const thrown = new Error('the listener fails');
      const onEvent = () => {
        throw thrown;
      };
      await expect(judge.judge(item, { ...LONG, onEvent })).rejects.toBe(thrown);
    });

    it('stops with the reason of a signal and is idle soon after', async () => {
      const stop = new AbortController();
      const reason = new Error('enough');
      const judging = judge.judge(item, { ...LONG, signal: stop.signal });
      setTimeout(() => stop.abort(reason), 100);
      await expect(judging).rejects.toBe(reason);
      expect((await judge.health()).open).toBe(0);
      await expect(judge.judge(item, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    });

    it('keeps codes and messages of errors', async () => {
      await expect(judge.judge(item, { individual: 0 })).rejects.toMatchObject({
        name: 'PgenrmError',
        code: 'INVALID_OPTION',
        message: 'individual must be an integer from 1 to 1024; got 0',
      });
      const missing = createJudge({ model: '/nowhere/none.gguf', worker });
      await expect(missing).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    });

    it('ends what is at work with its close, twice', async () => {
      const own = await createJudge({ ...MODEL, worker });
      const judging = expect(own.judge(item, LONG)).rejects.toMatchObject({ code: 'DISPOSED' });
      await wait(50);
      await own.close();
      await judging;
      await own.close();
      await expect(own.judge(item)).rejects.toMatchObject({ code: 'DISPOSED' });
    });
  });

  it('holds several judges, which it closes one by one, and embeds', async () => {
    await using worker = new JudgeWorker();
    const embeddings = { model: packageFile('models', 'nano-embedder.gguf'), threads: 1 };
    const [a, b] = await Promise.all([
      worker.createJudge(MODEL),
      worker.createJudge({ ...MODEL, contextTokens: 1024, embeddings }),
    ]);
    const { vectors, dimension } = await b.embed(['one', 'two']);
    expect(vectors).toBeInstanceOf(Float32Array);
    expect(vectors.length).toBe(2 * dimension);
    expect((await worker.health()).models.length).toBe(3);
    await b.close();
    expect((await worker.health()).models.length).toBe(2);
    expect(plainly(await a.judge(item, JUDGED[0]!.options))).toBe(expected[0]);
    expect(await worker.statistics()).toMatchObject({ judgments: 1, restarts: 0, modelsUnloaded: 1 });
  });

  it('refuses a job too many, and limits and workers that do not fit', async () => {
    await using judge = await createJudge({ ...MODEL, mostOpen: 1 });
    const stop = new AbortController();
    const first = judge.judge(item, { ...LONG, signal: stop.signal }).catch(() => 'stopped');
    await expect(judge.judge(item)).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    stop.abort();
    expect(await first).toBe('stopped');
    await expect(createJudge({ mostOpen: 0 })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    const remote = { worker: 'remote' as 'process' };
    await expect(createJudge(remote)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(createJudge({ ...MODEL, memoryBudget: 1000 })).rejects.toMatchObject({
      code: 'OUT_OF_MEMORY',
    });
  });
});

function chainsOf(judgment: string): unknown {
  return (JSON.parse(judgment) as Judgment).chains;
}
