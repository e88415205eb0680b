// What a benchmark ran on: machine, versions, commit, and how busy the machine was with other work.
// Knows nothing of what is measured.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { load, machineFacts } from '../../dist/cost/machine/machine.js';
import { libraryHash, prebuiltFolder } from '../../scripts/bench-peers.mjs';
import { llamaRelease } from '../../scripts/llama-headers.mjs';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

/** The machine, the versions and the commit, as plain data. `backend` names the llama.cpp libraries in use. */
export function environment(backend = 'cpu') {
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const libraries = prebuiltFolder(backend);
  return {
    date: new Date().toISOString(),
    pgenrm: version,
    commit: packedCommit() ?? git('rev-parse', 'HEAD'),
    changedFiles: git('status', '--porcelain')?.split('\n').filter(Boolean).length ?? null,
    ...machineFacts(),
    llamaCpp: llamaRelease(),
    libllama: libraries === null ? null : libraryHash(libraries),
    backend,
    loadAtStart: load(),
  };
}

function git(...args) {
  try {
    return execFileSync('git', ['-C', root, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return null;
  }
}

/** The commit that a folder packed by `bench/gpu.sh pack` was of; null elsewhere. */
function packedCommit() {
  const file = path.join(root, 'commit');
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : null;
}

/** SHA-256 of a file, hexadecimal. */
export async function fileHash(file) {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest('hex');
}

export { machineTicks, peakMemory, processorSeconds, ticksBetween } from '../../dist/cost/machine/machine.js';

/** A line of text for people. */
export function environmentText(e) {
  const gib = (e.memoryBytes / 2 ** 30).toFixed(0);
  const changed = e.changedFiles ? ` with ${e.changedFiles} files changed` : '';
  return (
    `${e.cpu}, ${e.cores} cores, ${gib} GiB, Node ${e.node}, llama.cpp ${e.llamaCpp} (libllama ${e.libllama}), ` +
    `${e.backend}, commit ${e.commit?.slice(0, 12) ?? 'unknown'}${changed}, ${e.date}`
  );
}
