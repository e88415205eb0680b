// What a benchmark ran on: machine, versions, commit, and how busy the machine was with other work.
// Knows nothing of what is measured.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
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
    commit: git('rev-parse', 'HEAD'),
    changedFiles: git('status', '--porcelain')?.split('\n').filter(Boolean).length ?? null,
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    llamaCpp: llamaRelease(),
    libllama: libraries === null ? null : libraryHash(libraries),
    backend,
    loadAtStart: loadavg()[0],
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

/** SHA-256 of a file, hexadecimal. */
export async function fileHash(file) {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest('hex');
}

/** Processor time of the whole machine so far, in clock ticks; null where the platform does not tell. */
export function machineTicks() {
  try {
    const line = readFileSync('/proc/stat', 'utf8').split('\n')[0].trim().split(/\s+/).slice(1).map(Number);
    const [user, nice, system, idle, iowait, irq, softirq, steal] = line;
    const busy = user + nice + system + irq + softirq;
    return { busy, steal, total: busy + idle + iowait + steal };
  } catch {
    return null;
  }
}

/** Peak resident memory of a process in bytes (VmHWM); null where the platform does not tell. */
export function peakMemory(pid) {
  try {
    const found = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return found === null ? null : Number(found[1]) * 1024;
  } catch {
    return null;
  }
}

/** Processor time of a process so far, all its threads, in seconds; null where the platform does not tell. */
export function processorSeconds(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // The kernel counts these in hundredths of a second on every platform that has this file.
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return null;
  }
}

/** A line of text for people. */
export function environmentText(e) {
  const gib = (e.memoryBytes / 2 ** 30).toFixed(0);
  const changed = e.changedFiles ? ` with ${e.changedFiles} files changed` : '';
  return (
    `${e.cpu}, ${e.cores} cores, ${gib} GiB, Node ${e.node}, llama.cpp ${e.llamaCpp} (libllama ${e.libllama}), ` +
    `${e.backend}, commit ${e.commit?.slice(0, 12) ?? 'unknown'}${changed}, ${e.date}`
  );
}
