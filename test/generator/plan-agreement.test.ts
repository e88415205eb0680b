// Both generators read the same distributions, and those are the model's own.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TokenGenerator } from '../../src/generator/llama/llama-info.js';
import { loadNativeGenerator } from '../../src/generator/native/native-generator.js';
import type { Plan, PlannedGeneration } from '../../src/generator/plan.js';
import { loadPortableGenerator } from '../../src/generator/portable/portable-generator.js';
import { loadNativeBinding } from '../../src/native/load.js';
import { promptOf } from '../support/prompt-of.js';
import { randomModel } from '../support/random-model.js';

const { binding } = loadNativeBinding();
const required = process.env.PGENRM_REQUIRE_NATIVE === '1';
const TEXTS = Array.from({ length: 10 }, (_, index) => String(index + 1));

describe.skipIf(binding === null && !required)('native and portable plans', () => {
  const generators: TokenGenerator[] = [];
  beforeAll(async () => {
    const modelPath = await randomModel({ vocabulary: 600, seed: 11, logitDeviation: 3 });
    for (const load of [loadNativeGenerator, loadPortableGenerator]) {
      generators.push(await load({ modelPath, gpu: 'off', threads: 1, maxSequences: 4 }));
    }
  });
  afterAll(async () => {
    for (const generator of generators) await generator[Symbol.asyncDispose]();
  });

  const read = (generator: TokenGenerator, plan: Plan, temperature: number): Promise<PlannedGeneration> =>
    generator.generatePlanned!({
      prompt: promptOf('A judge.\n'),
      seeds: [5],
      sampling: { temperature, topP: 0.5, minP: 0.2 },
      plan,
    });

  it.each([
    ['whole', 1],
    ['whole', 0.6],
    ['branches', 1],
    ['whole', 0],
  ] as const)('read the same distribution: %s at temperature %s', async (weighing, temperature) => {
    const plan: Plan = {
      parts: [
        { kind: 'given', text: 'The score:' },
        { kind: 'choice', name: 'a', texts: TEXTS, terminator: '\n', mode: 'greedy', weighing },
        { kind: 'given', text: 'and then ' },
        {
          kind: 'choice',
          name: 'b',
          texts: ['there', 'the', 'then', 'nothing'],
          terminator: ';',
          mode: 'greedy',
          weighing,
        },
      ],
    };
    const [native, portable] = (await Promise.all(
      generators.map((generator) => read(generator, plan, temperature)),
    )) as [PlannedGeneration, PlannedGeneration];
    const [a, b] = [native.samples[0]!, portable.samples[0]!];
    expect(a.text).toBe(b.text);
    expect(a.tokens).toEqual(b.tokens);
    for (const [index, part] of a.parts.entries()) {
      for (const [text, p] of (part.probabilities ?? []).entries()) {
        expect(b.parts[index]!.probabilities![text]!).toBeCloseTo(p, 2); // kernels of attention differ
      }
    }
  });

  it('draw a choice with the same random number', async () => {
    const plan: Plan = { parts: [{ kind: 'choice', name: 'a', texts: TEXTS, terminator: '\n' }] };
    for (const generator of generators) expect((await read(generator, plan, 1)).samples).toHaveLength(1);
    const [native, portable] = await Promise.all(generators.map((generator) => read(generator, plan, 1)));
    expect(native!.samples[0]!.parts[0]!.chosen).toBe(portable!.samples[0]!.parts[0]!.chosen);
  });

  // Of two texts, each one token behind the same context: the ratio of how often the model draws them.
  it('weigh texts as the model draws them', async () => {
    const [native] = generators as [TokenGenerator];
    const plan: Plan = { parts: [{ kind: 'choice', name: 'a', texts: ['a', 'e'] }] };
    const { samples } = await read(native, plan, 1);
    const p = samples[0]!.parts[0]!.probabilities!;
    const drawn = await native.generate({
      prompt: promptOf('A judge.\n'),
      seeds: Array.from({ length: 3000 }, (_, index) => index),
      sampling: { temperature: 1, topP: 1, minP: 0 },
      maxTokens: 1,
      grammar: 'root ::= "a" | "e"',
    });
    const share = drawn.samples.filter(({ text }) => text === 'a').length / 3000;
    expect(Math.abs(share - p[0]!)).toBeLessThan(4 * Math.sqrt((p[0]! * p[1]!) / 3000) + 0.01);
  });
});
