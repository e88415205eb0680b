// The page: what is judged on the left, the judgment on the right. Owns which task, which level, which theme.
import { useEffect, useMemo, useState } from 'preact/hooks';
import { exampleTasks } from '../data/examples.js';
import type { JudgeTask } from '../data/task.js';
import type { Engine } from '../engines/engine.js';
import { useJudgment } from '../state/use-judgment.js';
import { useModel } from '../state/use-model.js';
import { Controls, type JudgeSettings } from './controls.js';
import { Header } from './header.js';
import { JudgmentView } from './judgment-view.js';
import { RowList } from './row-list.js';
import { TaskView } from './task-view.js';
import { TokenForm } from './token-form.js';

/** How is judged where nobody says. */
const USUAL: JudgeSettings = { individual: 4, temperature: 1, seed: 0 };

export function App({ engine }: { readonly engine: Engine }) {
  const tasks = useMemo(exampleTasks, []);
  const [task, setTask] = useState<JudgeTask>(() => tasks[0]!);
  const [settings, setSettings] = useState(USUAL);
  const { model, load } = useModel(engine);
  const { run, actions } = useJudgment(engine);
  const choose = (chosen: JudgeTask): void => {
    actions.clear();
    setTask(chosen);
  };
  const title = task.userId === '' ? 'a user' : task.userId;
  useEffect(() => {
    document.title = `pgenrm: which response suits ${title}?`;
  }, [title]);
  const shown = run.task === task ? run : null;
  return (
    <>
      <a class="skip" href="#judgment">
        Skip to the judgment
      </a>
      <Header engine={engine} model={model} load={load} />
      <main>
        <RowList tasks={tasks} chosen={task} choose={choose} />
        <div class="work">
          <TaskView task={task} run={shown} />
          <Controls
            ready={model.status === 'ready'}
            run={shown}
            settings={settings}
            setSettings={(change) => setSettings((before) => ({ ...before, ...change }))}
            judge={() => actions.judge(task, settings)}
            stop={actions.stop}
          />
          {shown?.failure?.code === 'UNAUTHORIZED' && (
            <TokenForm done={() => actions.judge(task, settings)} />
          )}
          <JudgmentView task={task} run={shown} />
        </div>
      </main>
    </>
  );
}
