// Scores by criterion: a bar for the mean of each response, a mark for every chain.
import { responseName } from '../data/task.js';
import type { CriterionRow } from '../judgment/criteria.js';
import { hue } from './hue.js';
import { count, percent, points } from './text.js';

interface Props {
  readonly rows: readonly CriterionRow[];
  readonly responses: number;
  readonly rubrics: number;
}

const share = (score: number): string => `${((score - 1) / 9) * 100}%`;

export function CriteriaView({ rows, responses, rubrics }: Props) {
  const all = Array.from({ length: responses }, (_, index) => index);
  return (
    <section class="criteria" aria-labelledby="criteria-title">
      <h2 id="criteria-title">Criteria</h2>
      <p class="note">Means over {count(rubrics, 'chain')}, from 1 to 10; each mark is one chain.</p>
      <table>
        <thead>
          <tr>
            <th scope="col">Criterion</th>
            <th scope="col">Weight</th>
            <th scope="col">Scores</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.name}>
              <th scope="row">
                {row.name}
                {row.chains < rubrics && (
                  <span class="in">
                    {' '}
                    in {row.chains} of {rubrics}
                  </span>
                )}
              </th>
              <td class="weight">{percent(row.weight)}</td>
              <td>
                {all.map((response) => (
                  <div
                    key={response}
                    class="bar"
                    style={{ ...hue(response), '--mean': share(row.means[response]!) }}
                  >
                    <span class="bar-name">{responseName(response)}</span>
                    <span class="track" aria-hidden="true">
                      <span class="fill" />
                      {row.scores[response]!.map((score, chain) => (
                        <span key={chain} class="mark" style={{ '--at': share(score) }} />
                      ))}
                    </span>
                    <span class="mean">{points(row.means[response]!)}</span>
                  </div>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
