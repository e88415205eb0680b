// Counts the GPU libraries that node-llama-cpp's optional packages brought: hundreds of megabytes, of no use without a GPU.
// Knows where packages lie; loads none of them.
import { lstat, readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Diagnosis } from './diagnosis.js';

const GPU = /-(?:cuda|cuda-ext|vulkan)$/;

/** The packages beside the node-llama-cpp that runs, with their size; `backend` says whether one is used. */
export async function gpuPackages(backend: string): Promise<Diagnosis['gpuPackages']> {
  const scope = await scopeFolder();
  const names = scope === null ? [] : (await readdir(scope)).filter((name) => GPU.test(name)).sort();
  let bytes = 0;
  for (const name of names) bytes += await sizeOf(join(scope!, name));
  return { names: names.map((name) => `@node-llama-cpp/${name}`), bytes, used: backend !== 'cpu' };
}

// Where the packages of the scope lie: any of them says so. Null where none is installed.
async function scopeFolder(): Promise<string | null> {
  const here = createRequire(import.meta.url);
  let main: string;
  try {
    main = here.resolve('node-llama-cpp');
  } catch {
    return null; // the llama.cpp part of the diagnosis says that it is missing
  }
  for (const folder of createRequire(main).resolve.paths('@node-llama-cpp/any') ?? []) {
    const scope = join(folder, '@node-llama-cpp');
    if (await isFolder(scope)) return scope;
  }
  return null;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isDirectory();
  } catch {
    return false;
  }
}

async function sizeOf(path: string): Promise<number> {
  const entry = await lstat(path);
  if (!entry.isDirectory()) return entry.isFile() ? entry.size : 0;
  const sizes = await Promise.all((await readdir(path)).map((name) => sizeOf(join(path, name))));
  return sizes.reduce((sum, size) => sum + size, 0);
}
