// Plans on the native generator, at its usual size and where nothing fits at once.
import { describe, expect, it } from 'vitest';
import { loadNativeGenerator } from '../../src/generator/native/native-generator.js';
import { loadNativeBinding } from '../../src/native/load.js';
import { judgmentPlan } from '../../src/testing/conformance-plans.js';
import { describePlans } from '../support/plan-suite.js';
import { promptOf } from '../support/prompt-of.js';
import { randomModel } from '../support/random-model.js';

const { binding } = loadNativeBinding();
const required = process.env.PGENRM_REQUIRE_NATIVE === '1';

describe.skipIf(binding === null && !required)('native plans', () => {
  describePlans('native', (modelPath) => loadNativeGenerator({ modelPath, gpu: 'off', threads: 2 }));

  it('are complete where samples are preempted, and the same as before', async () => {
    const modelPath = await randomModel({ vocabulary: 320 });
    const texts: string[][] = [];
    for (const sizes of [{}, { contextTokens: 640, maxSequences: 12, engine: { kvCells: 768 } }]) {
      const generator = await loadNativeGenerator({ modelPath, gpu: 'off', threads: 1, ...sizes });
      const { samples } = await generator.generatePlanned!({
        prompt: promptOf('A judge.\n'),
        seeds: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
        sampling: { temperature: 1, topP: 1, minP: 0 },
        plan: judgmentPlan(),
      });
      expect(samples.every(({ finish }) => finish === 'complete')).toBe(true);
      texts.push(samples.map(({ text }) => text));
      await generator[Symbol.asyncDispose]();
    }
    const same = texts[0]!.filter((text, index) => text === texts[1]![index]);
    expect(same.length).toBeGreaterThanOrEqual(8); // a batch's arithmetic may tip a draw
  });
});
