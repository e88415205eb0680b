import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tryLoad } from '../../src/doctor/try-load.js';
import { temporaryFolder } from '../support/preference-file.js';
import { randomModel } from '../support/random-model.js';

async function program(source: string): Promise<string> {
  const path = join(await temporaryFolder(), 'child.cjs');
  await writeFile(path, source);
  return path;
}

describe('tryLoad', () => {
  it('gives the account of a model that loads', async () => {
    const loaded = await tryLoad({
      modelPath: await randomModel(),
      gpu: 'off',
      maxSequences: 3,
      generator: 'portable',
    });
    expect(loaded).toMatchObject({ backend: 'cpu', samplesAtOnce: 3 });
    expect(loaded.loadMs).toBeGreaterThan(0);
  });

  it('passes on why a model does not load', async () => {
    await expect(tryLoad({ modelPath: '/nowhere/none.gguf', gpu: 'off' })).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: expect.stringContaining('none.gguf'),
    });
  });

  it('says that the file ends the process, with the last words of llama.cpp', async () => {
    const dies = await program(
      "console.error('GGML_ASSERT(x) \\x1b[31mfailed\\n'); process.kill(process.pid, 'SIGKILL')",
    );
    await expect(tryLoad({ modelPath: 'm.gguf' }, undefined, { program: dies })).rejects.toMatchObject({
      code: 'MODEL_UNUSABLE',
      message: expect.stringMatching(
        /^m\.gguf ends the process \(SIGKILL\).*: GGML_ASSERT\(x\) {2}?\[31mfailed; /,
      ),
    });
    const leaves = await program('process.exit(7)');
    await expect(tryLoad({ modelPath: 'm.gguf' }, undefined, { program: leaves })).rejects.toMatchObject({
      message: expect.stringContaining('(exit code 7)'),
    });
  });

  it('stops at the signal, and the child with it', async () => {
    const waits = await program('setInterval(() => {}, 1000)');
    const stop = new AbortController();
    const reason = new Error('enough');
    setTimeout(() => stop.abort(reason), 200);
    const began = performance.now();
    await expect(tryLoad({ modelPath: 'm.gguf' }, stop.signal, { program: waits })).rejects.toBe(reason);
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it('ends one that never answers, and says so', async () => {
    const waits = await program('setInterval(() => {}, 1000)');
    await expect(
      tryLoad({ modelPath: 'm.gguf' }, undefined, { program: waits, settledMs: 300 }),
    ).rejects.toMatchObject({
      code: 'MODEL_UNUSABLE',
      message: expect.stringMatching(/neither loads nor answers/),
    });
  });
});
