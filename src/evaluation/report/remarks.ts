// What has to be known before the figures of a report are read, in sentences.
// Knows a report; nothing of how figures are computed.

import type { ChainsIdentity } from '../chains/chains-record.js';
import { type EvaluationReport, TRAITS } from './report.js';

/** What has to be known before the figures are read: counts, and what is missing or was left out. */
export function remarks(report: EvaluationReport): string[] {
  const { rows, overlap, chains, settings } = report;
  const { sampling, bank } = chains.identity;
  const lines = [
    `${rows.evaluated} labelled ${rows.evaluated === 1 ? 'row' : 'rows'} of ${usersText(rows.users)}; 95% intervals leave whole users out in turn (jackknife), those in "rows" resample single rows (basic bootstrap)`,
    `ties count as ${settings.ties} where a figure stands once; failed rows count as not correct`,
    ...(settings.readout === undefined
      ? []
      : [`scores are taken anew from the stored distributions: ${settings.readout}`]),
    `every level sees ${shownText(sampling)}; smaller levels are averaged over disjoint groups of the same chains`,
  ];
  lines.push(
    `${rows.withHistory} of ${rowsText(rows.read)} with history, ${rows.withCriteria} with criteria`,
  );
  lines.push(...personalRemarks(report));
  if (report.alike.length > 0) {
    const alike = report.alike.map(({ trait, value }) => `${TRAITS[trait]}: ${value}`);
    lines.push(`all rows are alike in ${alike.join('; ')}`);
  }
  const told = (count: number, what: string, whats: string): void => {
    if (count > 0) lines.push(`${rowsText(count)} ${count === 1 ? what : whats}`);
  };
  if (rows.read < rows.asked)
    lines.push(
      `${rows.asked - rows.read} of ${rowsText(rows.asked)} ${rows.asked - rows.read === 1 ? 'is' : 'are'} missing: the sampling was stopped; --resume goes on`,
    );
  told(rows.failed, 'failed with an error of its own', 'failed with an error of their own');
  told(rows.invalid, 'does not fit the format and is left out', 'do not fit the format and are left out');
  told(rows.unlabelled, 'has no label and is left out', 'have no label and are left out');
  const similar = `fewer than ${usersText(sampling.prototype).replace('user', 'similar user')}`;
  told(rows.fewerNeighbours, `has ${similar}`, `have ${similar}`);
  told(
    rows.droppedEvents,
    'had no room for its oldest history events',
    'had no room for their oldest history events',
  );
  const noPair = 'labelled pair: the baselines that need no model are left out of the table';
  told(rows.withoutBaselines, `is no ${noPair}`, `are no ${noPair}`);
  if (overlap !== null && overlap.users > 0) {
    const names = overlap.examples.join(', ');
    const more = overlap.users > overlap.examples.length ? ', ...' : '';
    const how =
      bank.overlap === 'exclude'
        ? "they are nobody's neighbours"
        : 'each is kept from their own neighbours only';
    lines.push(
      `${usersText(overlap.users)} of the bank ${overlap.users === 1 ? 'is' : 'are'} evaluated too (${names}${more}): ${how}`,
    );
  }
  return lines;
}

function shownText({ historyEvents, shown }: ChainsIdentity['sampling']): string {
  const { budget = null, by = 'newest' } = shown ?? {};
  if (historyEvents === null && budget === null) return 'all history events that fit';
  const events = historyEvents === 1 ? 'history event' : 'history events';
  const which = by === 'newest' ? `most recent ${events}` : `${events} most alike the row`;
  const most = historyEvents === null ? which : `${historyEvents} ${which}`;
  return `the ${most}${budget === null ? '' : `, as many as fit ${budget} tokens and one at least`}`;
}

function personalRemarks({ personal, chains }: EvaluationReport): string[] {
  if (personal === null || chains.identity.sampling.swapped === undefined) return [];
  const { withoutDonor, usersAlone, cut, unlike } = personal;
  const told = (count: number, what: string, whats: string, end: string): string[] =>
    count > 0 ? [`${rowsText(count)} ${count === 1 ? what : whats}: ${end}`] : [];
  const out = 'left out of own - swapped';
  const alone = `of ${usersText(usersAlone)} who ${usersAlone === 1 ? 'shares' : 'share'} a prompt with nobody`;
  const nothing = 'without history and criteria';
  return [
    ...told(withoutDonor.alone, alone, alone, out),
    ...told(
      withoutDonor['no signals'],
      `${nothing} has nothing to swap`,
      `${nothing} have nothing to swap`,
      out,
    ),
    ...told(withoutDonor['no user'], 'names no user', 'name no user', out),
    ...told(cut, 'had its own history cut', 'had their own history cut', 'the other user shows fewer events'),
    ...told(
      unlike,
      'shows unlike numbers of events in its arms',
      'show unlike numbers of events in their arms',
      'the context had no room for more; left out of own - swapped, --history-budget makes them alike',
    ),
  ];
}

function rowsText(count: number): string {
  return `${count} ${count === 1 ? 'row' : 'rows'}`;
}

function usersText(count: number): string {
  return `${count} ${count === 1 ? 'user' : 'users'}`;
}
