// The comparisons that can be judged, by user.
import { type JudgeTask, queryOf } from '../data/task.js';

interface Props {
  readonly tasks: readonly JudgeTask[];
  readonly chosen: JudgeTask;
  choose(task: JudgeTask): void;
}

export function RowList({ tasks, chosen, choose }: Props) {
  const users = [...new Set(tasks.map(({ userId }) => userId))];
  return (
    <nav class="rows" aria-label="Comparisons">
      <h2>Examples</h2>
      {users.map((user) => (
        <section key={user} aria-label={`User ${user}`}>
          <h3>{user}</h3>
          <ul>
            {tasks
              .filter(({ userId }) => userId === user)
              .map((task) => (
                <li key={task.id}>
                  <button
                    type="button"
                    aria-current={task.id === chosen.id ? 'true' : undefined}
                    onClick={() => choose(task)}
                  >
                    {queryOf(task)}
                  </button>
                </li>
              ))}
          </ul>
        </section>
      ))}
    </nav>
  );
}
