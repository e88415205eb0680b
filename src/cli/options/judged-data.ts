// Opens the preference data that a command judges, and says how much is known of its users.
// Knows names of options; reading is the data's own.

import { isSplit } from '../../data/formats/format.js';
import { checkSignals } from '../../data/known-signals.js';
import {
  type FormatName,
  type OpenOptions,
  openPreferenceData,
  type PreferenceData,
} from '../../data/preference-data.js';
import { sampleRows } from '../../data/sample-rows.js';
import { selectRows } from '../../data/select-rows.js';
import { PgenrmError } from '../../errors.js';
import { defaultSplit } from '../../evaluation/protocol.js';
import { printable } from '../../output/printable.js';
import type { CommandContext } from '../command-context.js';
import { MEGABYTE } from './table/data-flags.js';

/** Options of the command line that say how data is read. */
export interface DataOptions {
  readonly users?: string;
  readonly format?: FormatName;
  readonly split?: string;
  readonly historySplits?: readonly string[];
  readonly requireHistory?: true;
  readonly maxLineMb?: number;
}

/** Options of the command line that {@link openJudgedData} reads. */
export interface JudgedDataOptions extends DataOptions {
  readonly group?: string;
  readonly rowsPerUser?: number;
  readonly sample?: number;
}

/** Data that is judged. */
export interface JudgedData {
  readonly data: PreferenceData;
  /** All rows of the split, whatever was selected of them; where there is a limit alone, those within it. */
  readonly whole: PreferenceData;
  readonly split: string | undefined;
}

/** How data is opened. */
export function openOptions(
  { users, format, split, historySplits, maxLineMb }: DataOptions,
  signal: AbortSignal | undefined,
): OpenOptions {
  return {
    ...(users === undefined ? {} : { users }),
    ...(format === undefined ? {} : { format }),
    ...(split === undefined ? {} : { split }),
    ...(historySplits === undefined ? {} : { historySplits }),
    ...(maxLineMb === undefined ? {} : { maxLineBytes: Math.floor(maxLineMb * MEGABYTE) }),
    ...(signal === undefined ? {} : { signal }),
  };
}

/**
 * Rows of the split that is asked for, else of `test` where there are several, else all; of these the group and so many of each
 * user, of them a sample, and of that the first `limit`. Errors: `INPUT_MALFORMED` where there is no row; those of opening and of `selectRows`.
 */
export async function openJudgedData(
  path: string,
  options: JudgedDataOptions,
  { limit, signal }: { readonly limit?: number | undefined; readonly signal?: AbortSignal } = {},
): Promise<JudgedData> {
  const { group = null, rowsPerUser = null, sample } = options;
  // A selection is made of all rows, and the limit counts those that are selected.
  const selects = group !== null || rowsPerUser !== null || sample !== undefined;
  const bounded = !selects && limit !== undefined ? { limit } : {};
  const common = { ...openOptions(options, signal), ...bounded };
  const all = options.split === undefined ? await openPreferenceData(path, common) : null;
  const split = options.split ?? defaultSplit(all!.splits);
  const data = split === undefined ? all! : await openPreferenceData(path, { ...common, split });
  if (data.count === 0 && data.damage === undefined)
    throw new PgenrmError('INPUT_MALFORMED', `${path} holds no rows to judge`);
  const selected = await selectRows(data, { group, rowsPerUser });
  return { data: sample === undefined ? selected : await sampleRows(selected, sample), whole: data, split };
}

/** Rows of the split that is asked for, else of `train` where there are several, else all; of them what is selected. */
export async function openTrainingRows(
  path: string,
  options: JudgedDataOptions,
  signal: AbortSignal,
): Promise<PreferenceData> {
  const common = openOptions(options, signal);
  const open = async (): Promise<PreferenceData> => {
    if (options.split !== undefined) return openPreferenceData(path, common);
    const all = await openPreferenceData(path, common);
    return all.splits.some((split) => isSplit(split, 'train')) && all.splits.length > 1
      ? openPreferenceData(path, { ...common, split: 'train' })
      : all;
  };
  const { group = null, rowsPerUser = null } = options;
  return selectRows(await open(), { group, rowsPerUser });
}

/** How much is known of the users whose rows are judged. */
export interface Signals {
  /** Part of the event that a run has started; `warnings` where there are any. */
  readonly event: {
    readonly users?: { readonly users: number; readonly inData: number };
    readonly warnings?: readonly string[];
  };
  /** Says it in words, where words are wanted. */
  readonly say: () => void;
}

/**
 * Looks how many users of the users file occur in the data, and whether histories and criteria that no row gets call for a
 * warning. Errors: `INPUT_MALFORMED` where a history is required and no row has one.
 */
export async function lookAtSignals(
  data: PreferenceData,
  options: DataOptions & { readonly quiet?: true; readonly jsonProgress?: true },
  { err }: CommandContext,
  signal: AbortSignal,
): Promise<Signals> {
  const warnings = await checkSignals(data, { requireHistory: options.requireHistory === true, signal });
  const { users } = data;
  return {
    event: {
      ...(users === undefined ? {} : { users: { users: users.userCount, inData: users.usersInData } }),
      ...(warnings.length === 0 ? {} : { warnings }),
    },
    say() {
      if (options.jsonProgress === true || options.quiet === true) return;
      if (users !== undefined) {
        const { path, userCount, usersInData } = users;
        err.write(`users     ${userCount} in ${printable(path)}, ${usersInData} of them in the data\n`);
      }
      for (const warning of warnings) err.write(`pgenrm: warning: ${printable(warning)}\n`);
    },
  };
}
