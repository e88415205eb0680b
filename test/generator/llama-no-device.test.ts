// A machine whose driver for a GPU finds no GPU, such as one with Mesa's Vulkan and no graphics card.
import { expect, it, vi } from 'vitest';
import { chooseLlama } from '../../src/generator/llama/llama-library.js';

const disposed: string[] = [];

vi.mock('node-llama-cpp', async (original) => {
  const real = await original<typeof import('node-llama-cpp')>();
  return {
    ...real,
    getLlamaGpuTypes: async () => ['cuda', 'metal', 'vulkan', false],
    getLlama: async (options: { gpu: string | false }) => {
      if (options.gpu === false) return real.getLlama(options as never);
      if (options.gpu === 'metal') throw new Error('no such library');
      const gpu = options.gpu === 'auto' ? 'cuda' : options.gpu;
      return { gpu, getGpuDeviceNames: async () => [], dispose: async () => void disposed.push(gpu) };
    },
  };
});

it.skipIf(process.platform === 'darwin' && process.arch === 'arm64')(
  'goes on to the CPU, and says why',
  async () => {
    const { gpu, devices, reasons } = await chooseLlama('auto');
    expect({ gpu, devices }).toEqual({ gpu: false, devices: [] });
    expect(reasons).toContain('CUDA not used: its driver finds no device');
    expect(reasons).toContain('Metal not used: no such library');
    expect(reasons).toContain('Vulkan not used: its driver finds no device');
    expect(reasons).toContain('CPU chosen: no GPU backend works here');
    expect(disposed).toEqual(['cuda', 'vulkan']);
  },
);

it('is an error where that GPU is asked for', async () => {
  await expect(chooseLlama('vulkan')).rejects.toMatchObject({
    code: 'GENERATOR_UNAVAILABLE',
    message: expect.stringContaining('Vulkan not used: its driver finds no device'),
  });
});
