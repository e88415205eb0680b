// Takes a response as a choice of the user: their other rows then know it.
import { useState } from 'preact/hooks';
import { type JudgeTask, responseName } from '../data/task.js';
import type { Workbench } from '../state/use-workbench.js';

interface Props {
  readonly task: JudgeTask;
  readonly chosen: number;
  readonly scores: readonly number[] | null;
  readonly workbench: Workbench;
}

export function RememberButton({ task, chosen, scores, workbench }: Props) {
  const [said, setSaid] = useState<string | null>(null);
  const others = task.responses.map((_, index) => index).filter((index) => index !== chosen);
  // Against the one that the judgment likes least, as far as there is one.
  const rejected = others.reduce((worst, one) =>
    (scores?.[one] ?? 0) < (scores?.[worst] ?? 0) ? one : worst,
  );
  const remember = (): void => {
    workbench.remember({
      context: task.context,
      chosen: task.responses[chosen]!,
      rejected: task.responses[rejected]!,
    });
    setSaid(task.id);
  };
  return (
    <p class="remember">
      <button type="button" class="quiet" disabled={said === task.id} onClick={remember}>
        {said === task.id
          ? 'Remembered for the other rows of this user'
          : `The user would choose ${responseName(chosen)}`}
      </button>
    </p>
  );
}
