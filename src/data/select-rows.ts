// A part of opened preference data: the rows of one group of users, the first rows of each user.
// Knows rows and users files; nothing of what is done with the rows.

import { PgenrmError } from '../errors.js';
import { openRecords } from './files/records.js';
import type { PreferenceData, PreferenceRow, RowProblem, RowSelection } from './preference-data.js';
import { userIdOf } from './users-file.js';

/**
 * Groups that a users file names in its field `group`, by user; `train` is `seen`. Empty where the file names none.
 * Errors: as where the data is opened.
 */
export async function userGroups(path: string): Promise<ReadonlyMap<string, string>> {
  const groups = new Map<string, string>();
  const source = await openRecords(path);
  for await (const records of source.read()) {
    for (const { row } of records) {
      if (row === undefined || typeof row.group !== 'string' || row.group.trim() === '') continue;
      const id = userIdOf(row);
      if (id !== undefined) groups.set(id, canonicalGroup(row.group));
    }
  }
  return groups;
}

/** The one name of a group: lower case, and `seen` for `train`. */
function canonicalGroup(name: string): string {
  const lower = name.trim().toLowerCase();
  return lower === 'train' ? 'seen' : lower;
}

/**
 * The rows of a selection.
 *
 * With `rowsPerUser` they come in rounds, every user's first row, then every user's second one, so that a reading that is
 * stopped has as many rows of every user as of any other, and a larger number only adds rows at the end; each round
 * reads the file again. A row without a user is a user of its own. Rows that fit no shape cannot be told apart
 * and stay, in the first round. Memory: the ids of the users.
 *
 * Errors: `INVALID_OPTION` for a group without users file, or one that no evaluated user is of, the groups that there are named.
 */
export async function selectRows(data: PreferenceData, selection: RowSelection): Promise<PreferenceData> {
  const { group = null, rowsPerUser = null } = selection;
  if (group === null && rowsPerUser === null) return data;
  const groups = await groupsFor(data, group);
  const isWanted = (row: PreferenceRow | RowProblem): boolean =>
    group === null || row.kind === 'problem' || groups.get(row.userId ?? '') === canonicalGroup(group);
  const { count, problems, most, others } = await counted(data, isWanted, rowsPerUser, groups);
  if (count === problems && group !== null) throw noSuchGroup(data, group, others);
  const rounds = rowsPerUser === null ? 1 : Math.min(rowsPerUser, Math.max(1, most));

  async function* rows(): AsyncGenerator<PreferenceRow | RowProblem> {
    for (let round = 0; round < rounds; round += 1) {
      const seen = new Map<string, number>();
      for await (const row of data.rows()) {
        if (!isWanted(row)) continue;
        if (rowsPerUser === null || place(row, seen) === round) yield row;
      }
    }
  }

  return { ...data, count, available: count, problems, selection: { group, rowsPerUser }, rows };
}

/** Which of its user's rows a row is, from 0; problems and rows without a user are the first. */
function place(row: PreferenceRow | RowProblem, seen: Map<string, number>): number {
  if (row.kind === 'problem' || row.userId === undefined) return 0;
  const at = seen.get(row.userId) ?? 0;
  seen.set(row.userId, at + 1);
  return at;
}

async function counted(
  data: PreferenceData,
  isWanted: (row: PreferenceRow | RowProblem) => boolean,
  rowsPerUser: number | null,
  groups: ReadonlyMap<string, string>,
): Promise<{ count: number; problems: number; most: number; others: ReadonlySet<string> }> {
  const seen = new Map<string, number>();
  const others = new Set<string>();
  const counts = { count: 0, problems: 0, most: 0 };
  for await (const row of data.rows()) {
    if (row.kind === 'row') others.add(groups.get(row.userId ?? '') ?? 'none');
    if (!isWanted(row)) continue;
    const at = place(row, seen);
    counts.most = Math.max(counts.most, at + 1);
    if (rowsPerUser !== null && at >= rowsPerUser) continue;
    counts.count += 1;
    if (row.kind === 'problem') counts.problems += 1;
  }
  return { ...counts, others };
}

async function groupsFor(data: PreferenceData, group: string | null): Promise<ReadonlyMap<string, string>> {
  if (group === null) return new Map();
  if (data.users !== undefined) return userGroups(data.users.path);
  throw new PgenrmError(
    'INVALID_OPTION',
    `group ${group} needs a users file with a field group; name it with --users FILE`,
  );
}

function noSuchGroup(data: PreferenceData, group: string, others: ReadonlySet<string>): PgenrmError {
  const known = [...others].sort().join(', ');
  return new PgenrmError(
    'INVALID_OPTION',
    `${data.path} has no row of a user of group ${group}; its rows are of: ${known}`,
  );
}
