import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeRandomLlama } from '../../bench/models/random-llama.js';
import type { GenerationRequest } from '../../src/generator/generator.js';
import { loadNativeGenerator } from '../../src/generator/native/native-generator.js';
import type { NativeGenerator, StepStatistics } from '../../src/generator/native/native-info.js';
import { loadNativeBinding } from '../../src/native/load.js';
import { promptOf } from '../support/prompt-of.js';

const native = loadNativeBinding();
const required = process.env.PGENRM_REQUIRE_NATIVE === '1';
if (native.binding === null)
  console.warn(`native generator tests ${required ? 'fail' : 'are skipped'}: ${native.reason}`);

/** A few letters from the middle of a text whose bytes need not be UTF-8. */
function plainPart(text: string): string {
  const part = /[a-z]{3}/.exec(text.slice(4))?.[0];
  expect(part).toBeDefined();
  return part as string;
}

describe.skipIf(native.binding === null && !required)('native generator', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pgenrm-native-'));
  const modelPath = join(folder, 'random.gguf');
  let generator: NativeGenerator;

  beforeAll(async () => {
    await writeRandomLlama(modelPath, {
      layers: 2,
      width: 64,
      heads: 4,
      kvHeads: 2,
      ffWidth: 128,
      vocabulary: 600,
      context: 512,
      type: 'F32',
      seed: 7,
    });
    generator = await loadNativeGenerator({ modelPath, gpu: 'off', threads: 1, maxSequences: 8 });
  });

  afterAll(async () => {
    await generator?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const ask = (overrides: Partial<GenerationRequest> = {}): GenerationRequest => ({
    prompt: promptOf('The history of one user, and then a query.'),
    seeds: [1],
    sampling: { temperature: 1, topP: 1, minP: 0 },
    maxTokens: 24,
    ...overrides,
  });
  const texts = async (request: GenerationRequest): Promise<string[]> =>
    (await generator.generate(request)).samples.map((sample) => sample.text);

  it('knows its model', () => {
    expect(generator.info).toMatchObject({ kind: 'native', backend: 'cpu', contextTokens: 512 });
    expect(generator.info).toMatchObject({ engine: 'llama.cpp', samplesAtOnce: 8, details: { threads: 1 } });
    expect(generator.model.name).toBe(modelPath);
    expect(generator.model.trainedContext).toBe(512);
    expect(generator.model.chatTemplate).toContain('message');
    expect(generator.model.metadata.get('general.architecture')).toBe('llama');
    expect(generator.model.eosToken).toBe('<|end|>');
  });

  it('answers every seed in order, with counts and times', async () => {
    const seen: number[] = [];
    const { samples, usage } = await generator.generate(
      ask({ seeds: [5, 6, 7, 8, 9], onSample: (sample) => seen.push(sample.index) }),
    );
    expect(samples.map((sample) => sample.seed)).toEqual([5, 6, 7, 8, 9]);
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4]);
    expect(usage.generatedTokens).toBe(samples.reduce((sum, sample) => sum + sample.tokens, 0));
    expect(usage.promptTokens).toBe(generator.tokensOf(ask().prompt).length);
    expect(usage.totalMs).toBeGreaterThanOrEqual(usage.prefillMs);
    for (const sample of samples) expect(sample.tokens).toBeLessThanOrEqual(24);
  });

  it('gives the same text for the same seed, whatever else is in flight', async () => {
    const [alone] = await texts(ask({ seeds: [42] }));
    const [again] = await texts(ask({ seeds: [42] }));
    const crowd = await texts(ask({ seeds: [40, 41, 42, 43] }));
    expect(again).toBe(alone);
    expect(crowd[2]).toBe(alone);
    expect(new Set(crowd).size).toBeGreaterThan(1);
  });

  it('is greedy at temperature 0, whatever the seed', async () => {
    const sampling = { temperature: 0, topP: 1, minP: 0 };
    const all = await texts(ask({ seeds: [1, 2, 3], sampling }));
    expect(new Set(all).size).toBe(1);
  });

  it('shares the prefixes of prompts and decodes each once', async () => {
    const head = 'A long shared history that both of these prompts begin with, word for word. ';
    const first = await generator.generate(ask({ prompt: promptOf(`${head}First query?`) }));
    const second = await generator.generate(ask({ prompt: promptOf(`${head}Second query?`) }));
    const repeat = await generator.generate(ask({ prompt: promptOf(`${head}Second query?`) }));
    expect(first.usage.decodedPromptTokens).toBe(first.usage.promptTokens);
    expect(second.usage.decodedPromptTokens).toBeLessThan(second.usage.promptTokens / 2);
    expect(repeat.usage.decodedPromptTokens).toBe(1);
  });

  it('ends a sample before a stop string', async () => {
    const sampling = { temperature: 0, topP: 1, minP: 0 };
    const [whole] = (await texts(ask({ sampling }))) as [string];
    const stop = plainPart(whole);
    const { samples } = await generator.generate(ask({ sampling, stop: ['never there', stop] }));
    expect(samples[0]?.finish).toBe('stop');
    expect(samples[0]?.text).toBe(whole.slice(0, whole.indexOf(stop)));
  });

  it('serves more samples than run at once', async () => {
    const seeds = Array.from({ length: 40 }, (_, index) => index);
    const { samples } = await generator.generate(ask({ seeds, maxTokens: 4 }));
    expect(samples).toHaveLength(40);
  });

  it('follows a grammar from the start and from a trigger on', async () => {
    const yes = await texts(ask({ seeds: [1, 2, 3], grammar: 'root ::= "yes" | "no"' }));
    for (const text of yes) expect(['yes', 'no']).toContain(text);
    await expect(generator.generate(ask({ grammar: 'root ::= (' }))).rejects.toMatchObject({
      code: 'GRAMMAR_INVALID',
    });
    const sampling = { temperature: 0, topP: 1, minP: 0 };
    const [free] = (await texts(ask({ sampling }))) as [string];
    const trigger = plainPart(free);
    const [held] = (await texts(
      ask({ sampling, grammar: 'root ::= [a-c]+ "!"', grammarTrigger: trigger, maxTokens: 60 }),
    )) as [string];
    expect(held.slice(held.indexOf(trigger) + trigger.length)).toMatch(/^[a-c]*!?$/);
  });

  it('stops when aborted, before and while it runs', async () => {
    const before = AbortSignal.abort(new Error('never mind'));
    await expect(generator.generate(ask({ signal: before }))).rejects.toThrow('never mind');
    const controller = new AbortController();
    const running = generator.generate(ask({ seeds: [1, 2, 3], maxTokens: 400, signal: controller.signal }));
    setTimeout(() => controller.abort(new Error('enough')), 5);
    await expect(running).rejects.toThrow('enough');
    await expect(texts(ask())).resolves.toHaveLength(1);
  });

  it('ends a request whose listener throws, and no other', async () => {
    const bystander = texts(ask({ seeds: [9], maxTokens: 100 }));
    const onSample = (): void => {
      throw new Error('listener');
    };
    await expect(generator.generate(ask({ seeds: [1, 2], onSample }))).rejects.toThrow('listener');
    await expect(bystander).resolves.toHaveLength(1);
  });

  it('names what is out of range', async () => {
    await expect(generator.generate(ask({ maxTokens: 600 }))).rejects.toMatchObject({
      code: 'CONTEXT_OVERFLOW',
    });
    await expect(generator.generate(ask({ seeds: [] }))).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(generator.generateFrom(Int32Array.of(600), ask())).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
  });

  it('reports its steps when asked', async () => {
    const seen: StepStatistics[] = [];
    const options = {
      modelPath,
      gpu: 'off',
      threads: 1,
      onStep: (step: StepStatistics) => seen.push(step),
    } as const;
    const watched = await loadNativeGenerator(options);
    const { usage } = await watched.generate(ask({ seeds: [1, 2, 3], maxTokens: 200 }));
    await watched[Symbol.asyncDispose]();
    expect(seen.length).toBeGreaterThan(0);
    for (const step of seen) {
      expect(step.running).toBeLessThanOrEqual(3);
      expect(step.decodeRows + step.prefillRows).toBeGreaterThan(0);
      expect(step.generatedTokens).toBeLessThanOrEqual(usage.generatedTokens);
      expect(Number.isFinite(step.generatedTokensPerSecond)).toBe(true);
    }
  });

  it('rejects what runs when it is disposed, and disposes twice', async () => {
    const other = await loadNativeGenerator({ modelPath, gpu: 'off', threads: 1 });
    const running = other.generate(ask({ seeds: [1, 2, 3, 4], maxTokens: 400 }));
    const outcome = expect(running).rejects.toMatchObject({ code: 'DISPOSED' });
    await Promise.all([other[Symbol.asyncDispose](), other[Symbol.asyncDispose]()]);
    await outcome;
    await expect(other.generate(ask())).rejects.toMatchObject({ code: 'DISPOSED' });
    await expect(other.countTokens(promptOf('x'))).rejects.toMatchObject({ code: 'DISPOSED' });
    expect(() => other.tokensOf(promptOf('x'))).toThrow(/disposed/);
  });
});
