// Where comparisons come from: the bundled examples, a file, pasted text, or the chains of an evaluation.
// Knows kinds of files; not how they are shown.
import { type PreferenceRow, type RawRecord, readRows } from 'pgenrm';
import type { ShownChain } from '../engines/engine.js';
import { chainsOf, isChainsFile } from './chains-file.js';
import { exampleTasks } from './examples.js';
import { readTextFile } from './read-file.js';
import { recordsOfText } from './records.js';
import { type JudgeTask, taskOf } from './task.js';

export interface Source {
  readonly name: string;
  readonly tasks: readonly JudgeTask[];
  /** Chains that were written before, by the id of their task; empty but for a chains file. */
  readonly stored: ReadonlyMap<string, readonly ShownChain[]>;
  /** What did not fit, in words. */
  readonly problems: readonly string[];
}

export const EXAMPLES: Source = {
  name: 'Bundled examples',
  tasks: exampleTasks(),
  stored: new Map(),
  problems: [],
};

/** Reads a dropped or picked file; `known`: what is open, whose texts a chains file may be about. Errors say what to do. */
export async function readSource(file: File, known: Source): Promise<Source> {
  if (/\.parquet$/i.test(file.name)) {
    const { parquetRecords } = await import('./parquet.js');
    return sourceOf(file.name, await parquetRecords(file), []);
  }
  const { text, cut } = await readTextFile(file);
  return sourceOfText(file.name, text, known, cut === null ? [] : [cut]);
}

/** Reads a text. Errors: `INPUT_MALFORMED`, with what rows need. */
export function sourceOfText(
  name: string,
  text: string,
  known: Source,
  remarks: readonly string[] = [],
): Source {
  const records = recordsOfText(text);
  if (isChainsFile(records)) return { name, ...chainsOf(records, known), problems: remarks };
  return sourceOf(name, records, remarks);
}

function sourceOf(name: string, records: readonly RawRecord[], remarks: readonly string[]): Source {
  const { rows } = readRows(records, { name });
  const problems = rows.flatMap((row) =>
    row.kind === 'problem' ? [`row ${row.number}: ${row.reason}`] : [],
  );
  const tasks = rows.filter((row): row is PreferenceRow => row.kind === 'row').map(taskOf);
  if (tasks.length === 0) throw new Error(`${name}: no row fits; ${problems[0] ?? 'it holds none'}`);
  return { name, tasks, stored: new Map(), problems: [...remarks, ...problems] };
}
