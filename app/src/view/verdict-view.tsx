// The verdict in a sentence: the winner, how probable, by how much.
import { type JudgeTask, responseName } from '../data/task.js';
import type { Outcome } from '../judgment/outcome.js';
import { hue } from './hue.js';
import { count, points, probability } from './text.js';

interface Props {
  readonly task: JudgeTask;
  readonly outcome: Outcome;
  readonly pair: readonly [number, number];
  readonly chains: number;
  /** What the judgment before said. */
  readonly before: Outcome | null;
}

export function VerdictView({ task, outcome, pair, chains, before }: Props) {
  const { winner, tie, uncertainty, usable, lost } = outcome;
  return (
    <div class="verdict" style={hue(winner ?? 0)} role="status" aria-live="polite">
      <h2>Verdict</h2>
      <p class={winner === null ? 'headline none' : 'headline'}>{headline(outcome, chains)}</p>
      <p class="detail">
        {uncertainty !== null && winner !== null && (
          <>
            {responseName(winner)} leads {responseName(pair[1])} by {points(uncertainty.difference)} points
            (95 % interval {points(uncertainty.interval[0])} to {points(uncertainty.interval[1])}).{' '}
          </>
        )}
        {uncertainty === null && usable === 1 && 'One chain alone does not tell how sure it is. '}
        {task.label !== null && winner !== null && (
          <>
            {winner === task.label
              ? 'The user chose the same.'
              : `The user chose ${responseName(task.label)}.`}{' '}
          </>
        )}
        {lost > 0 && `${count(lost, 'chain')} of ${chains} gave no scores.`}
        {tie && usable > 0 && 'The best two have the same score. '}
        {before?.scores &&
          `Before: ${before.scores.map((score, index) => `${responseName(index)} ${points(score)}`).join(', ')}.`}
      </p>
    </div>
  );
}

function headline({ winner, tie, uncertainty, usable }: Outcome, chains: number): string {
  if (chains === 0) return 'No chain yet.';
  if (usable === 0) return 'No chain gave scores, so there is no verdict.';
  if (tie || winner === null) return 'A tie.';
  const name = responseName(winner);
  if (uncertainty === null) return `${name} is ahead.`;
  return `${name} wins, probability ${probability(uncertainty.probability)}.`;
}
