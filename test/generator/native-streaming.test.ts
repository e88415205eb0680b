import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GenerationRequest, Generator, TextPiece } from '../../src/generator/generator.js';
import { loadNativeGenerator } from '../../src/generator/native/native-generator.js';
import type { StepStatistics } from '../../src/generator/native/native-info.js';
import { loadNativeBinding } from '../../src/native/load.js';
import type { EngineOptions } from '../../src/options/engine-options.js';
import { promptOf } from '../support/prompt-of.js';
import { randomModel } from '../support/random-model.js';

const native = loadNativeBinding();
const required = process.env.PGENRM_REQUIRE_NATIVE === '1';
const GREEDY = { temperature: 0, topP: 1, minP: 0 };

function joined(pieces: readonly TextPiece[], samples: number): string[] {
  const texts = Array.from({ length: samples }, () => '');
  for (const { index, text } of pieces) texts[index] += text;
  return texts;
}

describe.skipIf(native.binding === null && !required)('text that is reported as it is written', () => {
  let generator: Generator;
  const steps: StepStatistics[] = [];

  beforeAll(async () => {
    generator = await loadNativeGenerator({
      modelPath: await randomModel(),
      gpu: 'off',
      threads: 1,
      maxSequences: 4,
      onStep: (step) => steps.push(step),
    });
  });

  afterAll(async () => {
    await generator?.[Symbol.asyncDispose]();
  });

  const ask = (changes: Partial<GenerationRequest> = {}): GenerationRequest => ({
    prompt: promptOf('Some words of one user, to begin with.'),
    seeds: [1, 2, 3, 4, 5, 6],
    sampling: { temperature: 1, topP: 1, minP: 0 },
    maxTokens: 40,
    ...changes,
  });

  it('is the text of each sample, piece by piece, and ends before the sample does', async () => {
    const pieces: TextPiece[] = [];
    const ended = new Set<number>();
    const { samples } = await generator.generate(
      ask({
        onText: (piece) => {
          expect(ended.has(piece.index)).toBe(false);
          expect(piece.text).not.toBe('');
          pieces.push(piece);
        },
        onSample: ({ index }) => ended.add(index),
      }),
    );
    expect(joined(pieces, 6)).toEqual(samples.map(({ text }) => text));
    for (const { index, tokens } of samples) {
      const counts = pieces.filter((piece) => piece.index === index).map((piece) => piece.tokens);
      expect(counts).toEqual([...counts].sort((a, b) => a - b));
      expect(counts.at(-1)).toBeLessThanOrEqual(tokens);
    }
  });

  it('never holds what a stop string takes back', async () => {
    const { samples } = await generator.generate(ask({ seeds: [1] }));
    const { text } = samples[0]!;
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length - 1), fc.integer({ min: 1, max: 6 }), async (from, length) => {
        const stop = [text.slice(from, from + length)];
        const pieces: TextPiece[] = [];
        const stopped = await generator.generate(
          ask({ seeds: [1], stop, onText: (piece) => pieces.push(piece) }),
        );
        expect(joined(pieces, 1)[0]).toBe(stopped.samples[0]!.text);
      }),
      { numRuns: 30 },
    );
  });

  it('gathers while JavaScript is busy, each sample’s pieces in one, and keeps only the newest step', async () => {
    const pieces: TextPiece[] = [];
    steps.length = 0;
    const { samples, usage } = await generator.generate(
      ask({
        maxTokens: 400,
        minTokens: 400,
        onText: (piece) => {
          pieces.push(piece);
          const until = performance.now() + 50;
          while (performance.now() < until);
        },
      }),
    );
    expect(usage.generatedTokens).toBe(2400);
    expect(joined(pieces, 6)).toEqual(samples.map(({ text }) => text));
    expect(pieces.length).toBeLessThan(usage.generatedTokens / 2);
    expect(steps.length).toBeLessThanOrEqual(pieces.length + samples.length + 2);
  });

  it('ends the request whose listener throws, and no other', async () => {
    const bystander = generator.generate(ask({ seeds: [9] }));
    const onText = (): void => {
      throw new Error('listener');
    };
    await expect(generator.generate(ask({ onText }))).rejects.toThrow('listener');
    await expect(bystander).resolves.toMatchObject({ samples: [{ index: 0 }] });
  });

  it('draws no ending token before the least number of tokens, and the same text up to there', async () => {
    // One sample at a time: batches of other sizes round otherwise.
    let ended = 0;
    for (let seed = 0; seed < 12; seed++) {
      const one = ask({ seeds: [seed], maxTokens: 120 });
      await generator.generate({ ...one, maxTokens: 1 });
      const [free] = (await generator.generate(one)).samples;
      const [long] = (await generator.generate({ ...one, minTokens: 120 })).samples;
      expect(long).toMatchObject({ tokens: 120, finish: 'length' });
      if (free!.finish === 'endOfGeneration') ended++;
      expect(long!.text.startsWith(free!.text.replace(/\ufffd+$/, ''))).toBe(true);
    }
    expect(ended).toBeGreaterThan(0);
  });

  it('ends where a grammar allows nothing but the end, whatever the least number of tokens', async () => {
    const repeated = await generator.generate(ask({ grammar: 'root ::= "a"*', minTokens: 40 }));
    for (const sample of repeated.samples) expect(sample).toMatchObject({ tokens: 40, finish: 'length' });
    const held = await generator.generate(ask({ grammar: 'root ::= "yes" | "no"', minTokens: 40 }));
    for (const { text } of held.samples) expect(['yes', 'no']).toContain(text);
  });

  it.each([-1, 1.5, 41])('refuses %s as the least number of tokens', async (minTokens) => {
    await expect(generator.generate(ask({ minTokens }))).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('minTokens'),
    });
  });
});

describe.skipIf(native.binding === null && !required)('the ways to keep keys and values', () => {
  it.each([
    { attention: 'llama.cpp', flashAttention: 'on' },
    { flashAttention: 'on' },
    { flashAttention: 'off' },
    { kvType: 'q8_0', flashAttention: 'on' },
  ] as const)('give the same greedy texts and share prefixes: %j', async (ways) => {
    const modelPath = await randomModel({ width: 128, ffWidth: 256, logitDeviation: 6 });
    const texts: string[][] = [];
    for (const engine of [{}, ways]) {
      const generator = await loadNativeGenerator({
        modelPath,
        gpu: 'off',
        threads: 1,
        maxSequences: 3,
        contextTokens: 400,
        engine,
      });
      const head = 'A long shared history that all prompts begin with, word for word, of one user. ';
      const requests = ['First query?', 'Second query?', 'Third query?'].map((end) =>
        generator.generate({
          prompt: promptOf(head + end),
          seeds: [1, 2],
          sampling: GREEDY,
          maxTokens: 12,
        }),
      );
      const generations = await Promise.all(requests);
      texts.push(generations.flatMap(({ samples }) => samples.map(({ text }) => text)));
      const [first, ...others] = generations.map(({ usage }) => usage);
      expect(first!.decodedPromptTokens).toBe(first!.promptTokens);
      for (const usage of others) expect(usage.decodedPromptTokens).toBeLessThan(usage.promptTokens / 2);
      const { kvType = 'f16', flashAttention = 'auto' }: EngineOptions = engine;
      expect(generator.info.details.kvCache).toMatchObject({ type: kvType, flashAttention });
      await generator[Symbol.asyncDispose]();
    }
    expect(texts[1]).toEqual(texts[0]);
  });
});
