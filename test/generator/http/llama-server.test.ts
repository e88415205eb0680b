// The HTTP generator on a real llama-server: the public laws, and the same texts' tokens as the portable generator's.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Generator } from '../../../src/generator/generator.js';
import { loadHttpGenerator } from '../../../src/generator/http/http-generator.js';
import { loadPortableGenerator } from '../../../src/generator/portable/portable-generator.js';
import { generatorConformance } from '../../../src/testing/conformance.js';
import { CLEAR } from '../../support/greedy-texts.js';
import { NO_LLAMA_SERVER, type RunningServer, startLlamaServer } from '../../support/llama-server.js';
import { randomModel } from '../../support/random-model.js';

const GREEDY = { temperature: 0, topP: 1, minP: 0 };

describe.skipIf(NO_LLAMA_SERVER !== null)(`a real llama-server (${NO_LLAMA_SERVER ?? 'built'})`, () => {
  let server: RunningServer;
  let model: string;
  const load = (more: object = {}): Promise<Generator> => loadHttpGenerator({ urls: [server.url], ...more });

  beforeAll(async () => {
    model = await randomModel({ ...CLEAR, context: 1024 });
    server = await startLlamaServer(model);
  }, 60_000);
  afterAll(() => server?.[Symbol.asyncDispose]());

  it.each(generatorConformance(() => load()).map((law) => [law.name, law] as const))(
    '%s',
    async (name, law) => {
      const { skipped } = await law.run();
      if (skipped !== undefined) expect(['refuses what it says it cannot do'], skipped).toContain(name);
    },
  );

  it('tokenizes and writes as the portable generator does', async () => {
    await using http = await load();
    await using portable = await loadPortableGenerator({
      modelPath: model,
      gpu: 'off',
      threads: 1,
      maxSequences: 1,
    });
    const { eosToken, bosToken } = portable.model;
    expect(http.model).toMatchObject({ eosToken, bosToken });
    const prompt = [
      { text: `${bosToken}Some words`, trusted: true },
      { text: ` and ${eosToken} as data. äöü 日本`, trusted: false },
      { text: `${eosToken}and on`, trusted: true },
    ];
    expect(await http.countTokens(prompt)).toBe(await portable.countTokens(prompt));
    const request = { prompt, seeds: [1], sampling: GREEDY, maxTokens: 12 };
    const [one, other] = [await http.generate(request), await portable.generate(request)];
    expect(one.samples[0]!.text).toBe(other.samples[0]!.text);
    expect(one.usage.promptTokens).toBe(other.usage.promptTokens);
  });

  it('names a model that the server does not have, and a context that is too long', async () => {
    await expect(load({ model: 'another' })).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    await expect(load({ contextTokens: 100_000 })).rejects.toThrow(/at most the 1024/);
  });

  it('writes a least number of tokens, streamed too, where no end comes before', async () => {
    await using http = await load();
    const prompt = [{ text: 'Once', trusted: false }];
    const sampling = { temperature: 1, topP: 1, minP: 0 };
    let told = '';
    const { samples } = await http.generate({
      prompt,
      seeds: [4],
      sampling,
      minTokens: 6,
      maxTokens: 12,
      onText: ({ text }) => (told += text),
    });
    expect(samples[0]!.tokens).toBeGreaterThanOrEqual(6);
    expect(told).toBe(samples[0]!.text);
    const both = { prompt, seeds: [4], sampling, minTokens: 6, maxTokens: 12, grammar: 'root ::= "a"' };
    await expect(http.generate(both)).rejects.toThrow(/minTokens.*grammar/);
  });

  it('takes the largest seed as a seed', async () => {
    await using http = await load();
    const request = {
      prompt: [{ text: 'Once', trusted: false }],
      seeds: [2 ** 32 - 1],
      sampling: { temperature: 1, topP: 1, minP: 0 },
      maxTokens: 12,
    };
    const [one, other] = [await http.generate(request), await http.generate(request)];
    expect(one.samples[0]!.text).toBe(other.samples[0]!.text);
  });
});
