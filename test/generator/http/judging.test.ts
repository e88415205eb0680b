// A reward model on a real llama-server that has the bundled model: the same judgment as in this process.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageFile } from '../../../src/package.js';
import { RewardModel } from '../../../src/reward-model/reward-model.js';
import { NO_LLAMA_SERVER, type RunningServer, startLlamaServer } from '../../support/llama-server.js';

const INPUT = {
  user: {
    id: 'ada',
    history: [
      {
        context: [{ role: 'user' as const, content: 'How do I sharpen a knife?' }],
        chosen: 'Hold it at 20 degrees and draw it over the stone ten times a side.',
        rejected: 'Knives are wonderful tools with a long history, and there is much to say about them.',
      },
    ],
  },
  context: [{ role: 'user' as const, content: 'How do I clean a pan?' }],
  candidates: ['Warm water and salt; wipe it dry.', 'Cleaning is a journey, and every pan is different.'],
};

describe.skipIf(NO_LLAMA_SERVER !== null)(`judging on a llama-server (${NO_LLAMA_SERVER ?? 'built'})`, () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startLlamaServer(packageFile('models', 'nano.gguf'), { slots: 4, context: 16_384 });
  }, 60_000);
  afterAll(() => server?.[Symbol.asyncDispose]());

  it('takes metadata from the file, and writes the greedy chain that this process writes', async () => {
    await using there = await RewardModel.load({ urls: [server.url], model: 'nano' });
    await using here = await RewardModel.load({ gpu: 'off', threads: 1, contextTokens: 4096 });
    expect(there.template.name).toBe(here.template.name);
    expect(there.modelSha256).toBe(here.modelSha256);
    expect(there.generatorInfo).toMatchObject({ kind: 'http', engine: 'llama-server', contextTokens: 4096 });
    const options = { individual: 2, temperature: 0, maxTokens: 500 };
    const [one, other] = [await there.judge(INPUT, options), await here.judge(INPUT, options)];
    expect(one.status).toBe(other.status);
    expect(one.chains.map(({ text }) => text)).toEqual(other.chains.map(({ text }) => text));
    expect(one.tokens.prompt).toBe(other.tokens.prompt);
  }, 60_000);

  it('holds the grammar of part 2 from its trigger on', async () => {
    await using model = await RewardModel.load({ urls: [server.url], model: 'nano' });
    const { chains } = await model.judge(INPUT, { individual: 2, grammar: 'part2', maxTokens: 700 });
    expect(chains).toHaveLength(2);
    for (const { text } of chains) expect(text).toMatch(/<JSON_START>[\s\S]*\{/);
  }, 60_000);

  it('writes guided chains with the distributions that this process reads', async () => {
    await using there = await RewardModel.load({ urls: [server.url], model: 'nano' });
    await using here = await RewardModel.load({ gpu: 'off', threads: 1, contextTokens: 4096 });
    const options = {
      individual: 2,
      temperature: 0,
      decoding: 'guided',
      criteria: [{ name: 'Brevity' }],
    } as const;
    const [one, other] = [await there.judge(INPUT, options), await here.judge(INPUT, options)];
    expect(one.status).toBe('scored');
    expect(one.chains.map(({ text }) => text)).toEqual(other.chains.map(({ text }) => text));
    for (const [index, { reading }] of one.chains.entries())
      for (const [response, row] of (reading.distributions ?? []).entries())
        for (const [criterion, read] of row.entries())
          for (const [score, p] of read.entries())
            expect(p).toBeCloseTo(
              other.chains[index]!.reading.distributions![response]![criterion]![score]!,
              2,
            );
    expect(one.chains.every(({ reading }) => reading.distributions?.length === 2)).toBe(true);
  }, 60_000);

  it('refuses the file of another model, and what sizes an engine of this process', async () => {
    const another = packageFile('models', 'nano-embedder.gguf');
    await expect(RewardModel.load({ urls: [server.url], model: another })).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
    });
    for (const fixed of [
      { threads: 2 },
      { gpu: 'cuda' as const },
      { kvCells: 1024 },
      { generator: 'native' as const },
    ])
      await expect(RewardModel.load({ urls: [server.url], ...fixed })).rejects.toMatchObject({
        code: 'INVALID_OPTION',
      });
    await expect(RewardModel.load({ generator: 'http' })).rejects.toThrow(/urls/);
  });
});
