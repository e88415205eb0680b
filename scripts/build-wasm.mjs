// Compiles assembly/ to build/wasm/kernels.wasm, and to dist/wasm where dist is there.
// Needs nothing but the assemblyscript package.
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';

import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

const { default: asc } = await import('assemblyscript/asc');

const folder = path.join(root, 'build', 'wasm');
const target = path.join(folder, 'kernels.wasm');
mkdirSync(folder, { recursive: true });

// -O3 without shrinking; the `minimal` runtime is the allocator alone, for nothing here is garbage.
const { error, stdout, stderr } = await asc.main([
  'assembly/index.ts',
  '--baseDir',
  root,
  '--outFile',
  path.relative(root, target),
  '--optimizeLevel',
  '3',
  '--shrinkLevel',
  '0',
  '--converge',
  '--noAssert',
  '--enable',
  'simd',
  '--runtime',
  'minimal',
  '--use',
  'abort=',
  '--maximumMemory',
  '65536',
]);
if (error) {
  console.error(stdout.toString() + stderr.toString());
  console.error(`pgenrm: the WASM kernels were not built: ${error.message}`);
  process.exit(1);
}
if (existsSync(path.join(root, 'dist'))) {
  mkdirSync(path.join(root, 'dist', 'wasm'), { recursive: true });
  copyFileSync(target, path.join(root, 'dist', 'wasm', 'kernels.wasm'));
}
console.log('pgenrm: WASM kernels built');
