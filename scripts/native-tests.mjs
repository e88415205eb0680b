// Compiles the C++ tests of native/test and runs them: `node scripts/native-tests.mjs [plain|address|thread ...]`.
// `address` is ASan with UBSan, `thread` is TSan. They need a C++20 compiler and nothing else: no model, no llama.cpp.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const compiler = process.env.CXX ?? 'c++';

const engine = ['prefix_cache', 'sampler', 'scheduler', 'engine'].map((name) => `native/engine/${name}.cpp`);
const tests = [
  { name: 'scheduler_test', sources: engine, runs: { plain: 2000, address: 500, thread: 100 } },
  { name: 'engine_test', sources: engine, runs: { plain: 100, address: 40, thread: 40 } },
];
const flags = {
  plain: ['-O2'],
  address: ['-O1', '-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'],
  thread: ['-O1', '-g', '-fsanitize=thread'],
};

const kinds = process.argv.slice(2).length > 0 ? process.argv.slice(2) : ['plain'];
const folder = path.join(root, 'build', 'native-tests');
mkdirSync(folder, { recursive: true });
for (const kind of kinds) {
  if (!(kind in flags)) {
    console.error(`unknown kind ${kind}: expected ${Object.keys(flags).join(', ')}`);
    process.exit(2);
  }
  for (const test of tests) {
    const source = `native/test/${test.name}.cpp`;
    if (!existsSync(path.join(root, source))) throw new Error(`${source} is missing`);
    const binary = path.join(folder, `${test.name}-${kind}`);
    const args = [
      '-std=c++20',
      '-Wall',
      '-Wextra',
      ...flags[kind],
      '-Inative',
      source,
      ...test.sources,
      '-pthread',
      '-o',
      binary,
    ];
    execFileSync(compiler, args, { cwd: root, stdio: 'inherit' });
    const out = execFileSync(binary, [String(test.runs[kind])], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    console.log(`${kind}: ${out.trim()}`);
  }
}
