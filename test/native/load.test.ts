// What happens where the addon is named, missing or broken: each in a process of its own, since a process loads one addon.
import { spawnSync } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadNativeBinding } from '../../src/native/load.js';
import { installCommand } from '../../src/native/platform-package.js';
import { packageRoot } from '../../src/package.js';
import { temporaryFolder } from '../support/preference-file.js';

const cli = join(packageRoot(), 'dist', 'cli', 'main.js');
const pgenrm = (words: string[], env: Record<string, string>): ReturnType<typeof spawnSync> =>
  spawnSync(process.execPath, [cli, ...words], {
    encoding: 'utf8',
    env: { ...process.env, PGENRM_REQUIRE_NATIVE: '', ...env },
  });

describe('without the addon', () => {
  it('doctor says that it works slower, how to mend it, and ends with 4', () => {
    const { status, stdout } = pgenrm(['doctor', '--no-load', '--gpu', 'off'], { PGENRM_NATIVE: 'off' });
    expect(stdout).toContain('works, about 7 times slower: portable');
    expect(stdout).toContain('unset PGENRM_NATIVE');
    expect(status).toBe(4);
  });

  it('doctor --json names the generator', () => {
    const { stdout } = pgenrm(['doctor', '--no-load', '--gpu', 'off', '--json'], { PGENRM_NATIVE: 'off' });
    expect(stdout).toContain('"kind":"portable"');
    expect(JSON.parse(String(stdout)).fallback.reason).toContain('PGENRM_NATIVE=off');
  });

  it('score says so in one line on standard error, and judges', async () => {
    const data = join(packageRoot(), 'examples', 'preferences.jsonl');
    const out = join(await temporaryFolder(), 'scores.jsonl');
    const words = ['score', data, '--limit', '1', '--ind', '1', '--gpu', 'off', '--out', out];
    const { status, stderr } = pgenrm(words, { PGENRM_NATIVE: 'off' });
    expect(String(stderr).match(/works, about 7 times slower: portable/g)).toHaveLength(1);
    expect(status).toBe(0);
  });
});

describe('an addon that is named', () => {
  it('is the only one that is tried: where it does not load, nothing is loaded in its place', async () => {
    const folder = await temporaryFolder();
    const broken = join(folder, 'broken.node');
    writeFileSync(broken, 'no library');
    for (const named of [broken, join(folder, 'missing.node')]) {
      const { status, stdout } = pgenrm(['doctor', '--no-load', '--gpu', 'off'], { PGENRM_NATIVE: named });
      expect(stdout).toContain(named);
      expect(status).toBe(1);
    }
  });

  it.skipIf(loadNativeBinding().binding === null)('is loaded from where it lies', async () => {
    const copy = join(await temporaryFolder(), 'copy.node');
    copyFileSync(loadNativeBinding().path!, copy);
    const { status, stdout } = pgenrm(['doctor', '--no-load', '--gpu', 'off', '--json'], {
      PGENRM_NATIVE: copy,
    });
    expect(JSON.parse(String(stdout)).native).toMatchObject({ loaded: true, path: copy });
    expect(stdout).toContain('"kind":"native"');
    expect(status).toBe(0);
  });
});

describe('the package of the platform', () => {
  it('is installed with the package manager at hand', () => {
    expect(installCommand('x', 'pnpm/12.0.0 npm/? node/v24')).toBe('pnpm add x');
    expect(installCommand('x', 'bun/1.4.5')).toBe('bun add x');
    expect(installCommand('x', '')).toBe('npm install x');
  });
});
