// Jobs of the service in this process: answers, bounds, cancelling, events, errors, models within a budget.
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { PgenrmError } from '../../src/errors.js';
import { RewardModel } from '../../src/reward-model/reward-model.js';
import type { ServiceEvent, ServiceRequest } from '../../src/service/contract.js';
import { Judge } from '../../src/service/judge.js';
import { FakeGenerator } from '../support/fake-generator.js';
import { FAKE_BYTES, fakeService } from '../support/fake-service.js';

const input = { prompt: 'Which?', candidates: ['aaaa', 'aaaaaaa', 'a'] };
const judgeNano = { op: 'judge', model: { model: 'nano' }, input } as const;

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of stream) all.push(one);
  return all;
}

describe('a service', () => {
  it('judges and ranks as the library does', async () => {
    const { service } = fakeService();
    const model = await RewardModel.over(new FakeGenerator());
    const options = { individual: 3, seed: 7 };
    const own = await model.judge(input, options);
    const answer = await service.submit({ ...judgeNano, options }).answer;
    expect({ ...answer, times: null }).toEqual({ ...own, times: null });
    const { ranked } = await service.submit({ ...judgeNano, op: 'rank', options }).answer;
    expect(ranked.map(({ index }) => index)).toEqual([1, 0, 2]);
    await service.close();
    await model.close();
  });

  it('refuses requests that do not fit, naming the part', async () => {
    const { service } = fakeService();
    const bad: [unknown, RegExp][] = [
      [null, /request does not fit/],
      [{ op: 'fly' }, /op does not fit/],
      [{ op: 'judge', input }, /model does not fit/],
      [{ ...judgeNano, batch: { name: '', place: 0 } }, /batch.name does not fit/],
      [{ ...judgeNano, input: 5 }, /input must be an object/],
      [{ ...judgeNano, input: { prompt: 'Which?', candidates: ['a'] } }, /two texts or more/],
      [{ ...judgeNano, op: 'rank', input: undefined }, /input must be an object/],
      [{ ...judgeNano, options: { individual: 0 } }, /individual must be an integer from 1/],
    ];
    for (const [request, message] of bad) {
      await expect(service.submit(request as ServiceRequest).answer).rejects.toMatchObject({
        code: 'INVALID_OPTION',
        message: expect.stringMatching(message),
      });
    }
    await service.close();
  });

  it('refuses a job when too many are open, and takes one again when one has ended', async () => {
    const { service } = fakeService({ mostOpen: 2 }, { delayMs: 50 });
    const [first, second, third] = [1, 2, 3].map(() => service.submit(judgeNano));
    await expect(third!.answer).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    await Promise.all([first!.answer, second!.answer]);
    await service.submit(judgeNano).answer;
    const statistics = await service.submit({ op: 'statistics' }).answer;
    expect(statistics).toMatchObject({ answered: 3, refused: 1, judgments: 3, chains: 3, failed: 0 });
    await service.close();
  });

  it('begins no more judgments at once than keep the model busy', async () => {
    const { service, generators } = fakeService({}, { delayMs: 5, samplesAtOnce: 4 });
    const jobs = Array.from({ length: 40 }, () => service.submit(judgeNano).answer);
    await Promise.all(jobs);
    expect(generators[0]!.mostActive).toBeGreaterThan(4);
    expect(generators[0]!.mostActive).toBeLessThanOrEqual(8);
    await service.close();
  });

  it('cancels a job that runs, one that waits, and one whose model comes in, with the reason given', async () => {
    const { service, generators } = fakeService({}, { delayMs: 10_000, samplesAtOnce: 1 }, () => wait(20));
    const loading = service.submit(judgeNano);
    const reason = new Error('no longer wanted');
    loading.cancel(reason);
    await expect(loading.answer).rejects.toBe(reason);
    const jobs = [1, 2, 3].map(() => service.submit(judgeNano));
    await service.submit({ op: 'load', model: { model: 'nano' } }).answer;
    await wait(20);
    expect(generators.at(-1)!.active).toBe(2);
    jobs[2]!.cancel();
    await expect(jobs[2]!.answer).rejects.toMatchObject({ name: 'AbortError' });
    jobs[0]!.cancel(reason);
    await expect(jobs[0]!.answer).rejects.toBe(reason);
    jobs[0]!.cancel('again');
    const closed = expect(jobs[1]!.answer).rejects.toMatchObject({ code: 'DISPOSED' });
    await service.close();
    await closed;
    await expect(service.submit(judgeNano).answer).rejects.toMatchObject({ code: 'DISPOSED' });
  });

  it('reports loading and the judgment, and fails with what a listener throws', async () => {
    const { service } = fakeService();
    const events: ServiceEvent[] = [];
    await service.submit({ ...judgeNano, events: true }, (event) => events.push(event)).answer;
    expect(events.map((event) => (event.type === 'judge' ? event.event.type : event.type))).toEqual([
      'progress',
      'started',
      'chain',
      'finished',
    ]);
    const thrown = new Error('the listener fails');
    const job = service.submit({ ...judgeNano, events: true }, () => {
      throw thrown;
    });
    await expect(job.answer).rejects.toBe(thrown);
    await service.close();
  });

  it('holds models within the budget: idle ones make room, busy ones are waited for', async () => {
    const { service, loads } = fakeService({ memoryBudget: 2 * FAKE_BYTES }, { delayMs: 20 });
    const judgeBy = (model: string) => service.submit({ ...judgeNano, model: { model } }).answer;
    await judgeBy('a');
    await judgeBy('b');
    await judgeBy('a');
    expect(loads).toEqual(['a', 'b']);
    // c takes the place of b, which was used longest ago.
    await judgeBy('c');
    const { models } = await service.submit({ op: 'health' }).answer;
    expect(models.map(({ name }) => name).sort()).toEqual(['a', 'c']);
    await Promise.all(['d', 'e', 'f', 'g'].map(judgeBy));
    const { memory } = await service.submit({ op: 'statistics' }).answer;
    expect(memory).toEqual({ held: 2 * FAKE_BYTES, budget: 2 * FAKE_BYTES });
    await service.close();
  });

  it('refuses a model that the budget could never hold, before it is loaded', async () => {
    const { service, loads } = fakeService({ memoryBudget: FAKE_BYTES - 1 });
    await expect(service.submit(judgeNano).answer).rejects.toMatchObject({ code: 'OUT_OF_MEMORY' });
    expect(loads).toEqual([]);
    await service.close();
  });

  it('frees a model that is idle, or that is unloaded, once, and loads it again for the next job', async () => {
    const { service, generators } = fakeService({ unloadAfterMs: 20 });
    await service.submit(judgeNano).answer;
    while (generators[0]!.disposals === 0) await wait(5);
    await service.submit(judgeNano).answer;
    expect(generators.length).toBe(2);
    expect(await service.submit({ op: 'unload', model: { model: 'nano' } }).answer).toBe(true);
    expect(await service.submit({ op: 'unload', model: { model: 'nano' } }).answer).toBe(false);
    expect(generators.map(({ disposals }) => disposals)).toEqual([1, 1]);
    await service.close();
  });

  it('stops loading a model that nobody waits for, and loads anew after a failure', async () => {
    let tries = 0;
    const { service, loads } = fakeService({}, {}, async (signal) => {
      tries += 1;
      if (tries === 1) await wait(10_000, undefined, { signal });
      if (tries === 2) throw new PgenrmError('MODEL_UNUSABLE', 'the file is cut short');
    });
    const job = service.submit(judgeNano);
    await wait(10);
    job.cancel();
    await expect(job.answer).rejects.toMatchObject({ name: 'AbortError' });
    await expect(service.submit(judgeNano).answer).rejects.toMatchObject({ code: 'MODEL_UNUSABLE' });
    await service.submit(judgeNano).answer;
    expect({ tries, loads }).toEqual({ tries: 3, loads: ['nano'] });
    await service.close();
    await service.close();
  });

  it.each([
    [{ mostOpen: 0 }, /mostOpen must be an integer from 1/],
    [{ memoryBudget: -1 }, /memoryBudget must be a number from 1/],
    [{ unloadAfterMs: Number.NaN }, /unloadAfterMs must be a number from 0/],
  ])('refuses the limits %o', (limits, message) => {
    expect(() => fakeService(limits)).toThrow(message);
  });
});

