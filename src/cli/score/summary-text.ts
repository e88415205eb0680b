// The closing summary of a run, for people.

import type { GeneratorInfo } from '../../generator/generator.js';
import { printable } from '../../output/printable.js';
import type { RunSummary } from '../../run/scoring/run-journal.js';

/** What a run did, in a few lines; `path` is the output's, null for a stream; `guided` where the chains were guided. */
export function summaryText(summary: RunSummary, path: string | null, guided = false): string {
  const { counts, accuracy, session, rows } = summary;
  const lost = Object.values(counts.lostChains).reduce((sum, count) => sum + count, 0);
  const reasons = Object.entries(counts.lostChains).map(([reason, count]) => `${count} ${reason}`);
  const lines = [
    `rows      ${counts.scored} scored, ${counts.failed} failed, ${counts.invalid} invalid${counts.ties > 0 ? ` (${counts.ties} ties)` : ''}`,
    `chains    ${counts.usableChains} usable of ${counts.usableChains + lost}${lost > 0 ? ` (lost: ${reasons.join(', ')})` : ''}`,
  ];
  const hint = counts.usableChains === 0 && lost > 0 ? lostHint(counts.lostChains, guided) : null;
  if (hint !== null) lines.push(`hint      ${hint}`);
  lines.push(
    `signals   ${counts.rowsWithHistory} rows with history, ${counts.rowsWithCriteria} with criteria`,
  );
  if (counts.savedChains > 0) {
    const planned = counts.usableChains + lost + counts.savedChains;
    lines.push(
      `saved     ${counts.savedChains} of ${planned} chains, since the winner was settled without them`,
    );
  }
  if (counts.rowsShortOfNeighbours > 0) {
    lines.push(
      `similar   ${counts.rowsShortOfNeighbours} rows had fewer similar users than asked for, or none`,
    );
  }
  if (accuracy !== null) {
    const [low, high] = accuracy.interval;
    lines.push(
      `accuracy  ${accuracy.value.toFixed(3)} (${accuracy.correct} of ${accuracy.labelled}; 95% interval ${low.toFixed(3)} to ${high.toFixed(3)}; ties and failures count as not correct)`,
    );
  }
  if (counts.rowsWithDroppedEvents > 0) {
    lines.push(`history   ${counts.rowsWithDroppedEvents} rows had no room for their oldest events`);
  }
  const seconds = session.ms / 1000;
  const rate = seconds > 0 ? session.generatedTokens / seconds : 0;
  lines.push(`time      ${seconds.toFixed(1)} s for ${session.rows} rows, ${rate.toFixed(0)} new tokens/s`);
  if (path !== null) lines.push(`output    ${printable(path)}`);
  if (counts.rows < rows) {
    const how = path === null ? '' : '; the same command with --resume goes on';
    lines.push(`missing   ${rows - counts.rows} of ${rows} rows${how}`);
  } else if (counts.failed > 0 && path !== null) {
    lines.push('failed    the same command with --retry-failed judges the failed rows again');
  }
  return `${lines.join('\n')}\n`;
}

/** Which option to change where no chain was usable. */
function lostHint(lost: Readonly<Record<string, number>>, guided: boolean): string {
  const most = Object.entries(lost).sort(([, one], [, other]) => other - one)[0]?.[0];
  if (most === 'cutOff') return 'most chains end before their scores: raise --max-tokens';
  if (guided) return 'no guided chain gave scores: try another --model, and see `pgenrm doctor --model`';
  return 'the model does not write the form of a chain by itself: add --decoding guided';
}

/** What inference servers made repeat, in a line; '' where nothing was, or no server judged. */
export function repeatedText({ details }: GeneratorInfo): string {
  const counts = Object.entries((details.repeated ?? {}) as Record<string, number>);
  const some = counts.filter(([, count]) => count > 0);
  if (some.length === 0) return '';
  const sum = some.reduce((total, [, count]) => total + count, 0);
  return `repeated  ${sum} requests to servers (${some.map(([reason, count]) => `${count} ${reason}`).join(', ')})\n`;
}
