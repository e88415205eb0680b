// The figures of adaptive stopping: accuracy beside that of all chains, tokens and chains saved, winners changed.
// Knows replayed rows and outcomes; the replay is `adaptive-replay.ts`.

import { levelName } from '../../scaling/level.js';
import { type Figure, figureOf, type IntervalSettings } from '../../statistics/cluster-interval.js';
import type { AdaptiveContender, ReplayedRow } from '../figures/adaptive-replay.js';
import { compare } from '../figures/comparisons.js';
import type { OutcomeTable, TieChoice } from '../figures/outcome-table.js';
import type { AdaptiveReport } from './report.js';

/** The report of each contender; `table` has their outcomes, `whole` those of the levels, on the same rows. */
export async function adaptiveReports(
  settings: IntervalSettings,
  contenders: readonly AdaptiveContender[],
  table: OutcomeTable,
  whole: OutcomeTable,
  ties: TieChoice,
): Promise<AdaptiveReport[]> {
  const rows = table.select();
  const users = table.usersOf(rows);
  const paired = ties === 'excluded' ? 'half' : ties;
  const comparisons = await compare(
    settings,
    contenders.map(({ name, level }) => [
      { name, values: table.accuracy(name, paired, rows).numerators },
      { name: levelName(level), values: whole.accuracy(levelName(level), paired, rows).numerators },
    ]),
    users,
  );
  const reports: AdaptiveReport[] = [];
  for (const [index, { name, level, risk, rows: replayed }] of contenders.entries()) {
    const share = (
      above: (row: ReplayedRow) => number,
      below: (row: ReplayedRow) => number,
    ): Promise<Figure> =>
      figureOf(settings, {
        numerators: Float64Array.from(replayed, above),
        denominators: Float64Array.from(replayed, below),
        users,
      });
    reports.push({
      level: levelName(level),
      risk,
      accuracy: await figureOf(settings, { ...table.accuracy(name, ties, rows), users }),
      difference: comparisons[index]!,
      tokensSaved: await share(
        ({ tokens, usedTokens }) => tokens - usedTokens,
        ({ tokens }) => tokens,
      ),
      chainsSaved: await share(
        ({ chains, usedChains }) => chains - usedChains,
        ({ chains }) => chains,
      ),
      changed: await share(
        ({ changed }) => changed,
        ({ chains }) => (chains > 0 ? 1 : 0),
      ),
    });
  }
  return reports;
}
