// The public conformance suite on the package's own generators, and on generators that break a law.
import { describe, expect, it } from 'vitest';
import type { Generator } from '../../src/generator/generator.js';
import { loadNativeGenerator } from '../../src/generator/native/native-generator.js';
import { loadPortableGenerator } from '../../src/generator/portable/portable-generator.js';
import { loadNativeBinding } from '../../src/native/load.js';
import { generatorConformance } from '../../src/testing/conformance.js';
import { FakeGenerator, type FakeOptions } from '../../src/testing/fake-generator.js';
import { CLEAR } from '../support/greedy-texts.js';
import { randomModel } from '../support/random-model.js';

const NO_ADDON = loadNativeBinding().binding === null && process.env.PGENRM_REQUIRE_NATIVE !== '1';

function conforms(load: () => Promise<Generator>, skips: readonly string[] = []): void {
  it.each(generatorConformance(load).map((law) => [law.name, law] as const))('%s', async (name, law) => {
    const { skipped } = await law.run();
    if (skipped !== undefined) expect(skips, skipped).toContain(name);
  });
}

const options = async () => ({
  modelPath: await randomModel({ ...CLEAR, context: 1024 }),
  gpu: 'off' as const,
  threads: 1,
});
const ALL = ['refuses what it says it cannot do'];

describe.skipIf(NO_ADDON)('the native generator', () => {
  conforms(async () => loadNativeGenerator(await options()), ALL);
});

describe('the portable generator', () => {
  conforms(async () => loadPortableGenerator({ ...(await options()), maxSequences: 2 }), ALL);
});

describe('the fake generator', () => {
  conforms(async () => new FakeGenerator({ capabilities: { plans: true } }), ['holds a grammar']);
});

/** Laws that a generator breaks. */
async function broken(make: () => Generator): Promise<string[]> {
  const names: string[] = [];
  for (const { name, run } of generatorConformance(async () => make())) {
    await run().catch((error: Error) => {
      expect(error.message).toMatch(/^expected .*; got /s);
      names.push(name);
    });
  }
  return names;
}

describe('a generator that breaks a law', () => {
  it.each<[string, FakeOptions, string]>([
    [
      'draws without its seed',
      { script: () => `${Math.random()} `.repeat(9) },
      'repeats a text for its seed, alone and beside others, and draws others for others',
    ],
    [
      'writes one text for all seeds',
      { script: () => 'the same '.repeat(40) },
      'repeats a text for its seed, alone and beside others, and draws others for others',
    ],
    ['claims a grammar that it does not hold', { capabilities: { grammar: true } }, 'holds a grammar'],
    [
      'reads a choice as something else than a score',
      {
        capabilities: { plans: true },
        plans: { weigh: (_, texts) => texts.map((_, i) => (i === 0 ? Number.NaN : 1)) },
      },
      'follows a plan to its end, every part within its bounds',
    ],
    ['has no name for its engine', { info: { engine: '' } }, 'says what it is, as plain data'],
  ])('%s', async (_, fake, law) => {
    expect(await broken(() => new FakeGenerator(fake))).toContain(law);
  });

  it('drops what it cannot do, counts wrong, reads data as control tokens, forgets seeds, or answers after disposal', async () => {
    class Careless extends FakeGenerator {
      override async countTokens(prompt: Parameters<FakeGenerator['countTokens']>[0]): Promise<number> {
        return prompt
          .map(({ text }) => text)
          .join('')
          .replaceAll('<|end|>', '_').length;
      }

      override async generate(request: Parameters<FakeGenerator['generate']>[0]) {
        const { grammar: _, onSample: __, sampleSignals: ___, ...rest } = request;
        const generation = await super.generate(rest);
        return { ...generation, samples: [...generation.samples].reverse() };
      }
    }
    expect(await broken(() => new Careless())).toEqual(
      expect.arrayContaining([
        'answers every seed in order, within the bound on tokens, with counts that agree',
        'announces each sample once, as it ends',
        'keeps data that spells a control token as text',
        'rejects a request whose listener throws, and no other',
        'ends a sample whose own signal aborts, and writes the others',
        'rejects what runs and what comes after once it is disposed, twice safely',
        'refuses a signal too few',
        'refuses what it says it cannot do',
      ]),
    );
  });
});
