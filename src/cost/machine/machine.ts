// What a measurement ran on, how busy the machine was with other work, and what the process took: facts of the system.
// Knows nothing of what is measured; a fact that the platform does not tell is null.

import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';

/** The machine; memory in bytes. */
export interface Machine {
  readonly platform: string;
  readonly kernel: string;
  readonly cpu: string;
  readonly cores: number;
  readonly usableCores: number;
  readonly memoryBytes: number;
  readonly node: string;
}

/** The machine that this process runs on. */
export function machineFacts(): Machine {
  return {
    platform: `${process.platform}-${process.arch}`,
    kernel: release(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    usableCores: availableParallelism(),
    memoryBytes: totalmem(),
    node: process.version,
  };
}

/** Processes that wanted a core in the last minute, on average; 0 where the platform does not say. */
export const load = (): number => loadavg()[0] ?? 0;

/** Processor time of the whole machine, in clock ticks since it started. */
export interface MachineTicks {
  readonly busy: number;
  /** Time that the hypervisor gave to other machines. */
  readonly steal: number;
  readonly total: number;
}

/** Processor time of the whole machine so far. */
export function machineTicks(): MachineTicks | null {
  const line = textOf('/proc/stat')?.split('\n')[0];
  if (line === undefined) return null;
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  const busy = user + nice + system + irq + softirq;
  return { busy, steal, total: busy + idle + iowait + steal };
}

/** Shares of the machine's processor time between two looks: given to other machines, and busy. */
export function ticksBetween(
  before: MachineTicks | null,
  after: MachineTicks | null,
): { readonly stealShare: number; readonly busyShare: number } | null {
  if (before === null || after === null || after.total === before.total) return null;
  const total = after.total - before.total;
  return {
    stealShare: (after.steal - before.steal) / total,
    busyShare: (after.busy - before.busy) / total,
  };
}

/** Peak resident memory of a process in bytes (VmHWM). */
export function peakMemory(pid: number | 'self' = 'self'): number | null {
  const found = /VmHWM:\s+(\d+) kB/.exec(textOf(`/proc/${pid}/status`) ?? '');
  return found === null ? null : Number(found[1]) * 1024;
}

/** Makes this process's peak memory begin anew; false where the platform cannot. */
export function resetPeakMemory(): boolean {
  if (process.platform !== 'linux') return false;
  try {
    writeFileSync('/proc/self/clear_refs', '5');
    return true;
  } catch {
    // A sandbox may forbid it: the peak then is that of the whole run, which the result says.
    return false;
  }
}

/** Processor time of a process so far, all its threads, in seconds. */
export function processorSeconds(pid: number | 'self' = 'self'): number | null {
  const stat = textOf(`/proc/${pid}/stat`);
  if (stat === null) return null;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // The kernel counts these in hundredths of a second on every platform that has this file.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** The text of a file of the system, or null where there is none to read. */
export function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
