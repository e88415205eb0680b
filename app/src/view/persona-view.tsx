// Who the user is and what counts, as the chain under way says it while it is written; afterwards as the last one said it.
import { readChain } from 'pgenrm';
import type { ShownChain } from '../engines/engine.js';
import type { JudgmentRun } from '../state/use-judgment.js';
import { percent } from './text.js';

interface Props {
  readonly run: JudgmentRun | null;
  /** Those that count. */
  readonly chains: readonly ShownChain[];
  readonly responses: number;
}

export function PersonaView({ run, chains, responses }: Props) {
  const running = run?.status === 'running';
  const text = running ? (run.writing?.text ?? '') : null;
  const last = chains.findLast(({ scores }) => scores !== null) ?? chains.at(-1);
  const reading = text === null ? last?.reading : readChain(text, { responses });
  return (
    <section class="persona" aria-labelledby="persona-title" aria-busy={running}>
      <h2 id="persona-title">
        {running ? `Chain ${run.chains.length + 1} of ${run.asked}, being written` : 'How the user is seen'}
        {running && <span class="dot busy" aria-hidden="true" />}
      </h2>
      <div class="persona-parts">
        <div>
          <h3>Persona</h3>
          <p class="prose">{reading?.personaText || '…'}</p>
        </div>
        <div>
          <h3>Rubric</h3>
          <ul>
            {(reading?.rubric.length ?? 0) === 0 && <li>…</li>}
            {reading?.rubric.map(({ name, weight }) => (
              <li key={name}>
                <span>{name}</span> <b>{weight === null ? '' : percent(weight)}</b>
              </li>
            ))}
          </ul>
        </div>
      </div>
      <p class="tail" aria-hidden="true">
        {text === null ? '' : text.slice(-160)}
      </p>
    </section>
  );
}
