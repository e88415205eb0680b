// The page's head: what runs where, a model of the user's own, the theme.
import { useRef } from 'preact/hooks';
import type { Engine } from '../engines/engine.js';
import type { ModelState } from '../state/use-model.js';
import { percent } from './text.js';
import { ThemeButton } from './theme-button.js';

interface Props {
  readonly engine: Engine;
  readonly model: ModelState;
  load(files?: readonly File[]): void;
}

export function Header({ engine, model, load }: Props) {
  const picker = useRef<HTMLInputElement>(null);
  return (
    <header>
      <div class="brand">
        <h1>pgenrm</h1>
        <p>Which response suits this user?</p>
      </div>
      <div class="model" role="status" aria-live="polite">
        <ModelText model={model} />
      </div>
      <div class="tools">
        {engine.takesModels && (
          <>
            <input
              ref={picker}
              class="hidden"
              type="file"
              accept=".gguf"
              multiple
              aria-label="Model file (GGUF)"
              tabIndex={-1}
              onChange={({ currentTarget }) => {
                const files = [...(currentTarget.files ?? [])];
                if (files.length > 0) load(files.sort((a, b) => (a.name < b.name ? -1 : 1)));
                currentTarget.value = '';
              }}
            />
            <button type="button" class="quiet" onClick={() => picker.current?.click()}>
              Other model…
            </button>
          </>
        )}
        {model.status === 'failed' && (
          <button type="button" onClick={() => load()}>
            Load again
          </button>
        )}
        <ThemeButton />
      </div>
    </header>
  );
}

function ModelText({ model }: { readonly model: ModelState }) {
  if (model.status === 'failed') {
    return (
      <p class="failure">
        <strong>{model.code}</strong> {model.message}
      </p>
    );
  }
  if (model.status === 'loading') {
    const { progress } = model;
    const share = progress !== null && progress.total > 0 ? progress.done / progress.total : null;
    return (
      <p>
        <span class="dot busy" aria-hidden="true" />
        {progress?.phase === 'download' ? 'Fetching the model' : 'Loading the model'}
        {share === null || progress?.phase !== 'download' ? '…' : ` ${percent(100 * share)}`}
      </p>
    );
  }
  const { facts } = model;
  return (
    <details class="facts">
      <summary>
        <span class="dot" aria-hidden="true" />
        {facts.model}
      </summary>
      <ul>
        <li>Runs in {facts.runsOn}</li>
        {facts.remarks.map((remark) => (
          <li key={remark}>{remark}</li>
        ))}
      </ul>
    </details>
  );
}
