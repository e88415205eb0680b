import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { NO_MODEL, NOT_BUILT, pgenrm } from '../support/cli-process.js';
import { temporaryFolder } from '../support/preference-file.js';

const absent = NOT_BUILT ?? (NO_MODEL === null ? null : `${NO_MODEL} is missing`);
const DATA = ['examples/preferences.jsonl', '--users', 'examples/users.jsonl'];
const MACHINE = ['--gpu', 'off', '--threads', '1', '--quiet'];

describe.skipIf(absent !== null)(`a bank of the bundled model (${absent ?? 'there'})`, () => {
  it('is embedded by the embedder that the model names, which scoring takes too', async () => {
    const folder = await temporaryFolder();
    const bank = join(folder, 'bank');
    const build = ['bank', 'build', ...DATA, '--k', '2', '--rows-per-user', '1', '--no-refine'];
    expect(await pgenrm([...build, '--out', bank, ...MACHINE])).toMatchObject({ code: 0, stderr: '' });
    const { madeWith } = JSON.parse(await readFile(join(bank, 'manifest.json'), 'utf8'));
    const embedder = createHash('sha256').update(await readFile('models/nano-embedder.gguf'));
    expect(madeWith.embedder.sha256).toBe(embedder.digest('hex'));

    const score = ['score', ...DATA, '--bank', bank, '--pro', '1', '--limit', '1', '--chains', ...MACHINE];
    const scored = await pgenrm(score);
    expect(scored).toMatchObject({ code: 0 });
    const { chains } = JSON.parse(scored.stdout);
    expect(chains.map(({ level }: { level: string }) => level)).toEqual(['individual', 'prototype']);
    expect(chains[1].neighbour).toEqual({ userId: expect.any(String), similarity: expect.any(Number) });
    expect(chains[1].neighbour.userId).not.toBe('mara');

    const alone = join(folder, 'alone');
    await mkdir(alone);
    await copyFile('models/nano.gguf', join(alone, 'nano.gguf'));
    const { code, stderr } = await pgenrm([...score, '--model', join(alone, 'nano.gguf')]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining(`no model at ${join(alone, 'nano-embedder.gguf')}`),
    });
  }, 120_000);
});
