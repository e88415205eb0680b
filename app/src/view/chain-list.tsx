// Every chain, readable: persona, rubric with scores, what was recovered or lost, and the text itself.
import { responseName } from '../data/task.js';
import type { ShownChain } from '../engines/engine.js';
import { hue } from './hue.js';
import { count, percent, points } from './text.js';

const LOST: Readonly<Record<string, string>> = {
  empty: 'it has no text',
  noJson: 'it has no part that could hold scores',
  cutOff: 'it ends before every response has a score',
  missingScore: 'a response has no score in it',
  outOfRange: 'a score is not from 1 to 10',
  tooLong: 'it is longer than any judgment',
};

const RECOVERED: Readonly<Record<string, string>> = {
  noStartMarker: 'no start marker',
  noEndMarker: 'no end marker',
  unclosedJson: 'the object was not closed',
  doubleEscaped: 'line breaks escaped twice',
  stringScores: 'scores as text',
  fraction: 'scores as fractions',
  oddKeys: 'responses under other names',
  swappedKeys: 'responses in another order',
  conflictingScores: 'two scores for one response',
  scoreFromBreakdown: 'a score from the breakdown alone',
};

interface Props {
  readonly chains: readonly ShownChain[];
  /** The first so many count at the level. */
  readonly counted: number;
}

export function ChainList({ chains, counted }: Props) {
  return (
    <section class="chains" aria-labelledby="chains-title">
      <h2 id="chains-title">Chains</h2>
      {chains.map((chain, place) => (
        <ChainView
          key={`${chain.level} ${chain.index}`}
          chain={chain}
          place={place}
          counts={place < counted}
        />
      ))}
    </section>
  );
}

function ChainView({
  chain,
  place,
  counts,
}: {
  readonly chain: ShownChain;
  readonly place: number;
  readonly counts: boolean;
}) {
  const { scores, lost, reading } = chain;
  const best = scores === null ? null : scores.indexOf(Math.max(...scores));
  return (
    <details class={counts ? 'chain' : 'chain beyond'}>
      <summary>
        <span class="chain-name">Chain {place + 1}</span>
        {scores === null ? (
          <span class="lost">lost: {LOST[lost ?? ''] ?? lost}</span>
        ) : (
          <span class="chain-scores">
            {scores.map((score, response) => (
              <span key={response} class={response === best ? 'best' : undefined} style={hue(response)}>
                {responseName(response)} {points(score)}
              </span>
            ))}
          </span>
        )}
        {reading.recovered.length > 0 && <span class="badge">recovered</span>}
        {!counts && <span class="badge">not counted at this level</span>}
      </summary>
      <div class="chain-body">
        {reading.recovered.length > 0 && (
          <p class="note">
            Recovered: {reading.recovered.map((repair) => RECOVERED[repair] ?? repair).join(', ')}.
          </p>
        )}
        {reading.personaText !== '' && (
          <>
            <h3>Persona</h3>
            <p class="prose">{reading.personaText}</p>
          </>
        )}
        {reading.rubric.length > 0 && <RubricTable chain={chain} />}
        <details>
          <summary>The text, {count(chain.tokens, 'token')}</summary>
          <pre>{chain.text}</pre>
        </details>
      </div>
    </details>
  );
}

function RubricTable({ chain }: { readonly chain: ShownChain }) {
  const { reading, order, scores } = chain;
  const positions = order.map((_, response) => order.indexOf(response));
  return (
    <table class="rubric">
      <thead>
        <tr>
          <th scope="col">Criterion</th>
          <th scope="col">Weight</th>
          {positions.map((_, response) => (
            <th key={response} scope="col">
              {responseName(response)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {reading.rubric.map(({ name, weight }, index) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{weight === null ? '–' : percent(weight)}</td>
            {positions.map((position, response) => (
              <td key={response}>{reading.responses[position]?.criterionScores?.[index] ?? '–'}</td>
            ))}
          </tr>
        ))}
        {scores !== null && (
          <tr class="total">
            <th scope="row">Score</th>
            <td />
            {scores.map((score, response) => (
              <td key={response}>{points(score)}</td>
            ))}
          </tr>
        )}
      </tbody>
    </table>
  );
}
