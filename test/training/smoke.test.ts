// The whole training recipe, tiny, where a Python with its packages and the style-users data are at hand.
// `PGENRM_PYTHON` names the interpreter; python3 otherwise.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const python = process.env.PGENRM_PYTHON ?? 'python3';
const data = path.resolve('..', 'shared', 'data', 'style-users');

/** Why the recipe cannot run here; undefined where it can. */
function missing(): string | undefined {
  if (!existsSync(data)) return 'the style-users data is not there';
  const found = spawnSync(python, ['-c', 'import torch, numpy, tokenizers, gguf, matplotlib']);
  if (found.error !== undefined) return `${python} is not there`;
  return found.status === 0 ? undefined : `${python} lacks the packages of training/requirements.txt`;
}

const reason = missing();
if (reason !== undefined) console.log(`skipped: the training recipe, because ${reason}`);

describe.skipIf(reason !== undefined)('the training recipe', () => {
  it('runs from the data to a GGUF through all its stages', { timeout: 900_000 }, () => {
    const printed = execFileSync(python, ['training/smoke.py', '--data', data, '--minutes', '0.2'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    expect(printed.trimEnd()).toMatch(/smoke run passed$/);
  });
});
