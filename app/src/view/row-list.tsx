// The comparisons that can be judged, by user; of a chains file also those alone where levels disagree.
import { useMemo, useState } from 'preact/hooks';
import type { Source } from '../data/source.js';
import { type JudgeTask, queryOf } from '../data/task.js';
import { outcomeOf } from '../judgment/outcome.js';
import type { Workbench } from '../state/use-workbench.js';
import { SourceTools } from './source-tools.js';
import { count } from './text.js';

/** Rows that are listed at once. */
const MOST_SHOWN = 100;

interface Props {
  readonly workbench: Workbench;
  choose(task: JudgeTask): void;
}

export function RowList({ workbench, choose }: Props) {
  const { source, task: chosen } = workbench;
  const { tasks, stored } = source;
  const users = useMemo(() => [...new Set(tasks.map(({ userId }) => userId))], [tasks]);
  const [user, setUser] = useState<string | null>(null);
  const [disagreeing, setDisagreeing] = useState(false);
  const differing = useMemo(() => disagreements(source), [source]);
  const only = user !== null && users.includes(user) ? user : null;
  const listed = tasks.filter(
    ({ id, userId }) => (only === null || userId === only) && (!disagreeing || differing.has(id)),
  );
  const shown = listed.slice(0, MOST_SHOWN);
  return (
    <nav class="rows" aria-label="Comparisons">
      <SourceTools workbench={workbench} />
      {users.length > 6 && (
        <label class="filter">
          User
          <select
            value={only ?? ''}
            onChange={({ currentTarget }) => setUser(currentTarget.value === '' ? null : currentTarget.value)}
          >
            <option value="">all {users.length}</option>
            {users.map((one) => (
              <option key={one} value={one}>
                {one || 'without a name'}
              </option>
            ))}
          </select>
        </label>
      )}
      {stored.size > 0 && (
        <label class="filter">
          <input
            type="checkbox"
            checked={disagreeing}
            onChange={({ currentTarget }) => setDisagreeing(currentTarget.checked)}
          />
          Only where levels disagree ({differing.size})
        </label>
      )}
      {[...new Set(shown.map(({ userId }) => userId))].map((one) => (
        <section key={one} aria-label={`User ${one || 'without a name'}`}>
          <h3>{one || 'Without a name'}</h3>
          <ul>
            {shown
              .filter(({ userId }) => userId === one)
              .map((task) => (
                <li key={task.id}>
                  <button
                    type="button"
                    aria-current={task.id === chosen.id ? 'true' : undefined}
                    onClick={() => choose(task)}
                  >
                    {queryOf(task).slice(0, 160)}
                  </button>
                </li>
              ))}
          </ul>
        </section>
      ))}
      {listed.length > shown.length && (
        <p class="note">{count(listed.length - shown.length, 'row')} more; choose a user to see theirs.</p>
      )}
    </nav>
  );
}

/** Ids of rows whose first chain has another winner than all of them. */
function disagreements({ tasks, stored }: Source): ReadonlySet<string> {
  const ids = tasks.filter(({ id, responses }) => {
    const chains = stored.get(id) ?? [];
    const own = chains.filter(({ level }) => level === 'individual').sort((a, b) => a.index - b.index);
    return (
      own.length > 1 &&
      outcomeOf(own.slice(0, 1), responses.length).winner !== outcomeOf(own, responses.length).winner
    );
  });
  return new Set(ids.map(({ id }) => id));
}
