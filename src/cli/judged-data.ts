// Opens the preference data that a command judges: the split and group asked for, or the usual ones.
// Knows names of options; reading is the data's own.

import { type FormatName, openPreferenceData, type PreferenceData } from '../data/preference-data.js';
import { selectRows } from '../data/select-rows.js';
import { PgenrmError } from '../errors.js';
import { defaultSplit } from '../evaluation/protocol.js';

/** Options of the command line that {@link openJudgedData} reads. */
export interface JudgedDataOptions {
  readonly users?: string;
  readonly format?: FormatName;
  readonly split?: string;
  readonly group?: string;
  readonly rowsPerUser?: number;
}

/**
 * Rows of the split that is asked for, else of `test` where there are several, else all; of these the group and so many of each
 * user. Errors: `INPUT_MALFORMED` where there is no row; those of opening and of `selectRows`.
 */
export async function openJudgedData(
  path: string,
  options: JudgedDataOptions,
): Promise<{ readonly data: PreferenceData; readonly split: string | undefined }> {
  const common = {
    ...(options.users === undefined ? {} : { users: options.users }),
    ...(options.format === undefined ? {} : { format: options.format }),
  };
  const all = options.split === undefined ? await openPreferenceData(path, common) : null;
  const split = options.split ?? defaultSplit(all!.splits);
  const data = split === undefined ? all! : await openPreferenceData(path, { ...common, split });
  if (data.count === 0 && data.damage === undefined)
    throw new PgenrmError('INPUT_MALFORMED', `${path} holds no rows to judge`);
  const { group = null, rowsPerUser = null } = options;
  return { data: await selectRows(data, { group, rowsPerUser }), split };
}
