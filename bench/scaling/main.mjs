// `npm run bench -- scaling [options of pgenrm bench scaling]`: on the bundled examples where no data is named.
// Results go to build/bench-scaling unless --out says otherwise, and replace earlier ones.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { environment, environmentText, root } from '../harness/environment.mjs';

const given = process.argv.slice(2);
const has = (name) => given.some((word) => word === name || word.startsWith(`${name}=`));
const example = (name) => path.join(root, 'examples', name);
const gpu = given[given.indexOf('--gpu') + 1];
const backend = !has('--gpu') || gpu === 'off' || gpu === 'auto' ? 'cpu' : gpu;
console.log(environmentText(environment(backend)));
const args = [
  path.join(root, 'dist', 'cli', 'main.js'),
  'bench',
  'scaling',
  ...(has('--data') ? [] : ['--data', example('preferences.jsonl'), '--users', example('users.jsonl')]),
  ...(has('--out') ? [] : ['--out', path.join(root, 'build', 'bench-scaling'), '--force']),
  ...given,
];
process.exit(spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1);
