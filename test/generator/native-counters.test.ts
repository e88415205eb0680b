import { describe, expect, it } from 'vitest';
import { readModelCost } from '../../src/cost/machine/model-cost.js';
import { loadNativeGenerator } from '../../src/generator/native/native-generator.js';
import { loadNativeBinding } from '../../src/native/load.js';
import { promptOf } from '../support/prompt-of.js';
import { randomModel, TINY } from '../support/random-model.js';

const MISSING = loadNativeBinding().binding === null && process.env.PGENRM_REQUIRE_NATIVE !== '1';

describe.skipIf(MISSING)('counters of the native generator', () => {
  it('counts rows, cells and times, and decodes a forgotten prompt again', async () => {
    await using generator = await loadNativeGenerator({
      modelPath: await randomModel(),
      gpu: 'off',
      threads: 1,
    });
    const prompt = generator.tokensOf(promptOf('a prompt that is long enough to be shared'));
    const generate = () =>
      generator.generateFrom(prompt, {
        seeds: [1, 2],
        sampling: { temperature: 1, topP: 1, minP: 0 },
        minTokens: 4,
        maxTokens: 4,
      });
    const decoded: number[] = [];
    for (const forgets of [false, false, true]) {
      if (forgets) generator.forget();
      decoded.push((await generate()).usage.decodedPromptTokens);
    }
    expect(decoded).toEqual([prompt.length, 1, prompt.length]);
    // The engine hands its counters out at the end of a step, after what the step ended.
    await expect.poll(() => generator.counters().generatedTokens).toBe(3 * 2 * 4);
    const { promptRows, sampleRows, rowCells, cellsRead, decodeMs, calls, ...rows } = generator.counters();
    expect(promptRows).toBe(2 * prompt.length + 1);
    // The last token of a sample is drawn and never decoded.
    expect(sampleRows).toBe(3 * 2 * 3);
    expect(rowCells).toBeGreaterThan(sampleRows * prompt.length);
    expect(decodeMs).toBeGreaterThan(0);
    // Each time the prompt in one call, then three for the two samples together.
    expect(calls).toBe(3 * 4);
    const { length } = prompt;
    expect(rows.promptAttended).toBe(length * (length + 1) + length);
    expect(rows.sampleAttended).toBe(3 * 2 * (3 * length + 6));
    // So few cells are read for each row by itself.
    const own = generator.info.details.kvCache.attention === 'pgenrm';
    expect(cellsRead).toBe(own ? rows.promptAttended + rows.sampleAttended : 0);
    // A long prompt is read once for the rows of four samples: once for each token that they write but the first and last.
    const long = generator.tokensOf(promptOf('a b c d e f g h '.repeat(40))).slice(0, 200);
    expect(long).toHaveLength(200);
    const counted = { seeds: [1, 2, 3, 4], sampling: { temperature: 1, topP: 1, minP: 0 }, minTokens: 4 };
    await generator.generateFrom(long, { ...counted, maxTokens: 4 });
    await expect.poll(() => generator.counters().generatedTokens).toBe(3 * 2 * 4 + 16);
    const before = generator.counters();
    await generator.generateFrom(long, { ...counted, maxTokens: 4 });
    await expect.poll(() => generator.counters().generatedTokens).toBe(3 * 2 * 4 + 32);
    const after = generator.counters();
    // The prompt's last row again, and three steps, of which each sample sees one, two and three tokens of its own.
    if (own) expect(after.cellsRead - before.cellsRead).toBe(200 + 3 * 200 + 4 * 6);
  });
});

describe('the counts of a model file', () => {
  it('counts its matrices', async () => {
    const { layers, width, ffWidth, vocabulary } = TINY;
    const cost = await readModelCost(await randomModel());
    // Queries and outputs are width x width, keys and values half of that with half the heads.
    const layer = 3 * width * width + 3 * width * ffWidth;
    expect(cost).toMatchObject({ layers, flopsPerToken: 2 * layers * layer });
    expect(cost.flopsPerOutput).toBe(2 * width * vocabulary);
    expect(cost.cellBytes).toBe(2 * layers * 2 * (width / 2));
    expect(cost.flopsPerAttended).toBe(2 * layers * 2 * width);
  });
});
