// Whether a judge is personal: own history against another user's, and against none; similar users against users at random.
// Holds outcomes, never chains; knows nothing of how donors are drawn.

import { levelName, type ScalingLevel } from '../../scaling/level.js';
import type { Figure, IntervalSettings } from '../../statistics/cluster-interval.js';
import { figureOf } from '../../statistics/cluster-interval.js';
import type { BaselinesByRow } from '../baselines/row-baselines.js';
import { rowKey } from '../chains/chains-file.js';
import type { ChainsHeader, ChainsRow, StoredChain } from '../chains/chains-record.js';
import { type BreakdownEntry, tellingKinds } from '../figures/breakdown.js';
import { type Comparison, compare } from '../figures/comparisons.js';
import { valueOutcome } from '../figures/contenders.js';
import {
  type AggregateSettings,
  judgmentsAt,
  type RowOutcome,
  rowOutcome,
} from '../figures/level-outcome.js';
import { OutcomeTable, type RowTraits, type TieChoice } from '../figures/outcome-table.js';
import type { NoDonor } from './donors.js';

/** The control arms of an evaluation. */
export const CONTROL_CHOICES = ['swapped', 'none', 'random'] as const;

/** Whose signals take the place of the user's own. @useDeclaredType */
export type Control = (typeof CONTROL_CHOICES)[number];

/**
 * What is compared: the arms of {@link Control}; `alone`, what similar users add to the same own chains; `style`, a
 * regression on style without any model, with the user's own weights and with other users'.
 */
export type PersonalComparison = Control | 'alone' | 'style';

/** One control: both accuracies on the rows that have it, and their difference. */
export interface ControlReport {
  readonly control: PersonalComparison;
  /** The level of both arms; of `alone` that with similar users. Null where no model judges. */
  readonly level: string | null;
  readonly own: Figure;
  readonly other: Figure;
  /** Own less control; its interval is over users. */
  readonly difference: Comparison;
  /** The difference on each kind of rows that occurs; traits of which all rows are alike are left out. */
  readonly byKind: readonly (Pick<BreakdownEntry, 'trait' | 'value'> & { readonly difference: Figure })[];
}

/** What the controls say; ties as the report's settings say, as half where those leave ties out. */
export interface PersonalReport {
  readonly controls: readonly ControlReport[];
  /** Rows that have no donor, by the reason; they are left out of the difference. Failed rows are too. */
  readonly withoutDonor: Readonly<Record<NoDonor, number>>;
  /** Users who are alone with their prompts. */
  readonly usersAlone: number;
  /** Rows whose history was cut because their donor has fewer events. */
  readonly cut: number;
  /**
   * Rows with a donor of whom another number of events is shown, since the context had room for more of one user's than of the
   * other's; such donors are left out of the difference.
   */
  readonly unlike: number;
}

/** What the two sides of a comparison are called. */
const SIDES: Readonly<Record<PersonalComparison, readonly [string, string]>> = {
  swapped: ['own', 'swapped'],
  none: ['own', 'none'],
  alone: ['similar users', 'own chains alone'],
  random: ['similar users', 'random users'],
  style: ['style: own weights', 'swapped'],
};

interface Arm {
  readonly control: PersonalComparison;
  readonly level: ScalingLevel | null;
  readonly table: OutcomeTable;
}

/** Adds up the rows of an evaluation; null of a run without controls: {@link PersonalTally.of}. */
export class PersonalTally {
  readonly #arms: readonly Arm[];
  readonly #baselines: BaselinesByRow | null;
  readonly #withoutDonor = { 'no user': 0, 'no signals': 0, alone: 0 };
  readonly #alone = new Set<string>();
  #cut = 0;
  #unlike = 0;

