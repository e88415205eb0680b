import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

const compiler = process.env.CXX ?? 'c++';
const absent = spawnSync(compiler, ['--version']).status !== 0;
if (absent) console.warn(`C++ tests are skipped: no compiler ${compiler}`);

describe.skipIf(absent)('C++ tests', () => {
  it('scheduler and engine keep their promises on random runs', { timeout: 600_000 }, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/native-tests.mjs', 'plain'], {
      encoding: 'utf8',
    });
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(/scheduler: \d+ random runs/);
    expect(stdout).toMatch(/attention: \d+ cases/);
    expect(stdout).toMatch(/engine: \d+ random runs/);
  });
});
