// The rules of the benchmarks: how ties count, which orders are shown, what history is.
// Knows formats by name; nothing of models.

import { isSplit } from '../data/formats/format.js';
import type { FormatName } from '../data/preference-data.js';
import type { TieChoice } from './figures/outcome-table.js';

/** Values of `--protocol`. */
export const PROTOCOL_CHOICES = ['personal-reward-bench', 'lamp-qa', 'plain'] as const;

/** The rules of a benchmark. @useDeclaredType */
export type ProtocolName = (typeof PROTOCOL_CHOICES)[number];

/** What a protocol asks for. */
export interface Protocol {
  readonly name: ProtocolName;
  /** How ties count in the accuracy that stands first; the other two stand beside it. */
  readonly ties: TieChoice;
  /** Every row is shown in every order equally often, at one chain too: two chains are sampled at least. */
  readonly everyOrder: boolean;
  /** In words, for reports. */
  readonly rules: string;
}

const PROTOCOLS: Readonly<Record<ProtocolName, Protocol>> = {
  'personal-reward-bench': {
    name: 'personal-reward-bench',
    ties: 'wrong',
    everyOrder: true,
    rules:
      'PersonalRewardBench: history from the train and validation rows of the same user, never the row itself or another of its conversation (so validation rows are left one out), every pair in both orders, ties wrong',
  },
  'lamp-qa': {
    name: 'lamp-qa',
    ties: 'half',
    everyOrder: true,
    rules:
      "Personalized-RewardBench (LaMP-QA): the asker's earlier posts are what is known; rubric_aspects and narrative, the answer key, are never read; every pair in both orders, ties half",
  },
  plain: {
    name: 'plain',
    ties: 'half',
    everyOrder: false,
    rules: 'history from the train and validation rows of the same user, never the row itself; ties half',
  },
};

/** The protocol asked for, else the one that goes with the format of the data. */
export function protocolOf(format: FormatName, asked?: ProtocolName): Protocol {
  if (asked !== undefined) return PROTOCOLS[asked];
  if (format === 'personal-reward-bench' || format === 'prism') return PROTOCOLS['personal-reward-bench'];
  return PROTOCOLS[format === 'lamp-qa' ? 'lamp-qa' : 'plain'];
}

/** The protocol of a stored name; plain where it is not known. */
export function protocolNamed(name: string): Protocol {
  return PROTOCOLS[PROTOCOL_CHOICES.find((choice) => choice === name) ?? 'plain'];
}

/** The split that is judged where none is named: `test`, or all of `test_*`, where the data has it among others. */
export function defaultSplit(splits: readonly string[]): string | undefined {
  return splits.length > 1 && splits.some((split) => isSplit(split, 'test')) ? 'test' : undefined;
}
