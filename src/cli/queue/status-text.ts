// How a shared run goes, for people.

import { printable } from '../../output/printable.js';
import type { CrewStatus } from '../../queue/crew.js';
import type { RunStatus } from '../../queue/queue-status.js';

/** Rows in flight, and workers. */
export function crewText({ workers, inFlight }: CrewStatus): string {
  return `${inFlight} rows in flight, ${workers.length} worker${workers.length === 1 ? '' : 's'}`;
}

function paceText(status: CrewStatus): string {
  const { rowsPerSecond, secondsToGo } = status;
  const parts = [crewText(status)];
  if (rowsPerSecond !== null) parts.push(`${rate(rowsPerSecond)} rows/s`);
  if (secondsToGo !== null) parts.push(`${duration(secondsToGo)} to go`);
  return parts.join(', ');
}

/** The runs of a queue. */
export function statusText(queue: string, runs: readonly RunStatus[], waiting: number): string {
  if (runs.length === 0) return `${printable(queue)}: no run; ${waiting} jobs wait\n`;
  return `${printable(queue)}: ${runs.length} run${runs.length === 1 ? '' : 's'}; ${waiting} jobs wait\n${runs.map(runText).join('')}`;
}

function runText({ head, word, alive }: RunStatus): string {
  const lines = [`\n${printable(head.output)} (process ${head.pid}, pgenrm ${head.pgenrm})`];
  if (!alive)
    lines.push(
      '  its process does not answer; the same command with --resume goes on and clears its jobs away',
    );
  if (word === null) return `${lines.join('\n')}\n`;
  lines.push(
    word.rows === null
      ? '  waits for a worker to say what it judges with'
      : `  ${word.done} of ${word.rows} rows, ${paceText(word)}`,
  );
  if (word.trouble !== null) lines.push(`  the queue does not answer (${printable(word.trouble)})`);
  for (const [reason, count] of Object.entries(word.failed))
    lines.push(`  failed    ${count} ${printable(reason)}`);
  for (const { worker, rows, rowsPerSecond, quiet } of word.workers)
    lines.push(
      `  worker    ${printable(worker)}: ${rows} rows, ${rate(rowsPerSecond)} rows/s, last answer ${quiet} s ago`,
    );
  for (const { worker, reason } of word.refused)
    lines.push(`  refused   ${printable(worker)}: ${printable(reason)}`);
  return `${lines.join('\n')}\n`;
}

function rate(perSecond: number): string {
  return perSecond < 10 ? perSecond.toFixed(2) : perSecond.toFixed(0);
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5400) return `${Math.ceil(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
