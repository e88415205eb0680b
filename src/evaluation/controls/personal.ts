// Whether a judge is personal: own history against another user's, and against none, on the same rows.
// Holds outcomes, never chains; knows nothing of how donors are drawn.

import { levelName, type ScalingLevel } from '../../scaling/level.js';
import type { Figure, IntervalSettings } from '../../statistics/cluster-interval.js';
import { figureOf } from '../../statistics/cluster-interval.js';
import type { ChainsHeader, ChainsRow, StoredChain } from '../chains/chains-record.js';
import { type Comparison, compare } from '../figures/comparisons.js';
import {
  type AggregateSettings,
  judgmentsAt,
  type RowOutcome,
  rowOutcome,
} from '../figures/level-outcome.js';
import { OutcomeTable, type RowTraits, type TieChoice } from '../figures/outcome-table.js';
import type { NoDonor } from './donors.js';

/** The control arms of an evaluation. */
export const CONTROL_CHOICES = ['swapped', 'none'] as const;

/** Whose signals take the place of the user's own. @useDeclaredType */
export type Control = (typeof CONTROL_CHOICES)[number];

/** One control: both accuracies on the rows that have it, and their difference. */
export interface ControlReport {
  readonly control: Control;
  readonly own: Figure;
  readonly other: Figure;
  /** Own less control; its interval is over users. */
  readonly difference: Comparison;
}

/** What the controls say; ties as the report's settings say, as half where those leave ties out. */
export interface PersonalReport {
  /** Chains of each arm. */
  readonly level: string;
  readonly controls: readonly ControlReport[];
  /** Rows that have no donor, by the reason; they are left out of the difference. Failed rows are too. */
  readonly withoutDonor: Readonly<Record<NoDonor, number>>;
  /** Users who are alone with their prompts. */
  readonly usersAlone: number;
  /** Rows whose history was cut because their donor has fewer events. */
  readonly cut: number;
}

const OWN = 'own';

/** Adds up the rows of an evaluation; null of a run without controls: {@link PersonalTally.of}. */
export class PersonalTally {
  readonly #level: ScalingLevel;
  readonly #controls: readonly Control[];
  readonly #tables: ReadonlyMap<Control, OutcomeTable>;
  readonly #withoutDonor = { 'no user': 0, 'no signals': 0, alone: 0 };
  readonly #alone = new Set<string>();
  #cut = 0;

  private constructor(level: ScalingLevel, controls: readonly Control[]) {
    this.#level = level;
    this.#controls = controls;
    this.#tables = new Map(controls.map((control) => [control, new OutcomeTable([OWN, control])]));
  }

  static of({ identity: { sampling } }: ChainsHeader): PersonalTally | null {
    const { individual, noHistory, swapped } = sampling;
    const controls: Control[] = [
      ...(swapped === undefined ? [] : ['swapped' as const]),
      ...(noHistory > 0 ? ['none' as const] : []),
    ];
    if (controls.length === 0) return null;
    // Equally many chains in every arm: more chains alone would make the difference.
    const chains = Math.min(individual, ...(noHistory > 0 ? [noHistory] : []));
    return new PersonalTally({ individual: chains, prototype: 0 }, controls);
  }

  add(settings: AggregateSettings, row: ChainsRow, label: number, traits: RowTraits): void {
    if (row.noDonor !== undefined) {
      this.#withoutDonor[row.noDonor] += 1;
      if (row.noDonor === 'alone' && row.user !== undefined) this.#alone.add(row.user);
    }
    if (row.swapped?.some(({ cut }) => cut)) this.#cut += 1;
    if (row.status !== 'judged') return;
    const arms = {
      swapped: row.swapped?.map(({ chains }) => chains),
      none: row.noHistory && [row.noHistory],
    };
    const own = this.#outcome(settings, row, row.chains, label);
    for (const [control, table] of this.#tables) {
      const lists = arms[control] ?? [];
      if (lists.length === 0) continue;
      const other = meanOutcome(lists.map((chains) => this.#outcome(settings, row, chains, label)));
      table.add(
        traits,
        new Map([
          [OWN, own],
          [control, other],
        ]),
      );
    }
  }

  async report(settings: IntervalSettings, ties: TieChoice): Promise<PersonalReport> {
    const how = ties === 'excluded' ? 'half' : ties;
    const controls: ControlReport[] = [];
    for (const control of this.#controls) {
      const table = this.#tables.get(control)!;
      const rows = table.select();
      const users = table.usersOf(rows);
      const values = (name: string): Float64Array => table.accuracy(name, how, rows).numerators;
      const [difference] = await compare(
        settings,
        [
          [
            { name: OWN, values: values(OWN) },
            { name: control, values: values(control) },
          ],
        ],
        users,
      );
      if (difference === undefined) continue;
      controls.push({
        control,
        own: await figureOf(settings, { numerators: values(OWN), users }),
        other: await figureOf(settings, { numerators: values(control), users }),
        difference,
      });
    }
    return {
      level: levelName(this.#level),
      controls,
      withoutDonor: { ...this.#withoutDonor },
      usersAlone: this.#alone.size,
      cut: this.#cut,
    };
  }

  #outcome(
    settings: AggregateSettings,
    row: ChainsRow,
    chains: readonly StoredChain[],
    label: number,
  ): RowOutcome {
    const individual = chains.filter(({ level }) => level === 'individual');
    return rowOutcome(judgmentsAt(settings, { ...row, chains: individual }, this.#level), label);
  }
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
