// Fails on an import that runs against the layers of ARCHITECTURE.md: TypeScript by folder of src/, C++ by folder of native/;
// and on circles of files, imports of Node where a browser needs the code, and crowded folders (`source-shape.mjs`).
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { circleProblems, crowdProblems, entryProblems, nodeProblems } from './source-shape.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

const nouns = ['preference', 'options', 'concurrency'];
// Each folder may import from itself, from `errors.ts`, and from the folders named here.
const typescript = {
  preference: [],
  options: [],
  concurrency: [],
  output: [],
  statistics: ['kernels'],
  report: [],
  native: ['kernels'],
  kernels: [],
  'model-file': ['native'],
  hashing: [],
  chain: ['preference', 'hashing'],
  generator: ['options', 'native', 'model-file'],
  prompt: ['preference', 'hashing', 'generator'],
  guided: ['options', 'chain', 'prompt', 'generator'],
  data: ['preference', 'hashing'],
  users: ['preference'],
  bank: ['preference', 'output', 'chain', 'generator', 'kernels', 'native'],
  scaling: [...nouns, 'statistics', 'kernels'],
  'template-guard': ['prompt'],
  'template-files': ['prompt'],
  'reward-model': [
    ...nouns,
    'guided',
    'scaling',
    'chain',
    'prompt',
    'template-guard',
    'template-files',
    'bank',
    'generator',
    'kernels',
    'native',
    'model-file',
  ],
  'bank-build': [
    ...nouns,
    'data',
    'output',
    'chain',
    'prompt',
    'template-guard',
    'generator',
    'kernels',
    'native',
    'bank',
    'reward-model',
    'run',
  ],
  run: [
    ...nouns,
    'guided',
    'statistics',
    'data',
    'output',
    'scaling',
    'reward-model',
    'chain',
    'prompt',
    'generator',
    'model-file',
  ],
  'training-data': [...nouns, 'data', 'output', 'chain', 'prompt', 'reward-model', 'run'],
  evaluation: [
    ...nouns,
    'guided',
    'chain',
    'prompt',
    'statistics',
    'generator',
    'report',
    'data',
    'output',
    'kernels',
    'scaling',
    'bank',
    'reward-model',
    'run',
  ],
  cost: [
    ...nouns,
    'statistics',
    'report',
    'data',
    'output',
    'kernels',
    'model-file',
    'scaling',
    'bank',
    'generator',
    'reward-model',
    'run',
    'evaluation',
  ],
  queue: [...nouns, 'data', 'generator', 'reward-model', 'service', 'run'],
  testing: ['chain', 'generator'],
  doctor: [
    'generator',
    'guided',
    'kernels',
    'model-file',
    'native',
    'prompt',
    'template-guard',
    'template-files',
  ],
  service: [...nouns, 'generator', 'model-file', 'reward-model'],
  'worker-host': ['service', 'generator', 'options', 'reward-model'],
  'http-server': [
    ...nouns,
    'hashing',
    'chain',
    'guided',
    'scaling',
    'generator',
    'reward-model',
    'users',
    'service',
  ],
  // The entries of the package: they export, and do nothing.
  api: [
    ...nouns,
    'service',
    'worker-host',
    'statistics',
    'data',
    'output',
    'bank',
    'bank-build',
    'scaling',
    'reward-model',
    'run',
    'evaluation',
    'report',
    'prompt',
    'template-files',
    'chain',
    'generator',
    'guided',
    'kernels',
    'native',
    'testing',
  ],
  cli: [
    ...nouns,
    'guided',
    'statistics',
    'data',
    'output',
    'bank',
    'bank-build',
    'scaling',
    'reward-model',
    'run',
    'evaluation',
    'training-data',
    'report',
    'cost',
    'doctor',
    'prompt',
    'template-guard',
    'template-files',
    'chain',
    'generator',
    'kernels',
    'native',
    'model-file',
    'http-server',
    'users',
    'service',
    'queue',
  ],
};
// Files of src/ itself that every folder may import.
const rootFiles = ['errors.js', 'package.js', 'version.js'];
// Only these files of `generator` may be known to the method; implementations stay behind them.
const generatorInterface = [
  'generator.ts',
  'embedder.ts',
  'plan.ts',
  'plan-bounds.ts',
  'llama/llama-info.ts',
  'native/native-info.ts',
];
const seesImplementations = [
  'reward-model',
  'service',
  'doctor',
  'cli',
  'run',
  'generator',
  'testing',
  'api',
];

