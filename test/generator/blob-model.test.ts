import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readBlobFacts, specialTexts, textModelInfo } from '../../src/generator/browser/blob-model.js';
import { loadBrowserGenerator } from '../../src/generator/browser/browser-generator.js';
import { checkSize } from '../../src/generator/browser/wllama-engine.js';
import { readModelFacts } from '../../src/model-file/read-model-facts.js';

const nano = new Blob([readFileSync('models/nano.gguf')]);

describe('a model of blobs', () => {
  it('says of a model what its file says', async () => {
    const facts = await readBlobFacts('nano.gguf', [nano]);
    const { path: _, parts: __, ...ofFile } = await readModelFacts('models/nano.gguf');
    expect(facts).toMatchObject(ofFile);
    expect(textModelInfo('nano.gguf', facts)).toMatchObject({
      description: 'llama 3.5M',
      trainedContext: 4096,
    });
    expect(specialTexts(facts)).toContain('<|end|>');
  });

  it('refuses what is no model, is cut short, or comes in part, before anything is loaded', async () => {
    const load = (...model: Blob[]) => loadBrowserGenerator({ model, name: 'x.gguf', wasmUrl: 'none' });
    await expect(load(new Blob(['GGUF, or so it says']))).rejects.toMatchObject({ code: 'MODEL_UNUSABLE' });
    await expect(load(new Blob(['<!doctype html>']))).rejects.toMatchObject({
      message: expect.stringMatching(/x\.gguf is not a usable GGUF file: it is a web page/),
    });
    await expect(load(nano.slice(0, 2_000_000))).rejects.toMatchObject({
      message: expect.stringMatching(/cut short/),
    });
    await expect(load()).rejects.toMatchObject({ message: expect.stringMatching(/has no file/) });
    await expect(
      loadBrowserGenerator({ model: nano, wasmUrl: 'none', contextTokens: 5 }),
    ).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  it('refuses what WebAssembly has no room for, with the way out', async () => {
    const facts = await readBlobFacts('nano.gguf', [nano]);
    const big = { size: 3 * 2 ** 30 } as Blob;
    expect(() => checkSize('big.gguf', [big], facts)).toThrow(
      /big\.gguf has a file of 3\.0 GiB.*llama-gguf-split/,
    );
    expect(() => checkSize('big.gguf', [nano], { ...facts, tensorBytes: 5 * 2 ** 30 })).toThrow(
      /5\.0 GiB of weights.*pgenrm serve/,
    );
  });
});
