// The Python environment of the released trainers, build/trainers: installed once, gigabytes, and again where its lists change.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
export const home = path.resolve(here, '../../build/trainers');
export const python = path.join(home, 'bin/python');

/** Installs what is not there yet. */
export function install() {
  const lists = ['requirements.txt', 'requirements-alone.txt'].map((name) => path.join(here, name));
  const stampFile = path.join(home, '.installed');
  const hash = createHash('sha256');
  for (const list of lists) hash.update(readFileSync(list));
  const stamp = hash.digest('hex');
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;
  const run = (command, args) => execFileSync(command, args, { stdio: 'inherit' });
  if (!existsSync(python)) run('python3', ['-m', 'venv', home]);
  run(python, ['-m', 'pip', 'install', '--no-input', '-q', '-r', lists[0]]);
  run(python, ['-m', 'pip', 'install', '--no-input', '-q', '--no-deps', '-r', lists[1]]);
  writeFileSync(stampFile, stamp);
}
