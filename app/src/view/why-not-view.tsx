// Why not the other: what each criterion adds to the difference, and the weight that would flip the winner.
import { responseName } from '../data/task.js';
import type { WhyNot } from '../judgment/why-not.js';
import { hue } from './hue.js';
import { count, percent, signed } from './text.js';

interface Props {
  readonly why: WhyNot | null;
  readonly pair: readonly [number, number];
  readonly tie: boolean;
}

export function WhyNotView({ why, pair, tie }: Props) {
  if (why === null) return null;
  const [winner, other] = pair;
  const most = Math.max(...why.contributions.map(({ points }) => Math.abs(points)), 1e-9);
  return (
    <section class="why" aria-labelledby="why-title">
      <h2 id="why-title">Why not {responseName(other)}?</h2>
      <p class="note">
        What each criterion adds to the lead of {responseName(winner)}, in points of the final score.
      </p>
      <ul class="contributions">
        {why.contributions.map(({ name, points }) => (
          <li
            key={name}
            style={{ ...hue(points >= 0 ? winner : other), '--size': `${(Math.abs(points) / most) * 100}%` }}
          >
            <span class="criterion">{name}</span>
            <span class={points >= 0 ? 'lever for' : 'lever against'} aria-hidden="true">
              <span />
            </span>
            <span class="amount">{signed(points)}</span>
          </li>
        ))}
      </ul>
      <p class="flip">{tie ? 'Both are equal already.' : flipText(why, other)}</p>
      <p class="note">By the rubrics of {count(why.rubrics, 'chain')}.</p>
    </section>
  );
}

function flipText({ flip, difference }: WhyNot, other: number): string {
  if (difference <= 0)
    return 'By their rubrics alone these chains do not put it ahead: they state another total.';
  if (flip === null) {
    return `No change of a single weight would put ${responseName(other)} ahead.`;
  }
  const more = flip.to > flip.from ? 'more' : 'less';
  return `The smallest change that flips it: “${flip.name}” would have to weigh ${more} than ${percent(flip.to)} in place of ${percent(flip.from)}, the other weights in proportion. Then ${responseName(other)} would win.`;
}
