// Opens files and pasted text; says what did not fit.
import { useRef, useState } from 'preact/hooks';
import type { Workbench } from '../state/use-workbench.js';
import { count } from './text.js';

/** Problems that are listed. */
const MOST_SHOWN = 20;

export function SourceTools({ workbench }: { readonly workbench: Workbench }) {
  const { source, refusal, openFile, openText, showExamples } = workbench;
  const picker = useRef<HTMLInputElement>(null);
  const [pasting, setPasting] = useState(false);
  const [text, setText] = useState('');
  return (
    <div class="source">
      <h2>{source.name}</h2>
      <div class="source-buttons">
        <input
          ref={picker}
          class="hidden"
          type="file"
          accept=".json,.jsonl,.ndjson,.gz,.parquet"
          aria-label="Data file"
          tabIndex={-1}
          onChange={({ currentTarget }) => {
            const [file] = currentTarget.files ?? [];
            if (file !== undefined) openFile(file);
            currentTarget.value = '';
          }}
        />
        <button type="button" class="quiet" onClick={() => picker.current?.click()}>
          Open…
        </button>
        <button type="button" class="quiet" aria-expanded={pasting} onClick={() => setPasting(!pasting)}>
          Paste…
        </button>
        {source.name !== 'Bundled examples' && (
          <button type="button" class="quiet" onClick={showExamples}>
            Examples
          </button>
        )}
      </div>
      {pasting && (
        <div class="paste">
          <label>
            Rows as JSON or JSON Lines
            <textarea rows={6} value={text} onInput={({ currentTarget }) => setText(currentTarget.value)} />
          </label>
          <button
            type="button"
            disabled={text.trim() === ''}
            onClick={() => {
              openText(text);
              setPasting(false);
            }}
          >
            Read
          </button>
        </div>
      )}
      <p class="failure" role="alert">
        {refusal}
      </p>
      {source.problems.length > 0 && (
        <details class="problems">
          <summary>{count(source.problems.length, 'remark')} on what was read</summary>
          <ul>
            {source.problems.slice(0, MOST_SHOWN).map((problem) => (
              <li key={problem}>{problem}</li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}
