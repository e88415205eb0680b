import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { loadNativeBinding } from '../../src/native/load.js';
import { temporaryFolder } from '../support/preference-file.js';

const compiler = process.env.CC ?? 'cc';
const able = process.platform === 'linux' && spawnSync(compiler, ['--version']).status === 0;
const native = loadNativeBinding().binding !== null || process.env.PGENRM_REQUIRE_NATIVE === '1';

it.skipIf(!able || !native)(
  'an index larger than a huge page asks for no alignment that Electron refuses',
  async () => {
    const shim = join(await temporaryFolder(), 'strict.so');
    const source = fileURLToPath(new URL('../support/strict-allocator.c', import.meta.url));
    execFileSync(compiler, ['-shared', '-fPIC', '-o', shim, source, '-ldl']);
    const program = (size: number): string => `
    const { loadKernels } = await import(${JSON.stringify(new URL('../../dist/native/choose-kernels.js', import.meta.url).href)});
    const kernels = await loadKernels({ force: 'native' });
    const data = Float32Array.from({ length: ${size} * 64 }, (_, i) => Math.sin(i * 12.9898) + 0.01);
    const index = await kernels.buildIndex({ data, dim: 64 }, { metric: 'cosine', seed: 1, threads: 1 });
    console.log(index.size, index.memoryBytes > 4 * 2 ** 20);`;
    const run = () =>
      spawnSync(process.execPath, ['--input-type=module', '--eval', program(12_000)], {
        encoding: 'utf8',
        env: { ...process.env, LD_PRELOAD: shim },
      });
    expect(run()).toMatchObject({ status: 0, stdout: '12000 true\n' });
    // The shim does what it is for.
    const refused = join(await temporaryFolder(), 'refused');
    const main = '#include <stdlib.h>\nint main(void) { return aligned_alloc(2 << 20, 2 << 20) == 0; }';
    execFileSync(compiler, ['-O0', '-x', 'c', '-', '-o', refused], { input: main });
    expect(spawnSync(refused, { env: { ...process.env, LD_PRELOAD: shim } }).signal).toBe('SIGABRT');
  },
);
