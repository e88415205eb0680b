// Accuracy by what kind of row it is: length of history, seen and unseen users, stated criteria, subset.
// Knows the table of outcomes; nothing of chains.

import { type Figure, figureOf, type IntervalSettings } from '../../statistics/cluster-interval.js';
import type { OutcomeTable, RowTraits, TieChoice } from './outcome-table.js';

/** One kind of rows under one way to judge. */
export interface BreakdownEntry {
  readonly trait: 'history' | 'group' | 'criteria' | 'subset';
  /** Such as `3-5` (events), `unseen`, `stated`. */
  readonly value: string;
  readonly name: string;
  readonly accuracy: Figure;
}

/** Lengths of history that are told apart. */
export const HISTORY_RANGES = [
  { value: '0', least: 0, most: 0 },
  { value: '1-2', least: 1, most: 2 },
  { value: '3-5', least: 3, most: 5 },
  { value: '6+', least: 6, most: Number.POSITIVE_INFINITY },
] as const;

/** More subsets than this are not a breakdown. */
const MOST_SUBSETS = 30;

type Test = (traits: Omit<RowTraits, 'user'>) => boolean;

/** A trait of which all rows are alike. */
export type AlikeTrait = Pick<BreakdownEntry, 'trait' | 'value'>;

/** The traits of which all rows are alike, which a breakdown leaves out. */
export function alikeTraits(table: OutcomeTable): AlikeTrait[] {
  return kindsOf(table)
    .filter(({ rows }) => rows.length > 0 && rows.length === table.rows)
    .map(({ trait, value }) => ({ trait, value }));
}

/** Accuracy of every way to judge on each kind of rows that occurs; traits of which all rows are alike are left out. */
export async function breakdown(
  settings: IntervalSettings,
  table: OutcomeTable,
  ties: TieChoice,
): Promise<BreakdownEntry[]> {
  const entries: BreakdownEntry[] = [];
  for (const { trait, value, rows } of tellingKinds(table)) {
    for (const name of table.names) {
      const users = table.usersOf(rows);
      const accuracy = await figureOf(settings, { ...table.accuracy(name, ties, rows), users });
      entries.push({ trait, value, name, accuracy });
    }
  }
  return entries;
}

/** Rows of one kind. */
export interface RowKind extends AlikeTrait {
  readonly rows: readonly number[];
}

/** The kinds of rows that occur, without traits of which all rows are alike. */
export function tellingKinds(table: OutcomeTable): RowKind[] {
  const kinds = kindsOf(table).filter(({ rows }) => rows.length > 0);
  return kinds.filter(({ trait }) => kinds.filter((kind) => kind.trait === trait).length > 1);
}

function kindsOf(table: OutcomeTable): RowKind[] {
  const kind = (trait: BreakdownEntry['trait'], value: string, test: Test) => ({
    trait,
    value,
    rows: table.select(test),
  });
  const groups = table.valuesOf(({ group }) => group);
  const subsets = table.valuesOf(({ subset }) => subset);
  return [
    ...HISTORY_RANGES.map(({ value, least, most }) =>
      kind('history', value, ({ history }) => history >= least && history <= most),
    ),
    ...groups.map((value) => kind('group', value, ({ group }) => group === value)),
    ...(groups.length > 0 ? [kind('group', 'unknown', ({ group }) => group === undefined)] : []),
    kind('criteria', 'stated', ({ criteria }) => criteria),
    kind('criteria', 'not stated', ({ criteria }) => !criteria),
    ...(subsets.length > MOST_SUBSETS
      ? []
      : subsets.map((value) => kind('subset', value, ({ subset }) => subset === value))),
  ];
}
