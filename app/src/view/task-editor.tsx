// Changes what is judged: the wishes, the query, the responses.
import type { JudgeTask } from '../data/task.js';
import { queryOf, responseName } from '../data/task.js';
import type { Workbench } from '../state/use-workbench.js';
import { count } from './text.js';

const MOST_RESPONSES = 6;

export function TaskEditor({ task, workbench }: { readonly task: JudgeTask; readonly workbench: Workbench }) {
  const { edit, forget, added } = workbench;
  const setResponse = (at: number, text: string): void =>
    edit({ responses: task.responses.map((response, index) => (index === at ? text : response)) });
  return (
    <details class="editor">
      <summary>Change it</summary>
      <div class="editor-fields">
        <label>
          What the user wishes
          <textarea
            rows={2}
            value={task.criteria}
            onInput={({ currentTarget }) => edit({ criteria: currentTarget.value })}
          />
        </label>
        <label>
          Query
          <textarea
            rows={2}
            value={queryOf(task)}
            onInput={({ currentTarget }) =>
              edit({
                context: [...task.context.slice(0, -1), { role: 'user', content: currentTarget.value }],
              })
            }
          />
        </label>
        {task.responses.map((response, index) => (
          <label key={index}>
            Response {responseName(index)}
            <textarea
              rows={4}
              value={response}
              onInput={({ currentTarget }) => setResponse(index, currentTarget.value)}
            />
          </label>
        ))}
        <div class="editor-buttons">
          <button
            type="button"
            class="quiet"
            disabled={task.responses.length >= MOST_RESPONSES}
            onClick={() => edit({ responses: [...task.responses, ''] })}
          >
            One more response
          </button>
          <button
            type="button"
            class="quiet"
            disabled={task.responses.length <= 2}
            onClick={() => edit({ responses: task.responses.slice(0, -1) })}
          >
            One less
          </button>
          <button type="button" class="quiet" onClick={forget}>
            As it was{added > 0 && ` (and forget ${count(added, 'added choice')})`}
          </button>
        </div>
      </div>
    </details>
  );
}
