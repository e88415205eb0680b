// What is judged: the user, the query, the responses side by side with what the judgment says of each.
import { type JudgeTask, queryOf, responseName } from '../data/task.js';
import { outcomeOf } from '../judgment/outcome.js';
import type { JudgmentRun } from '../state/use-judgment.js';
import type { Workbench } from '../state/use-workbench.js';
import { hue } from './hue.js';
import { RememberButton } from './remember-button.js';
import { TaskEditor } from './task-editor.js';
import { count, points } from './text.js';

interface Props {
  readonly task: JudgeTask;
  readonly run: JudgmentRun | null;
  readonly workbench: Workbench;
}

export function TaskView({ task, run, workbench }: Props) {
  // A judgment of other responses says nothing of these.
  const judged = run?.task?.responses.length === task.responses.length ? run.chains : [];
  const outcome = judged.length === 0 ? null : outcomeOf(judged, task.responses.length);
  return (
    <section class="task" aria-label="What is judged">
      <UserView task={task} />
      <div class="query">
        <h2>Query</h2>
        {task.context.length > 1 && (
          <details>
            <summary>{count(task.context.length - 1, 'earlier turn')}</summary>
            {task.context.slice(0, -1).map((turn, index) => (
              <p key={index} class="turn">
                <b>{turn.role}</b> {turn.content}
              </p>
            ))}
          </details>
        )}
        <p class="prose">{queryOf(task)}</p>
      </div>
      <div class="responses">
        {task.responses.map((response, index) => {
          const wins = outcome?.winner === index;
          return (
            <article
              key={index}
              class={`response${wins ? ' wins' : ''}`}
              style={hue(index)}
              aria-label={`Response ${responseName(index)}`}
            >
              <h3>
                <span class="name">{responseName(index)}</span>
                <span class="badges">
                  {task.label === index && <span class="badge">the user’s choice</span>}
                  {wins && <span class="badge win">wins</span>}
                </span>
                <output class="score" aria-label={`Score of response ${responseName(index)}`}>
                  {outcome?.scores ? points(outcome.scores[index]!) : '–'}
                </output>
              </h3>
              <p class="prose">{response}</p>
              <RememberButton
                task={task}
                chosen={index}
                scores={outcome?.scores ?? null}
                workbench={workbench}
              />
            </article>
          );
        })}
      </div>
      <TaskEditor task={task} workbench={workbench} />
    </section>
  );
}

function UserView({ task }: { readonly task: JudgeTask }) {
  const { userId, criteria, history } = task;
  return (
    <div class="user">
      <h2>
        User <span class="user-name">{userId || 'without a name'}</span>
      </h2>
      <p class={criteria === '' ? 'wish none' : 'wish'}>
        {criteria === '' ? 'States no wishes.' : `“${criteria}”`}
      </p>
      <details>
        <summary>{count(history.length, 'earlier choice')}</summary>
        <ol class="history">
          {history.map((event, index) => (
            <li key={index}>
              <p class="asked">{event.context.at(-1)?.content}</p>
              <div class="pair">
                <p>
                  <b>Chosen</b>
                  {event.chosen}
                </p>
                <p>
                  <b>Rejected</b>
                  {event.rejected}
                </p>
              </div>
            </li>
          ))}
        </ol>
      </details>
    </div>
  );
}