  private constructor(
    levels: ReadonlyMap<PersonalComparison, ScalingLevel | null>,
    baselines: BaselinesByRow | null,
  ) {
    this.#baselines = baselines;
    this.#arms = [...levels].map(([control, level]) => ({
      control,
      level,
      table: new OutcomeTable(SIDES[control]),
    }));
  }

  /** `baselines`: what is told without a model, where it is known. */
  static of(
    { identity: { sampling } }: ChainsHeader,
    baselines: BaselinesByRow | null = null,
  ): PersonalTally | null {
    const { individual, prototype, noHistory, swapped, random } = sampling;
    // Equally many chains in every arm: more chains alone would make the difference.
    const chains = Math.min(individual, ...(noHistory > 0 ? [noHistory] : []));
    const level = { individual: chains, prototype: 0 };
    const controls = new Map<PersonalComparison, ScalingLevel | null>([
      ...(swapped === undefined ? [] : [['swapped', level] as const]),
      ...(noHistory > 0 ? [['none', level] as const] : []),
      ...(random === undefined ? [] : [['random', { individual, prototype }] as const]),
    ]);
    if (controls.size === 0) return null;
    if (prototype > 0) controls.set('alone', { individual, prototype });
    if (baselines !== null) controls.set('style', null);
    return new PersonalTally(controls, baselines);
  }

  add(settings: AggregateSettings, row: ChainsRow, label: number, traits: RowTraits): void {
    if (row.noDonor !== undefined) {
      this.#withoutDonor[row.noDonor] += 1;
      if (row.noDonor === 'alone' && row.user !== undefined) this.#alone.add(row.user);
    }
    if (row.swapped?.some(({ cut }) => cut)) this.#cut += 1;
    if (row.swapped?.some(({ events }) => events !== row.usedEvents)) this.#unlike += 1;
    for (const { control, level, table } of this.#arms) {
      const sides = level === null ? this.#style(row) : this.#sides(settings, row, label, control, level);
      if (sides !== null) table.add(traits, new Map(SIDES[control].map((name, at) => [name, sides[at]!])));
    }
  }

  /** How both sides end on the row; null where it has not both. */
  #sides(
    settings: AggregateSettings,
    row: ChainsRow,
    label: number,
    control: PersonalComparison,
    level: ScalingLevel,
  ): readonly [RowOutcome, RowOutcome] | null {
    if (row.status !== 'judged') return null;
    const outcome = (chains: readonly StoredChain[], at = level): RowOutcome =>
      rowOutcome(judgmentsAt(settings, { ...row, chains }, at), label);
    const individual = individualOf(row.chains);
    if (control === 'alone') return [outcome(row.chains), outcome(individual, { ...level, prototype: 0 })];
    if (control === 'random')
      return row.random === undefined ? null : [outcome(row.chains), outcome([...individual, ...row.random])];
    const donors = (row.swapped ?? []).filter(({ events }) => events === row.usedEvents);
    const lists = control === 'none' ? [row.noHistory] : donors.map(({ chains }) => chains);
    const others = lists.flatMap((list) => (list === undefined ? [] : [outcome(individualOf(list))]));
    return others.length === 0 ? null : [outcome(individual), meanOutcome(others)];
  }

  #style({ row, id }: ChainsRow): readonly [RowOutcome, RowOutcome] | null {
    const known = this.#baselines?.get(rowKey(row, id));
    if (known?.swapped === undefined) return null;
    return [valueOutcome(known.values.bothStyles), valueOutcome(known.swapped.value, known.swapped.tied)];
  }

  async report(settings: IntervalSettings, ties: TieChoice): Promise<PersonalReport> {
    const how = ties === 'excluded' ? 'half' : ties;
    const controls: ControlReport[] = [];
    for (const arm of this.#arms) {
      const one = await controlReport(settings, arm, how);
      if (one !== null) controls.push(one);
    }
    return {
      controls,
      withoutDonor: { ...this.#withoutDonor },
      usersAlone: this.#alone.size,
      cut: this.#cut,
      unlike: this.#unlike,
    };
  }
}

/** Null where no row has both sides. */
async function controlReport(
  settings: IntervalSettings,
  { control, level, table }: Arm,
  how: TieChoice,
): Promise<ControlReport | null> {
  const [first, second] = SIDES[control];
  const all = table.select();
  const values = (name: string, rows = all): Float64Array => table.accuracy(name, how, rows).numerators;
  const pair = [
    { name: first, values: values(first) },
    { name: second, values: values(second) },
  ] as const;
  const users = table.usersOf(all);
  const [difference] = await compare(settings, [pair], users);
  if (difference === undefined) return null;
  const byKind: ControlReport['byKind'][number][] = [];
  for (const { trait, value, rows } of tellingKinds(table)) {
    const others = values(second, rows);
    const numerators = values(first, rows).map((one, at) => one - others[at]!);
    const figure = await figureOf(settings, { numerators, users: table.usersOf(rows) }, 'difference');
    byKind.push({ trait, value, difference: figure });
  }
  return {
    control,
    level: level === null ? null : levelName(level),
    own: await figureOf(settings, { numerators: pair[0].values, users }),
    other: await figureOf(settings, { numerators: pair[1].values, users }),
    difference,
    byKind,
  };
}

function individualOf(chains: readonly StoredChain[]): StoredChain[] {
  return chains.filter(({ level }) => level === 'individual');
}

/** Mean over donors. */
function meanOutcome(outcomes: readonly RowOutcome[]): RowOutcome {
  const mean = (pick: (one: RowOutcome) => number): number =>
    outcomes.reduce((sum, one) => sum + pick(one), 0) / outcomes.length;
  return {
    correct: mean(({ correct }) => correct),
    tied: mean(({ tied }) => tied),
    failed: mean(({ failed }) => failed),
    half: mean(({ half }) => half),
  };
}
