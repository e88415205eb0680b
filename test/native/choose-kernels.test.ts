import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { KernelsName } from '../../src/kernels/kernels.js';
import { chooseKernels, loadKernels, surveyKernels } from '../../src/native/choose-kernels.js';
import { packageRoot } from '../../src/package.js';
import { hasNative, implementations } from '../kernels/implementations.js';

afterEach(() => vi.unstubAllEnvs());

describe('loadKernels', () => {
  it('takes native where it works, WASM otherwise', async () => {
    vi.stubEnv('PGENRM_KERNELS', '');
    expect((await loadKernels()).name).toBe(hasNative ? 'native' : 'wasm');
  });

  it('follows the option first, then PGENRM_KERNELS', async () => {
    vi.stubEnv('PGENRM_KERNELS', 'reference');
    expect((await loadKernels()).name).toBe('reference');
    const choice = await chooseKernels({ force: 'wasm' });
    expect(choice.implementation).toBe('wasm (wasm128)');
    expect(choice.reasons.join()).toContain('asked for');
  });

  it('refuses names that do not exist', async () => {
    await expect(loadKernels({ force: 'gpu' as KernelsName })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
    vi.stubEnv('PGENRM_KERNELS', 'fast');
    await expect(loadKernels()).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  it('gives the reasons where what is forced is absent', async () => {
    vi.resetModules();
    vi.stubEnv('PGENRM_NATIVE', 'off');
    const fresh = await import('../../src/native/choose-kernels.js');
    const refused = fresh.loadKernels({ force: 'native' });
    await expect(refused).rejects.toMatchObject({ code: 'KERNELS_UNAVAILABLE' });
    await expect(refused).rejects.toThrow('PGENRM_NATIVE=off');
    expect((await fresh.chooseKernels()).reasons.join()).toContain('native kernels cannot be used');
    expect((await fresh.loadKernels()).name).toBe('wasm');
  });

  it('surveys all three', async () => {
    const survey = await surveyKernels();
    expect(survey.map(({ name }) => name)).toEqual(['native', 'wasm', 'reference']);
    for (const { simd, reason } of survey) expect(Boolean(simd) !== Boolean(reason)).toBe(true);
  });
});

describe('the WASM module', () => {
  it('asks nothing of its host and runs in a worker', async () => {
    const wasm = readFileSync(join(packageRoot(), 'build', 'wasm', 'kernels.wasm'));
    const worker = new Worker(
      `const { parentPort, workerData } = require('node:worker_threads');
       WebAssembly.instantiate(workerData, {}).then(({ instance }) => {
         const { allocate, bootstrapMeans, memory } = instance.exports;
         const sums = allocate(16), counts = allocate(16), means = allocate(8);
         new Float64Array(memory.buffer, sums, 2).fill(3);
         new Float64Array(memory.buffer, counts, 2).fill(1);
         bootstrapMeans(sums, counts, 2, 1, 7, means);
         parentPort.postMessage(new Float64Array(memory.buffer, means, 1)[0]);
       });`,
      { eval: true, workerData: wasm },
    );
    const answer = await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    expect(answer).toBe(3);
    await worker.terminate();
  });
});

describe.skipIf(!hasNative)('the native kernels', () => {
  const native = implementations.find(({ name }) => name === 'native')!;

  it('name the vector instructions that run', () => {
    expect(['avx512-vnni', 'avx2', 'neon', 'baseline']).toContain(native.simd);
  });

  it('leave the event loop free', async () => {
    const vectors = { data: Float32Array.from({ length: 64 * 3000 }, (_, i) => Math.sin(i * i)), dim: 64 };
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await native.kmeansFit(vectors, { k: 64, seed: 1, restarts: 8, tolerance: 0, threads: 1 });
    clearInterval(timer);
    expect(turns).toBeGreaterThan(5);
  });

  it('let a process end while work runs', async () => {
    const script = `
      const { kernels } = require(${JSON.stringify(join(packageRoot(), 'build', 'native', 'pgenrm.node'))});
      const vectors = Float32Array.from({ length: 64 * 20000 }, (_, i) => Math.sin(i * i));
      kernels.kmeansFit(vectors, 64, 200, 1, 50, 300, 0, 1);
      setTimeout(() => process.exit(7), 50);`;
    const ended = promisify(execFile)(process.execPath, ['-e', script], { timeout: 20_000 });
    await expect(ended).rejects.toMatchObject({ code: 7 });
  });

  it('let a worker be terminated while work runs', async () => {
    const worker = new Worker(
      `const { kernels } = require(${JSON.stringify(join(packageRoot(), 'build', 'native', 'pgenrm.node'))});
       const vectors = Float32Array.from({ length: 16 * 3000 }, (_, i) => Math.sin(i * i));
       kernels.kmeansFit(vectors, 16, 50, 1, 20, 300, 0, 1);
       require('node:worker_threads').parentPort.postMessage('running');`,
      { eval: true },
    );
    await new Promise((resolve) => worker.once('message', resolve));
    await worker.terminate();
    const means = await native.bootstrapMeans(Float64Array.of(1, 2), { resamples: 3, seed: 1 });
    expect(means.length).toBe(3);
  });
});