describe('a judge over a service', () => {
  it('judges a stream in order, an item that fails among them', async () => {
    const { service } = fakeService();
    const judge = new Judge(service, { model: 'nano' });
    const items = [input, { ...input, candidates: ['one'] }, { ...input, id: 'third' }];
    const outcomes = await collect(judge.judgeMany(items, { seed: 3 }));
    expect(outcomes.map(({ index, error }) => [index, error?.code])).toEqual([
      [0, undefined],
      [1, 'INVALID_OPTION'],
      [2, undefined],
    ]);
    expect(outcomes[1]!.input).toBe(items[1]);
    await expect(collect(judge.judgeMany(items, { individual: 0 }))).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
    await judge.close();
  });

  it('ends with the reason of a signal, and with what a listener throws', async () => {
    const { service } = fakeService({}, { delayMs: 10_000 });
    const judge = new Judge(service, { model: 'nano' });
    const stop = new AbortController();
    const judging = judge.judge(input, { signal: stop.signal });
    const reason = new Error('enough');
    setTimeout(() => stop.abort(reason), 10);
    await expect(judging).rejects.toBe(reason);
    const thrown = new Error('the listener fails');
    const fails = judge.judge(input, {
      onEvent: () => {
        throw thrown;
      },
    });
    await expect(fails).rejects.toBe(thrown);
    await expect(judge.embed(['a'])).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await judge.close();
    await expect(judge.judge(input)).rejects.toMatchObject({ code: 'DISPOSED' });
  });
});
