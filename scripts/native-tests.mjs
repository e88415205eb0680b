// Compiles the C++ tests of native/test and runs them: `node scripts/native-tests.mjs [plain|address|thread ...] [NAME_test ...]`.
// `address` is ASan with UBSan, `thread` is TSan. They need a C++20 compiler and, for the index, hnswlib's headers: no model, no llama.cpp, no Node-API.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { hnswlibFolder } from './native-config.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const compiler = process.env.CXX ?? 'c++';

const scheduler = [
  'scheduler',
  'scheduler_admission',
  'scheduler_batch',
  'scheduler_plan',
  'scheduler_delivery',
];
const plan = ['token_joins', 'choice_trie', 'free_text', 'plan_run'];
const engine = [
  'prefix_cache',
  'sampler',
  'token_drawer',
  ...plan,
  ...scheduler,
  'request_queue',
  'orders',
  'engine',
].map((name) => `native/engine/${name}.cpp`);
const vectors = ['simd', 'simd_baseline', 'simd_avx2', 'simd_avx512', 'simd_neon', 'vectors'];
const core = (...names) => [...vectors, ...names].map((name) => `native/core/${name}.cpp`);
const tests = [
  { name: 'scheduler_test', sources: engine, runs: { plain: 2000, address: 500, thread: 100 } },
  {
    name: 'sampler_test',
    sources: ['native/engine/sampler.cpp'],
    runs: { plain: 300, address: 60, thread: 20 },
  },
  {
    name: 'plan_test',
    sources: [...plan, 'sampler', 'token_drawer'].map((name) => `native/engine/${name}.cpp`),
    runs: { plain: 2000, address: 500, thread: 100 },
  },
  { name: 'plan_scheduler_test', sources: engine, runs: { plain: 1000, address: 200, thread: 40 } },
  {
    name: 'request_queue_test',
    sources: ['native/engine/request_queue.cpp'],
    runs: { plain: 200, address: 40, thread: 5 },
  },
  {
    name: 'budget_test',
    sources: ['native/engine/thread_budget.cpp'],
    runs: { plain: 1, address: 1, thread: 1 },
  },
  { name: 'engine_test', sources: engine, runs: { plain: 100, address: 40, thread: 40 } },
  { name: 'attention_test', sources: core('attention'), runs: { plain: 300, address: 150, thread: 10 } },
  { name: 'pages_test', sources: ['native/core/pages.cpp'], runs: { plain: 1, address: 1, thread: 1 } },
  {
    name: 'numeric_test',
    sources: core('nearest', 'kmeans', 'kmeans_start', 'refine', 'resample'),
    runs: { plain: 20, address: 10, thread: 5 },
  },
  {
    name: 'index_test',
    sources: core('codec', 'pages', 'vector_index', 'hnsw_build', 'hnsw_scan', 'hnsw_search', 'index_file'),
    runs: { plain: 2000, address: 1000, thread: 0 },
  },
];
const flags = {
  plain: ['-O2'],
  address: ['-O1', '-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'],
  thread: ['-O1', '-g', '-fsanitize=thread'],
};

const words = process.argv.slice(2);
const named = tests.filter(({ name }) => words.includes(name));
const asked = words.filter((word) => !named.some(({ name }) => name === word));
const kinds = asked.length > 0 ? asked : ['plain'];
const folder = path.join(root, 'build', 'native-tests');
mkdirSync(folder, { recursive: true });
for (const kind of kinds) {
  if (!(kind in flags)) {
    console.error(
      `unknown kind ${kind}: expected ${[...Object.keys(flags), ...tests.map(({ name }) => name)].join(', ')}`,
    );
    process.exit(2);
  }
  for (const test of named.length > 0 ? named : tests) {
    const source = `native/test/${test.name}.cpp`;
    if (!existsSync(path.join(root, source))) throw new Error(`${source} is missing`);
    const binary = path.join(folder, `${test.name}-${kind}`);
    const args = [
      '-std=c++20',
      '-Wall',
      '-Wextra',
      ...flags[kind],
      '-Inative',
      '-isystem',
      hnswlibFolder(),
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
