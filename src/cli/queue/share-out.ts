// Judging a data set by the workers of a queue, as `score` does under `--queue`.
// Knows flags and progress; the queue itself is src/queue.

import type { Command } from 'commander';
import { PgenrmError } from '../../errors.js';
import { printable } from '../../output/printable.js';
import type { QueueJudge } from '../../queue/queue-judge.js';
import type { QueueEvent, SharingOptions } from '../../queue/session.js';
import type { RunEvent } from '../../run/scoring/scoring-run.js';
import type { Progress } from '../terminal/progress.js';
import { crewText } from './status-text.js';

/** Attributes of flags that say how a model runs: with a queue they are the workers'. */
const OF_WORKERS = [
  ...['model', 'engineUrl', 'engineKind', 'template', 'chatTemplate', 'generator', 'gpu', 'threads'],
  ...['context', 'maxSequences', 'engine', 'bank', 'embedder', 'concurrency'],
];
/** Milliseconds between two words of how it goes, where they are JSON. */
const PACE_MS = 1000;

/** Refuses flags that belong to the workers. Errors: `INVALID_OPTION`. */
export function checkShared({ queue }: { readonly queue?: string }, command: Command): void {
  if (queue === undefined) return;
  const given = command.options.find(
    (option) =>
      OF_WORKERS.includes(option.attributeName()) &&
      command.getOptionValueSource(option.attributeName()) === 'cli',
  );
  if (given !== undefined)
    throw new PgenrmError(
      'INVALID_OPTION',
      `${given.long} says how a worker judges: give it to pgenrm work, and leave it out beside --queue`,
    );
}

/** Looks whether a queue can be used. Errors: as `openBackend`. */
export async function checkQueue(address: string): Promise<void> {
  const { openBackend } = await import('../../queue/backend/open-backend.js');
  await using _opened = await openBackend(address);
}

/** Rows that are shared out. */
export interface SharedOut extends AsyncDisposable {
  readonly judge: QueueJudge;
  /** Takes what the run reports, for `pgenrm queue status`. */
  follow(event: RunEvent): void;
  /** How it goes, in a few words. */
  note(): string;
}

/** Waits for a worker, then shares rows out. Errors: as `QueueJudge.begin`. */
export async function shareOut(
  options: Omit<SharingOptions, 'onEvent'>,
  progress: Progress,
): Promise<SharedOut> {
  const { QueueJudge: Judge } = await import('../../queue/queue-judge.js');
  const judge = await Judge.begin({
    ...options,
    onEvent: (event) => progress.say({ ...event, event: `queue-${event.type}` }, textOf(event)),
  });
  let spoke = performance.now();
  return {
    judge,
    follow(event) {
      const { crew } = judge;
      if (event.type === 'started') crew.begin(event.rows, event.done);
      else if (event.type === 'retrying') crew.begin(event.rows, 0);
      else if (event.type === 'row') crew.begin(event.rows, event.done);
      if (event.type === 'row' && event.record.status !== 'scored') crew.failed(reasonOf(event));
      if (performance.now() - spoke < PACE_MS) return;
      spoke = performance.now();
      progress.pace({ event: 'queue', ...crew.status() });
    },
    note: () => crewText(judge.crew.status()),
    [Symbol.asyncDispose]: () => judge[Symbol.asyncDispose](),
  };
}

function reasonOf({ record }: Extract<RunEvent, { type: 'row' }>): string {
  if (record.status === 'invalid') return 'fits no shape';
  return record.error?.code ?? 'no usable chain';
}

function textOf(event: QueueEvent): string {
  switch (event.type) {
    case 'waiting':
      return `waiting for a worker of ${printable(event.queue)} to say what it judges with: pgenrm work --queue ...`;
    case 'joined':
      return `worker ${printable(event.worker)} judges`;
    case 'refused':
      return `worker ${printable(event.worker)} refuses: ${printable(event.reason)}`;
    case 'trouble':
      return event.reason === null
        ? 'the queue answers again'
        : `the queue does not answer (${printable(event.reason)}); trying again`;
  }
}
