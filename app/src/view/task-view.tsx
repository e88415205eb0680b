// What is judged: the user, the query, the responses side by side with what the judgment says of each.
import { type JudgeTask, queryOf, responseName } from '../data/task.js';
import { outcomeOf } from '../judgment/outcome.js';
import type { JudgmentRun } from '../state/use-judgment.js';
import { hue } from './hue.js';
import { count, points } from './text.js';

export function TaskView({ task, run }: { readonly task: JudgeTask; readonly run: JudgmentRun | null }) {
  const outcome =
    run === null || run.chains.length === 0 ? null : outcomeOf(run.chains, task.responses.length);
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
            </article>
          );
        })}
      </div>
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
