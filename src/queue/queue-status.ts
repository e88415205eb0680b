// How the runs of a queue are, for whoever asks from outside.
// Knows records; changes nothing.

import { setTimeout as pause } from 'node:timers/promises';
import type { QueueBackend } from './backend/backend.js';
import { BEAT_MS, listRuns, type RunHead, type RunWord } from './run-record.js';

/** One run. */
export interface RunStatus {
  readonly head: RunHead;
  readonly word: RunWord | null;
  /** Whether its process gave a sign while we watched: clocks of machines may differ. */
  readonly alive: boolean;
}

/** All runs of a queue. */
export interface QueueStatus {
  readonly queue: string;
  readonly runs: readonly RunStatus[];
  /** Jobs that no worker has taken. */
  readonly waiting: number;
}

/** Looks twice, so that a process that has ended is told from one at work; takes 2.5 s where there are runs. */
export async function queueStatus(backend: QueueBackend): Promise<QueueStatus> {
  const runs = backend.queue('runs');
  const jobs = backend.queue('jobs');
  const first = await listRuns(runs);
  if (first.length > 0) await pause(2.5 * BEAT_MS);
  const second = first.length > 0 ? await listRuns(runs) : first;
  const { waiting = 0 } = await jobs.getJobCounts('waiting');
  return {
    queue: backend.name,
    waiting,
    runs: second.map(({ head, word }) => {
      const before = first.find((one) => one.head.run === head.run);
      return { head, word, alive: before === undefined || before.word?.beat !== word?.beat };
    }),
  };
}
