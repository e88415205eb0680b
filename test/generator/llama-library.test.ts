import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { PgenrmError } from '../../src/errors.js';
import { chooseLlama } from '../../src/generator/llama/llama-library.js';

afterEach(() => {
  vi.restoreAllMocks();
});

async function failure(promise: Promise<unknown>): Promise<PgenrmError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PgenrmError);
  return error as PgenrmError;
}

describe('chooseLlama', () => {
  it('finds the library files of the CPU build', async () => {
    const choice = await chooseLlama('off');
    expect(choice.gpu).toBe(false);
    expect(choice.devices).toEqual([]);
    expect(choice.release).toMatch(/^v?\d/);
    expect(choice.reasons.join('\n')).toContain('CPU chosen: asked for');
    if (choice.buildType !== 'prebuilt') return;
    const { files, folder } = choice;
    if (files === null) throw new Error(`no files: ${choice.reasons.join('; ')}`);
    expect(existsSync(folder!)).toBe(true);
    for (const file of [files.llama, files.ggml, files.ggmlBase, files.backendsDir]) {
      expect(existsSync(file)).toBe(true);
    }
    expect(basename(files.llama)).toMatch(/llama/);
    expect(basename(files.llama)).not.toMatch(/common|addon/);
    expect(basename(files.ggml)).not.toMatch(/base|cpu/);
  });

  it('keeps one instance a choice', async () => {
    const [first, second] = await Promise.all([chooseLlama('off'), chooseLlama('off')]);
    expect(second.llama).toBe(first.llama);
  });

  it('says for auto what was chosen and why', async () => {
    const choice = await chooseLlama('auto');
    expect(choice.reasons.some((line) => line.includes('chosen'))).toBe(true);
  });

  it('refuses a backend that is not there and gives the reasons, printing nothing', async () => {
    const foreign = process.platform === 'darwin' ? 'cuda' : 'metal';
    const out = vi.spyOn(process.stdout, 'write');
    const err = vi.spyOn(process.stderr, 'write');
    const error = await failure(chooseLlama(foreign));
    expect(error.code).toBe('GENERATOR_UNAVAILABLE');
    expect(error.message).toContain(foreign);
    expect(error.message).toMatch(/choose gpu auto or off/);
    expect(out).not.toHaveBeenCalled();
    expect(err).not.toHaveBeenCalled();
  });

  it('refuses an unknown choice', async () => {
    const error = await failure(chooseLlama('rocm' as 'auto'));
    expect(error.code).toBe('INVALID_OPTION');
    expect(error.message).toContain('rocm');
  });
});
