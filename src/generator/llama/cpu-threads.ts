// How many CPU threads decode, with the reason.
// Knows how busy the machine is at this moment, nothing of models.
import { availableParallelism, cpus } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import type { ThreadWish } from '../../options/engine-options.js';

/** A number of threads and why it was taken. */
export interface ThreadChoice {
  readonly threads: number;
  readonly reason: string;
}

/** How long the processors are watched, in milliseconds: the clock behind their times ticks every 10. */
const WATCHED_MS = 150;

/**
 * The most threads that the native engine computes on; how many it takes for each call it chooses itself, by the cores
 * that are free then.
 */
export function mostThreads(wanted: ThreadWish | undefined, mathCores: number): ThreadChoice {
  if (typeof wanted === 'number') return { threads: wanted, reason: 'asked for' };
  const cores = Math.max(1, Math.min(mathCores, availableParallelism()));
  if (wanted === undefined) return { threads: cores, reason: 'the cores that are useful for arithmetic' };
  return { threads: Math.max(1, Math.floor(cores / 2)), reason: 'background: half of the cores' };
}

/**
 * Chooses the threads of a generator that keeps them: those asked for, else the cores that are useful for arithmetic, less what other
 * work keeps busy at this moment. Threads wait for each other after every operation, so that one without a core
 * stalls all of them: on a busy machine a small model runs many times faster on fewer threads.
 * `idleCores` is measured where it is not given.
 */
export async function chooseThreads(
  wanted: ThreadWish | undefined,
  mathCores: number,
  idleCores?: number,
): Promise<ThreadChoice> {
  const most = mostThreads(wanted, mathCores);
  if (typeof wanted === 'number') return most;
  const cores = most.threads;
  const idle = idleCores ?? (await measureIdleCores());
  const threads = Math.max(1, Math.min(cores, Math.round(idle)));
  if (threads === cores) return most;
  return { threads, reason: `${cores} cores, of which ${idle.toFixed(1)} were idle` };
}

/** The cores that nothing uses, on average over {@link WATCHED_MS}. */
async function measureIdleCores(): Promise<number> {
  const before = processorTimes();
  await wait(WATCHED_MS);
  const after = processorTimes();
  const total = after.total - before.total;
  return total <= 0 ? availableParallelism() : ((after.idle - before.idle) / total) * cpus().length;
}

function processorTimes(): { idle: number; total: number } {
  let idle = 0;
  let total = 0;
  for (const { times } of cpus()) {
    // Work that was started to give way (nice) leaves its core to this process.
    idle += times.idle + times.nice;
    total += times.idle + times.user + times.nice + times.sys + times.irq;
  }
  return { idle, total };
}
