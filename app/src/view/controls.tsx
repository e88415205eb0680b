// Judge and stop, how many chains, and how far it is.
import type { JudgmentRun } from '../state/use-judgment.js';
import { count } from './text.js';

const LEVELS = [1, 2, 4, 8, 16, 32];

/** How to judge. */
export interface JudgeSettings {
  /** Chains to write. */
  readonly individual: number;
  readonly temperature: number;
  readonly seed: number;
}

interface Props {
  readonly ready: boolean;
  readonly run: JudgmentRun | null;
  readonly settings: JudgeSettings;
  /** Changes some of them. */
  setSettings(change: Partial<JudgeSettings>): void;
  judge(): void;
  stop(): void;
}

export function Controls({ ready, run, settings, setSettings, judge, stop }: Props) {
  const running = run?.status === 'running';
  return (
    <section class="controls" aria-label="Judge">
      <label>
        Chains to write
        <select
          value={settings.individual}
          disabled={running}
          onChange={({ currentTarget }) => setSettings({ individual: Number(currentTarget.value) })}
        >
          {LEVELS.map((level) => (
            <option key={level} value={level}>
              Ind-{level}
            </option>
          ))}
        </select>
      </label>
      {running ? (
        <button type="button" class="main" onClick={stop}>
          Stop
        </button>
      ) : (
        <button type="button" class="main" disabled={!ready} onClick={judge}>
          {run !== null && run.chains.length > 0 ? 'Judge again' : 'Judge'}
        </button>
      )}
      <progress
        aria-label="Chains written"
        max={Math.max(1, run?.asked ?? settings.individual)}
        value={run === null ? 0 : run.chains.length}
      />
      <p class="status" role="status" aria-live="polite">
        {statusText(ready, run)}
      </p>
      <details class="more">
        <summary>More</summary>
        <label>
          Temperature
          <input
            type="number"
            min={0}
            max={2}
            step={0.1}
            value={settings.temperature}
            disabled={running}
            onInput={({ currentTarget }) => {
              const { value, validity } = currentTarget;
              if (validity.valid && value !== '') setSettings({ temperature: Number(value) });
            }}
          />
        </label>
        <label>
          Seed
          <input
            type="number"
            min={0}
            max={4_294_967_295}
            step={1}
            value={settings.seed}
            disabled={running}
            onInput={({ currentTarget }) => {
              const { value, validity } = currentTarget;
              if (validity.valid && value !== '') setSettings({ seed: Number(value) });
            }}
          />
        </label>
        <p class="note">
          The same seed writes the same chains again, on this engine. Temperature 0 takes the most probable
          words.
        </p>
      </details>
    </section>
  );
}

function statusText(ready: boolean, run: JudgmentRun | null): string {
  if (run === null || run.status === 'idle') return ready ? 'Ready.' : 'The model is not there yet.';
  const { status, chains, asked, failure } = run;
  const written = `${chains.length} of ${count(asked, 'chain')}`;
  if (status === 'running') return run.facts === null ? 'Reading the prompt…' : `${written} written`;
  if (status === 'failed')
    return `${failure?.code}: ${failure?.message}${chains.length > 0 ? ` (${written} are kept)` : ''}`;
  return status === 'stopped' ? `Stopped: ${written} written` : `${written} written`;
}
