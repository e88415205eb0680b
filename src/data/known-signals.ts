// How much is known of the users whose rows are judged, and a word where nothing is though it need not be.
// Knows opened data; not what a run does with it.

import { PgenrmError } from '../errors.js';
import type { PreferenceData } from './preference-data.js';

/** Options of {@link checkSignals}. */
export interface SignalCheck {
  /** Refuses rows of which none has a history; default false. */
  readonly requireHistory?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Warnings, a sentence each, about signals that no row gets though the files hold them. Rows are read only as far as
 * the first one that has what may be missing. Errors: `INPUT_MALFORMED` where a history is required and no row has one;
 * those of reading.
 */
export async function checkSignals(
  data: PreferenceData,
  { requireHistory = false, signal }: SignalCheck = {},
): Promise<string[]> {
  const { signals, users } = data;
  const found = await firstFound(data, signal);
  const warnings: string[] = [];
  if (users !== undefined && users.usersInData === 0) warnings.push(strangers(data));
  if (!found.history) {
    const why = whyNoHistory(data);
    if (requireHistory) {
      throw new PgenrmError(
        'INPUT_MALFORMED',
        `${data.path}: no row has a history, and --require-history asks for one; ${why ?? 'no user has two labelled rows, and no file gives histories'}`,
      );
    }
    if (why !== null) warnings.push(`no row has a history: ${why}`);
  }
  if (!found.criteria && signals.usersFileCriteria && users?.usersInData !== 0) {
    warnings.push(`no row has criteria, though ${users?.path} states some: for users of other rows`);
  }
  return warnings;
}

async function firstFound(
  data: PreferenceData,
  signal: AbortSignal | undefined,
): Promise<{ readonly history: boolean; readonly criteria: boolean }> {
  const { mayHaveHistory, mayHaveCriteria, usersFileCriteria } = data.signals;
  const found = { history: false, criteria: false };
  const isDone = (): boolean =>
    (found.history || !mayHaveHistory) && (found.criteria || !mayHaveCriteria || !usersFileCriteria);
  if (isDone()) return found;
  try {
    for await (const row of data.rows()) {
      signal?.throwIfAborted();
      if (row.kind === 'problem') continue;
      found.history ||= row.user.history.length > 0;
      found.criteria ||= row.user.criteria !== undefined;
      if (isDone()) break;
    }
  } catch (error) {
    if (data.damage === undefined || !(error instanceof PgenrmError) || error.code !== 'INPUT_MALFORMED')
      throw error;
  }
  return found;
}

function strangers({ path, users, signals }: PreferenceData): string {
  const [inFile, inData] = signals.userExamples;
  const examples =
    inFile === undefined || inData === undefined
      ? ''
      : `; the file has ${JSON.stringify(inFile)}, the data ${JSON.stringify(inData)}`;
  return `none of the ${users?.userCount} users of ${users?.path} occurs in ${path} (ids must agree letter by letter)${examples}`;
}

/** Why no row has a history though one could; null where none could. */
function whyNoHistory({ splits, signals, users }: PreferenceData): string | null {
  const { usersRecur, historySplits, usersFileHistory } = signals;
  if (usersRecur && splits.length > 0) {
    const others = splits.filter((split) => !historySplits.includes(split));
    return `users have several rows, of the splits ${splits.join(', ')}, and history comes from ${historySplits.join(' and ') || 'no split'}; name others with --history-splits ${others.join(',') || splits.join(',')}`;
  }
  if (usersRecur)
    return 'users have several rows, and all of them ask for the same choice or belong to one conversation';
  if (usersFileHistory) return `${users?.path} gives histories, and to none of these users`;
  return null;
}
