import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PgenrmError } from '../../src/errors.js';
import { nativeDetails } from '../../src/generator/native/native-info.js';
import { loadNativeBinding } from '../../src/native/load.js';
import { type LoadOptions, RewardModel } from '../../src/reward-model/reward-model.js';
import { temporaryFolder } from '../support/preference-file.js';

describe('RewardModel.load', () => {
  const bad: [string, object, RegExp][] = [
    [
      'an unknown generator',
      { generator: 'cloud' },
      /generator must be one of native, portable, http; got 'cloud'/,
    ],
    ['an unknown gpu', { gpu: 'tpu' }, /gpu must be one of auto/],
    ['a tiny context', { contextTokens: 5 }, /contextTokens must be an integer from 256/],
    ['no threads', { threads: 0 }, /threads must be an integer from 1 to 1024; got 0/],
    ['too many sequences', { maxSequences: 257 }, /maxSequences must be an integer from 1 to 256/],
    ['an unknown type', { engine: { kvType: 'f8' } }, /engine.kvType must be one of f16, q8_0; got 'f8'/],
    [
      'attention by half',
      { engine: { flashAttention: true } },
      /engine.flashAttention must be one of auto, on, off; got true/,
    ],
    [
      'a setting that there is not',
      { engine: { cells: 9 } },
      /engine has no cells; it has kvType, .*workers/,
    ],
    [
      'a setting beside the engine',
      { kvType: 'f16' },
      /kvType is a setting of the engine: write engine: { kvType }/,
    ],
    ['settings in a list', { engine: ['kvType'] }, /engine must be an object of kvType, .*; got an array/],
    ['half a cell', { engine: { kvCells: 512.5 } }, /engine.kvCells must be an integer from 64/],
  ];
  it.each(bad)('refuses %s before it looks for a model', async (_, options, message) => {
    const error = await RewardModel.load({ model: '/nowhere/x.gguf', ...options } as LoadOptions).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(PgenrmError);
    expect(error).toMatchObject({ code: 'INVALID_OPTION', message: expect.stringMatching(message) });
  });

  it('refuses an unknown template before it looks for a model', async () => {
    await expect(RewardModel.load({ model: '/nowhere/x.gguf', template: 'none' })).rejects.toMatchObject({
      code: 'TEMPLATE_INVALID',
    });
  });

  it('says that a model is not there, or is none', async () => {
    await expect(RewardModel.load({ model: '/nowhere/x.gguf' })).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
    });
    const path = join(await temporaryFolder(), 'x.gguf');
    await writeFile(path, 'GGUF, or so it says');
    await expect(RewardModel.load({ model: path })).rejects.toMatchObject({ code: 'MODEL_UNUSABLE' });
  });

  it('rejects with the reason of a signal that has aborted', async () => {
    const reason = new Error('not now');
    await expect(RewardModel.load({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

const missing = existsSync('models/nano.gguf') ? null : 'models/nano.gguf is missing';

describe.skipIf(missing !== null)(`the bundled model (${missing ?? 'there'})`, () => {
  const native = loadNativeBinding().binding !== null;
  it.skipIf(!native)('takes what is fixed of the engine', async () => {
    await using model = await RewardModel.load({
      gpu: 'off',
      contextTokens: 1024,
      maxSequences: 2,
      engine: { kvCells: 3072, kvType: 'f16', flashAttention: 'off', attention: 'llama.cpp', workers: 1 },
    });
    const { kvCache, scheduling } = nativeDetails(model.generatorInfo)!;
    expect(kvCache).toEqual({
      type: 'f16',
      flashAttention: 'off',
      attention: 'llama.cpp',
      cells: 3072,
    });
    expect(scheduling).toMatchObject({ workers: 1 });
  });

  it('refuses what is fixed of the engine where the portable generator would run', async () => {
    const fixed = {
      kvType: 'f16',
      flashAttention: 'off',
      attention: 'pgenrm',
      workers: 2,
    } as const;
    for (const [name, value] of Object.entries(fixed)) {
      await expect(
        RewardModel.load({ generator: 'portable', engine: { [name]: value } }),
      ).rejects.toMatchObject({
        code: 'INVALID_OPTION',
        message: expect.stringMatching(new RegExp(`^engine.${name} is for the native generator`)),
      });
    }
  });

  it('loads, judges, and stops within a step', async () => {
    const progress: string[] = [];
    await using model = await RewardModel.load({
      gpu: 'off',
      onProgress: ({ phase }) => progress.push(phase),
    });
    expect(model.modelSha256).toMatch(/^[0-9a-f]{64}$/);
    const input = { prompt: 'Name a colour.', candidates: ['Blue.', 'I like the colour blue a lot!'] };
    const options = { temperature: 0, maxTokens: 48, individual: 2 } as const;
    const { chains } = await model.judge(input, options);
    expect(chains).toHaveLength(2);
    expect(chains.every(({ text, tokens }) => text.length > 0 && tokens <= 48)).toBe(true);
    expect(progress).toContain('load');
    const controller = new AbortController();
    const reason = new Error('enough');
    const judging = model.judge(input, { individual: 8, maxTokens: 2000, signal: controller.signal });
    setTimeout(() => controller.abort(reason), 50);
    await expect(judging).rejects.toBe(reason);
  }, 120_000);
});
