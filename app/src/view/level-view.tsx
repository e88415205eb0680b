// Levels as a slider: the first m chains count; the interval at every m, and what they cost.
import { useMemo } from 'preact/hooks';
import { responseName } from '../data/task.js';
import type { ShownChain } from '../engines/engine.js';
import { type Outcome, outcomeOf } from '../judgment/outcome.js';
import { hue } from './hue.js';
import { count, seconds } from './text.js';

interface Props {
  readonly chains: readonly ShownChain[];
  readonly responses: number;
  readonly level: number;
  setLevel(level: number): void;
  readonly promptTokens: number | null;
  readonly outcome: Outcome;
  readonly pair: readonly [number, number];
}

/** The difference that the picture spans, in points to either side. */
const SPAN = 6;

export function LevelView({ chains, responses, level, setLevel, promptTokens, outcome, pair }: Props) {
  const most = Math.max(1, chains.length);
  return (
    <div class="level">
      <div class="level-head">
        <label for="level">
          Level <output>Ind-{Math.max(level, 0)}</output>
        </label>
        <p class="cost">
          {level === 0
            ? 'Cost: nothing yet'
            : `${count(outcome.tokens, 'token')} written${outcome.ms > 0 ? `, ${seconds(outcome.ms)}` : ''}`}
          {promptTokens !== null && `, ${count(promptTokens, 'prompt token')}`}
        </p>
      </div>
      <IntervalChart chains={chains} responses={responses} level={level} pair={pair} />
      <input
        id="level"
        type="range"
        min={1}
        max={most}
        step={1}
        value={Math.max(1, level)}
        disabled={chains.length < 2}
        aria-valuetext={`${count(level, 'chain')} counted`}
        onInput={({ currentTarget }) => setLevel(Number(currentTarget.value))}
      />
    </div>
  );
}

/** Where the difference lies at each level, and its 95 % interval. */
function IntervalChart({
  chains,
  responses,
  level,
  pair,
}: Omit<Props, 'setLevel' | 'promptTokens' | 'outcome'>) {
  const [first, second] = pair[0] < pair[1] ? pair : [pair[1], pair[0]];
  const steps = useMemo(
    () =>
      chains.map((_, index) => {
        const { scores, uncertainty } = outcomeOf(chains.slice(0, index + 1), responses);
        if (scores === null) return null;
        const difference = scores[second]! - scores[first]!;
        if (uncertainty === null) return { difference, reach: null };
        return { difference, reach: (uncertainty.interval[1] - uncertainty.interval[0]) / 2 };
      }),
    [chains, responses, first, second],
  );
  const height = 120;
  const width = 600;
  const y = (value: number): number =>
    height / 2 - (Math.max(-SPAN, Math.min(SPAN, value)) / SPAN) * (height / 2 - 8);
  const x = (index: number): number =>
    chains.length < 2 ? width / 2 : 10 + (index * (width - 20)) / (chains.length - 1);
  const text = `Difference between ${responseName(second)} and ${responseName(first)} after each of ${chains.length} chains`;
  return (
    <figure class="intervals">
      <figcaption>
        <span style={hue(second)} class="side up">
          {responseName(second)} ahead
        </span>
        <span style={hue(first)} class="side down">
          {responseName(first)} ahead
        </span>
      </figcaption>
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={text}>
        <line class="zero" x1="0" x2={width} y1={height / 2} y2={height / 2} />
        {steps.map(
          (step, index) =>
            step !== null && (
              <g
                key={index}
                class={index < level ? 'step' : 'step beyond'}
                style={hue(step.difference >= 0 ? second : first)}
              >
                {step.reach !== null && (
                  <line
                    class="reach"
                    x1={x(index)}
                    x2={x(index)}
                    y1={y(step.difference - step.reach)}
                    y2={y(step.difference + step.reach)}
                  />
                )}
                <line
                  class="middle"
                  x1={x(index) - 7}
                  x2={x(index) + 7}
                  y1={y(step.difference)}
                  y2={y(step.difference)}
                />
              </g>
            ),
        )}
      </svg>
    </figure>
  );
}
