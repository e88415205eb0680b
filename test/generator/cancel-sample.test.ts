import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GenerationRequest, Generator, Sample } from '../../src/generator/generator.js';
import { chooseLlama } from '../../src/generator/llama/llama-library.js';
import { EngineHandle } from '../../src/generator/native/native-engine.js';
import { loadNativeGenerator } from '../../src/generator/native/native-generator.js';
import { openLibrary, requireBinding } from '../../src/generator/native/native-library.js';
import { loadPortableGenerator } from '../../src/generator/portable/portable-generator.js';
import { loadNativeBinding } from '../../src/native/load.js';
import { promptOf } from '../support/prompt-of.js';
import { randomModel } from '../support/random-model.js';

const MISSING = loadNativeBinding().binding === null && process.env.PGENRM_REQUIRE_NATIVE !== '1';
if (MISSING) console.warn('samples cancelled on the native generator are skipped: there is no addon');
const modelPath = fileURLToPath(new URL('../../models/nano.gguf', import.meta.url));
// No more rows than are multiplied one by one: so that what runs beside a sample changes its arithmetic little.
const options = {
  modelPath,
  gpu: 'off',
  threads: 1,
  maxSequences: 3,
  contextTokens: 1024,
} as const;

/** Characters that samples have alike, far more than are written when others are cancelled. */
const ALIKE = 200;

describe.each([
  // Written so long that a signal of this thread comes before the end.
  { kind: 'native', load: loadNativeGenerator, missing: MISSING, maxTokens: 400 },
  { kind: 'portable', load: loadPortableGenerator, missing: false, maxTokens: 60 },
])('one sample cancelled on the $kind generator', ({ load, missing, maxTokens }) => {
  describe.skipIf(missing)('with the bundled model', () => {
    let generator: Generator;
    let request: GenerationRequest;

    beforeAll(async () => {
      generator = await load(options);
      request = {
        prompt: promptOf('Likes lists and numbered steps. How do I clean a pan?'),
        seeds: [1, 2, 3, 4, 5],
        sampling: { temperature: 1, topP: 1, minP: 0 },
        maxTokens,
        minTokens: maxTokens,
      };
    });

    afterAll(async () => {
      await generator?.[Symbol.asyncDispose]();
    });

    it('ends with its text so far, the others as without it', async () => {
      const whole = await generator.generate(request);
      const controllers = request.seeds.map(() => new AbortController());
      controllers[3]!.abort();
      const ended: Sample[] = [];
      let streamed = '';
      const { samples, usage } = await generator.generate({
        ...request,
        sampleSignals: controllers.map(({ signal }) => signal),
        onText: ({ index, tokens, text }) => {
          if (index !== 1) return;
          streamed += text;
          // The last one waits for its turn, three run at once: it is cancelled first, before it takes another's place.
          if (tokens > 3) for (const at of [4, 1]) controllers[at]!.abort();
        },
        onSample: (sample) => ended.push(sample),
      });
      const finishes = samples.map(({ finish }) => finish);
      expect(finishes).toEqual(['length', 'cancelled', 'length', 'cancelled', 'cancelled']);
      // Much later the last bit of a sum, which depends on who is in the batch, may turn a draw.
      for (const index of [0, 2])
        expect(samples[index]!.text.slice(0, ALIKE)).toBe(whole.samples[index]!.text.slice(0, ALIKE));
      const cut = samples[1]!;
      expect(cut.tokens).toBeGreaterThan(3);
      expect(cut.tokens).toBeLessThan(maxTokens);
      expect(cut.text).toBe(streamed);
      expect(whole.samples[1]!.text.startsWith(cut.text)).toBe(true);
      expect(samples[4]).toMatchObject({ text: '', tokens: 0 });
      expect(samples[3]!.tokens).toBeLessThan(maxTokens);
      expect(ended.map(({ index }) => index).sort()).toEqual([0, 1, 2, 3, 4]);
      expect(usage.generatedTokens).toBe(samples.reduce((sum, { tokens }) => sum + tokens, 0));
    });

    it('is answered where none is left, and a signal that comes late changes nothing', async () => {
      const controller = new AbortController();
      const one = { ...request, maxTokens: 8, minTokens: 8 };
      const sampleSignals = request.seeds.map(() => controller.signal);
      const done = await generator.generate({ ...one, sampleSignals });
      expect(done.samples.map(({ finish }) => finish)).toEqual(request.seeds.map(() => 'length'));
      controller.abort();
      const none = await generator.generate({ ...request, sampleSignals });
      expect(none.samples.map(({ finish }) => finish)).toEqual(request.seeds.map(() => 'cancelled'));
      const after = await generator.generate(one);
      expect(after.samples.map(({ text }) => text)).toEqual(done.samples.map(({ text }) => text));
    });

    it('ends the request where its own signal aborts, or a listener throws at a cancelled sample', async () => {
      const whole = new AbortController();
      const one = new AbortController();
      const aborted = generator.generate({
        ...request,
        signal: whole.signal,
        sampleSignals: [one.signal, ...request.seeds.slice(1).map(() => undefined)],
        onSample: () => whole.abort(new Error('enough')),
      });
      one.abort();
      await expect(aborted).rejects.toThrow('enough');
      const broken = generator.generate({
        ...request,
        sampleSignals: request.seeds.map((_, index) => (index === 4 ? one.signal : undefined)),
        onSample: () => {
          throw new Error('listener');
        },
      });
      await expect(broken).rejects.toThrow('listener');
    });

    it('needs a signal, or none, for each seed', async () => {
      await expect(generator.generate({ ...request, sampleSignals: [] })).rejects.toMatchObject({
        code: 'INVALID_OPTION',
      });
    });
  });
});

it.skipIf(MISSING)('the addon takes no index that could stand for another one', async () => {
  const binding = requireBinding();
  const { library } = openLibrary(binding, await chooseLlama('off'));
  const engine = await EngineHandle.load(
    binding,
    {
      library,
      modelPath: await randomModel(),
      gpuLayers: 0,
      mapsWeights: true,
      cells: 256,
      sequences: 2,
      batch: 32,
      threads: 1,
      kvQ8_0: false,
      flashAttention: -1,
      attentionKernel: false,
      generates: true,
      embeddingTokens: 32,
      pooling: -1,
      maxRunning: 1,
      prefillChunk: 32,
      maxUnfinished: 1,
      workers: 1,
      maxIdleCells: 0,
      reportsSteps: false,
    },
    {},
  );
  for (const index of [0.5, 2 ** 32, Number.NaN]) {
    expect(() => engine.native.cancel(1, index)).toThrow(/whole number/);
  }
  expect(() => engine.native.cancel(1, '0' as unknown as number)).toThrow(/must be a number/);
  const request = { tokens: Int32Array.of(1, 2, 3), seeds: [1, 2], maxTokens: 4 };
  const running = engine.generate({ ...request, sampling: { temperature: 1, topP: 1, minP: 0 } });
  // Samples and requests that are not there.
  for (const index of [-1, 2, 2 ** 31 - 1]) engine.native.cancel(1, index);
  engine.native.cancel(99, 0);
  expect((await running).samples.map(({ finish }) => finish)).not.toContain('cancelled');
  await engine.dispose();
  expect(() => engine.native.cancel(1, 0)).not.toThrow();
});
