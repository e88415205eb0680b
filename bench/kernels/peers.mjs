// Finds the peers that the kernels are measured against; none is a dependency for its speed.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const bench = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const folders = [process.env.PGENRM_BENCH_PEERS ?? path.join(bench, 'peers'), path.resolve(bench, '..')];

function load(name) {
  const reasons = [];
  for (const folder of folders) {
    const require = createRequire(path.join(folder, 'package.json'));
    const manifest = path.join(folder, 'node_modules', name, 'package.json');
    if (!existsSync(manifest)) continue;
    try {
      return { module: require(name), version: JSON.parse(readFileSync(manifest, 'utf8')).version };
    } catch (error) {
      const [reason] = error.message.split('\n');
      reasons.push(/bindings file|\.node'/.test(reason) ? `its addon is not built in ${folder}` : reason);
    }
  }
  const [place] = folders;
  return {
    reason: `${reasons.join('; ') || 'not installed'}; \`npm i --prefix ${place} ${name}\` brings it`,
  };
}

/** The peers, undefined where absent, and a line about each. */
export async function loadPeers() {
  const notes = [];
  const take = (name) => {
    const found = load(name);
    notes.push(`peer ${name}: ${found.version ?? `left out (${found.reason})`}`);
    return found.module;
  };
  const peers = { hnswlib: take('hnswlib-node'), usearch: take('usearch'), faiss: take('faiss-node'), notes };
  const python = pythonWithSklearn();
  peers.python = python?.command;
  notes.push(`peer scikit-learn: ${python?.version ?? 'left out (no Python here has it)'}`);
  return peers;
}

/** The first of the Pythons here that has scikit-learn, or undefined. */
function pythonWithSklearn() {
  const named = process.env.PGENRM_BENCH_PYTHON;
  for (const command of named ? [named] : ['python3', 'python']) {
    const found = spawnSync(command, ['-c', 'import sklearn; print(sklearn.__version__)'], {
      encoding: 'utf8',
    });
    if (found.status === 0) return { command, version: found.stdout.trim() };
  }
  return undefined;
}
