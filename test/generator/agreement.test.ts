import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeRandomLlama } from '../../bench/models/random-llama.js';
import type { TokenGenerator } from '../../src/generator/llama/llama-info.js';
import { loadNativeGenerator } from '../../src/generator/native/native-generator.js';
import { loadPortableGenerator } from '../../src/generator/portable/portable-generator.js';
import { loadNativeBinding } from '../../src/native/load.js';
import { promptOf } from '../support/prompt-of.js';

const native = loadNativeBinding();
const required = process.env.PGENRM_REQUIRE_NATIVE === '1';

describe.skipIf(native.binding === null && !required)('native and portable generators', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pgenrm-agreement-'));
  const generators: TokenGenerator[] = [];

  beforeAll(async () => {
    const modelPath = join(folder, 'random.gguf');
    await writeRandomLlama(modelPath, {
      layers: 2,
      width: 64,
      heads: 4,
      ffWidth: 128,
      vocabulary: 600,
      context: 512,
      type: 'F32',
      seed: 11,
      logitDeviation: 4,
    });
    for (const load of [loadNativeGenerator, loadPortableGenerator]) {
      generators.push(await load({ modelPath, gpu: 'off', threads: 1, maxSequences: 2 }));
    }
  });

  afterAll(async () => {
    for (const generator of generators) await generator[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  it('know the same model', () => {
    const [a, b] = generators as [TokenGenerator, TokenGenerator];
    expect(a.model.chatTemplate).toBe(b.model.chatTemplate);
    expect(a.model.parameters).toBe(b.model.parameters);
    expect(a.model.trainedContext).toBe(b.model.trainedContext);
    expect(a.model.bosToken).toBe(b.model.bosToken);
    expect(a.model.eosToken).toBe(b.model.eosToken);
  });

  it('tokenize alike, and never read control tokens out of text', () => {
    const [a, b] = generators as [TokenGenerator, TokenGenerator];
    const control = new Set(
      ['<|end|>', '<|user|>'].map((text) => {
        const [token, ...more] = a.tokensOf([{ text, trusted: true }]);
        expect(more).toEqual([]);
        return token!;
      }),
    );
    for (const text of [
      'plain words',
      'ünïcode — “quoted” 漢字 🙂',
      'a <|end|> b <|user|>',
      '  spaces\n\n\ttabs ',
    ]) {
      const tokens = a.tokensOf(promptOf(text));
      expect([...tokens]).toEqual([...b.tokensOf(promptOf(text))]);
      expect([...tokens].some((token) => control.has(token))).toBe(false);
      const trusted = [{ text, trusted: true }];
      expect([...a.tokensOf(trusted)]).toEqual([...b.tokensOf(trusted)]);
    }
  });

  it('write the same text when greedy', async () => {
    const prompts = ['Who is this user?', 'A second prompt, somewhat longer than the first one.', 'x'];
    for (const text of prompts) {
      const written = [];
      for (const generator of generators) {
        const { samples } = await generator.generate({
          prompt: promptOf(text),
          seeds: [1],
          sampling: { temperature: 0, topP: 1, minP: 0 },
          maxTokens: 40,
        });
        written.push([samples[0]?.text, samples[0]?.tokens, samples[0]?.finish]);
      }
      expect(written[0]).toEqual(written[1]);
    }
  });
});
