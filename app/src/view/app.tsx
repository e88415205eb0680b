// The page: what is judged on the left, the judgment on the right. Owns how is judged, and files that are dropped.
import { useEffect, useState } from 'preact/hooks';
import type { JudgeTask } from '../data/task.js';
import type { Engine } from '../engines/engine.js';
import { useJudgment } from '../state/use-judgment.js';
import { useModel } from '../state/use-model.js';
import { useWorkbench } from '../state/use-workbench.js';
import { Controls, type JudgeSettings } from './controls.js';
import { Header } from './header.js';
import { JudgmentView } from './judgment-view.js';
import { RowList } from './row-list.js';
import { TaskView } from './task-view.js';
import { TokenForm } from './token-form.js';
import { useDrop } from './use-drop.js';

/** How is judged where nobody says. */
const USUAL: JudgeSettings = { individual: 4, temperature: 1, seed: 0 };

export function App({ engine }: { readonly engine: Engine }) {
  const workbench = useWorkbench();
  const { task, source } = workbench;
  const [settings, setSettings] = useState(USUAL);
  const { model, load } = useModel(engine);
  const { run, actions } = useJudgment(engine);
  const dropping = useDrop((files) => {
    if (engine.takesModels && files.every(({ name }) => name.endsWith('.gguf'))) load(files);
    else workbench.openFile(files[0]!);
  });
  // Chains that a file brings are shown at once.
  const stored = source.stored.get(task.id);
  useEffect(() => {
    if (stored !== undefined) actions.show(task, stored);
  }, [stored]);
  const choose = (chosen: JudgeTask): void => {
    actions.clear();
    workbench.choose(chosen);
  };
  const title = task.userId === '' ? 'a user' : task.userId;
  useEffect(() => {
    document.title = `pgenrm: which response suits ${title}?`;
  }, [title]);
  const shown = run.task?.id === task.id ? run : null;
  const judge = (): void => actions.judge(task, settings);
  return (
    <>
      <a class="skip" href="#judgment">
        Skip to the judgment
      </a>
      <Header engine={engine} model={model} load={load} />
      <main>
        <RowList workbench={workbench} choose={choose} />
        <div class="work">
          <TaskView task={task} run={shown} workbench={workbench} />
          <Controls
            ready={model.status === 'ready'}
            run={shown}
            settings={settings}
            setSettings={(change) => setSettings((before) => ({ ...before, ...change }))}
            judge={judge}
            stop={actions.stop}
          />
          {shown?.failure?.code === 'UNAUTHORIZED' && <TokenForm done={judge} />}
          <JudgmentView task={shown?.task ?? task} run={shown} />
        </div>
      </main>
      {dropping && (
        <p class="drop">Drop data (JSON, JSON Lines, parquet), a chains file, or a model (GGUF)</p>
      )}
    </>
  );
}
