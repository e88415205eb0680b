// What a loaded model takes of the machine's memory, as Linux counts it.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadNativeGenerator } from '../../src/generator/native/native-generator.js';
import { loadNativeBinding } from '../../src/native/load.js';
import { promptOf } from '../support/prompt-of.js';
import { randomModel } from '../support/random-model.js';

const { binding } = loadNativeBinding();
const MISSING =
  process.platform !== 'linux' || (binding === null && process.env.PGENRM_REQUIRE_NATIVE !== '1');

function residentBytes(): number {
  return 1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
}

const isMapped = (path: string) => readFileSync('/proc/self/maps', 'utf8').includes(path);

describe.skipIf(MISSING)('the memory of the native engine', () => {
  it.skipIf(binding?.attentionKernel === null)('takes KV cells once they are written', async () => {
    const modelPath = await randomModel({ context: 4096, layers: 4, width: 256 });
    const options = { modelPath, gpu: 'off', threads: 1, contextTokens: 4096, maxSequences: 8 } as const;
    // The first load brings libraries with it.
    await (await loadNativeGenerator(options))[Symbol.asyncDispose]();
    const before = residentBytes();
    await using generator = await loadNativeGenerator({ ...options, engine: { kvCells: 100_096 } });
    const cellBytes = 4 * 2 * (256 / 2) * 2;
    expect(generator.info.details.kvCache.cells).toBe(100_096);
    expect(residentBytes() - before).toBeLessThan((100_096 * cellBytes) / 2);
    const read = residentBytes();
    const prompt = generator.tokensOf(promptOf('word '.repeat(1000))).slice(0, 3000);
    const sampling = { temperature: 1, topP: 1, minP: 0 };
    const { samples } = await generator.generateFrom(prompt, { seeds: [1], sampling, maxTokens: 4 });
    expect(samples).toHaveLength(1);
    // Zeros were given back, and what was written stays.
    expect(residentBytes() - read).toBeGreaterThan((3000 * cellBytes) / 2);
  });

  it('maps a file whose weights are used as they are, and keeps none of one whose weights are not', async () => {
    const load = (modelPath: string) =>
      loadNativeGenerator({ modelPath, gpu: 'off', threads: 1, contextTokens: 64, maxSequences: 2 });
    const plain = await randomModel({ type: 'F32' });
    await using first = await load(plain);
    expect(first.info.choices.join()).not.toContain('not mapped');
    expect(isMapped(plain)).toBe(true);
    const copied = await randomModel({ type: 'Q8_0', width: 256, ffWidth: 256 });
    await using second = await load(copied);
    expect(isMapped(copied)).toBe(!second.info.choices.join().includes('not mapped'));
  });
});