const cpp = { core: [], engine: ['core'], addon: ['engine', 'core'] };
const cppForbidden = { core: ['napi.h', 'llama.h', 'ggml'], engine: ['napi.h'], addon: [] };

// Folders and files that do not have the shape yet. The lists only shrink: an entry that is not needed any more is a problem.
const withCircles = [];
const crowded = [];
/** What runs in a browser, too. */
const browser = {
  folders: [
    'preference',
    'options',
    'concurrency',
    'hashing',
    'prompt',
    'chain',
    'scaling',
    'kernels',
    'reward-model',
    'statistics',
    'data/formats',
  ],
  except: ['kernels/native'],
  allowed: [],
};
/** The entry for browsers, and the packages that it may load. */
const browserEntry = {
  file: 'api/browser.ts',
  packages: ['@huggingface/jinja', '@noble/hashes', '@wllama/wllama'],
};

const problems = [];

function filesBelow(folder, extensions) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && extensions.includes(path.extname(entry.name)))
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name));
}

function checkTypescript() {
  const src = path.join(root, 'src');
  for (const file of filesBelow(src, ['.ts'])) {
    const relative = path.relative(src, file);
    const [folder, ...rest] = relative.split(path.sep);
    if (rest.length === 0) continue;
    if (!(folder in typescript)) {
      problems.push(`src/${relative}: the folder ${folder} is not in the table of layers`);
      continue;
    }
    for (const [, specifier] of readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
      const target = path.relative(src, path.resolve(path.dirname(file), specifier));
      const [targetFolder, ...targetRest] = target.split(path.sep);
      if (targetFolder === folder || rootFiles.includes(target)) continue;
      if (targetRest.length === 0) problems.push(`src/${relative} imports the package's own entry ${target}`);
      else if (!typescript[folder].includes(targetFolder))
        problems.push(`src/${relative} may not import ${target}`);
      else if (
        targetFolder === 'generator' &&
        !seesImplementations.includes(folder) &&
        !generatorInterface.includes(targetRest.join('/').replace(/\.js$/, '.ts'))
      ) {
        problems.push(`src/${relative} may only import the generator's interface, not ${target}`);
      }
    }
  }
}

function checkCpp() {
  const native = path.join(root, 'native');
  for (const file of filesBelow(native, ['.cpp', '.h'])) {
    const relative = path.relative(native, file);
    const [folder] = relative.split(path.sep);
    if (!(folder in cpp)) {
      if (folder !== 'test' && folder !== 'third_party')
        problems.push(`native/${relative}: the folder ${folder} is not in the table of layers`);
      continue;
    }
    for (const [, included] of readFileSync(file, 'utf8').matchAll(/^\s*#include\s+["<]([^">]+)[">]/gm)) {
      const [target] = included.split('/');
      if (target in cpp && target !== folder && !cpp[folder].includes(target)) {
        problems.push(`native/${relative} may not include ${included}`);
      }
      if (cppForbidden[folder].some((name) => included.startsWith(name))) {
        problems.push(`native/${relative} may not know ${included}`);
      }
    }
  }
}

function checkShape() {
  const src = path.join(root, 'src');
  const sources = new Map(
    filesBelow(src, ['.ts']).map((file) => [
      path.relative(src, file).split(path.sep).join('/'),
      readFileSync(file, 'utf8'),
    ]),
  );
  problems.push(...circleProblems(sources, withCircles));
  problems.push(...nodeProblems(sources, browser));
  problems.push(...entryProblems(sources, browserEntry.file, browserEntry.packages));
  problems.push(...crowdProblems(sources, crowded));
}

checkTypescript();
checkCpp();
checkShape();
for (const problem of problems) console.error(problem);
console.log(
  problems.length === 0
    ? 'layers: no import runs back, no new circle, nothing of Node in what a browser needs, no new crowd'
    : `layers: ${problems.length} problems`,
);
process.exit(problems.length === 0 ? 0 : 1);
