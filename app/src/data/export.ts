// A judgment as a file of the user's own.
import type { ShownChain } from '../engines/engine.js';
import { outcomeOf } from '../judgment/outcome.js';
import type { JudgeTask } from './task.js';

/** Hands the judgment to the browser as a download. */
export function exportJudgment(task: JudgeTask, chains: readonly ShownChain[]): void {
  const { scores, winner, tie, uncertainty, usable, lost } = outcomeOf(chains, task.responses.length);
  const { label, ...asked } = task;
  const whole = {
    ...asked,
    ...(label === null ? {} : { label }),
    judgment: { scores, winner, tie, uncertainty, usable, lost },
    chains: chains.map(({ reading: _, atMs: __, ...chain }) => chain),
  };
  const url = URL.createObjectURL(
    new Blob([`${JSON.stringify(whole, null, 2)}\n`], { type: 'application/json' }),
  );
  const link = document.createElement('a');
  link.href = url;
  link.download = `judgment-${task.id.replace(/[^\w.-]+/g, '_')}.json`;
  link.click();
  // The browser has taken the file by then.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
