import { describe, expect, it } from 'vitest';
import type { Generation, Generator } from '../../src/generator/generator.js';
import { loadNativeGenerator } from '../../src/generator/native/native-generator.js';
import type { StepStatistics } from '../../src/generator/native/native-info.js';
import { loadNativeBinding } from '../../src/native/load.js';
import { promptOf } from '../support/prompt-of.js';
import { randomModel } from '../support/random-model.js';

const MISSING = loadNativeBinding().binding === null && process.env.PGENRM_REQUIRE_NATIVE !== '1';
const REQUESTS = 36;

async function load(workers: number, onStep?: (statistics: StepStatistics) => void) {
  return loadNativeGenerator({
    modelPath: await randomModel(),
    gpu: 'off',
    threads: 2,
    contextTokens: 256,
    engine: { workers },
    ...(onStep === undefined ? {} : { onStep }),
  });
}

/** Requests of four users with one to three greedy samples each, all at once. */
function generateAll(generator: Generator, signals: readonly (AbortSignal | undefined)[] = []) {
  return Array.from({ length: REQUESTS }, (_, i): Promise<Generation> => {
    const user = `the history of user ${i % 4}, who likes what ${'abcd'[i % 4]?.repeat(40)} likes`;
    const signal = signals[i];
    return generator.generate({
      prompt: promptOf(`${user}: query ${i}`),
      seeds: Array.from({ length: 1 + (i % 3) }, (_, sample) => sample),
      sampling: { temperature: 0, topP: 1, minP: 0 },
      maxTokens: 12,
      ...(signal === undefined ? {} : { signal }),
    });
  });
}

const textsOf = (generations: readonly Generation[]) =>
  generations.map(({ samples }) => samples.map(({ text }) => text));

describe.skipIf(MISSING)('workers of the native engine', () => {
  it('write the texts that one writes, and count together', async () => {
    await using one = await load(1);
    const expected = textsOf(await Promise.all(generateAll(one)));
    let steps = 0;
    await using two = await load(2, (statistics) => {
      steps = statistics.steps;
    });
    expect(two.info.details.scheduling).toMatchObject({ workers: 2 });
    expect(one.info.details.scheduling).toMatchObject({ workers: 1 });
    const generations = await Promise.all(generateAll(two));
    expect(textsOf(generations)).toEqual(expected);
    const sum = (of: (usage: Generation['usage']) => number) =>
      generations.reduce((total, { usage }) => total + of(usage), 0);
    await expect
      .poll(() => two.counters!()!)
      .toMatchObject({
        generatedTokens: sum(({ generatedTokens }) => generatedTokens),
        promptRows: sum(({ decodedPromptTokens }) => decodedPromptTokens),
      });
    expect(steps).toBeGreaterThan(0);
    // Users share prefixes, whichever worker has them.
    expect(sum(({ decodedPromptTokens }) => decodedPromptTokens)).toBeLessThan(
      0.8 * sum(({ promptTokens }) => promptTokens),
    );
  });

  it('end what is cancelled, taken up or not, and nothing else', async () => {
    await using two = await load(2);
    const expected = textsOf(await Promise.all(generateAll(two)));
    const reason = new Error('no longer wanted');
    const controllers = Array.from({ length: REQUESTS }, (_, i) =>
      i % 5 === 0 ? new AbortController() : undefined,
    );
    const pending = generateAll(
      two,
      controllers.map((controller) => controller?.signal),
    );
    for (const controller of controllers) controller?.abort(reason);
    const settled = await Promise.allSettled(pending);
    for (const [i, outcome] of settled.entries()) {
      if (outcome.status === 'rejected') {
        expect(i % 5).toBe(0);
        expect(outcome.reason).toBe(reason);
      } else {
        expect(outcome.value.samples.map(({ text }) => text)).toEqual(expected[i]);
      }
    }
    expect(settled.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(0);
  });
});
