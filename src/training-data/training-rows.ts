// The file of rows that a run keeps beside the trainer's file: what became of each row, and the examples of those kept.
// Knows lines that were written; not how they are made.

import { PgenrmError } from '../errors.js';
import { jsonLines } from '../output/json-lines.js';
import { identityDifferences } from '../run/identity.js';
import { type Example, LINE_STATUSES, type LineStatus, type TrainingLine } from './stages.js';

/** Where the rows of a run stand. */
export function rowsPath(out: string): string {
  return `${out}.rows.jsonl`;
}

/** Counts in words, zeros left out. */
export function countsText(counts: Readonly<Record<LineStatus, number>>): string {
  return LINE_STATUSES.filter((status) => counts[status] > 0)
    .map((status) => `${status} ${counts[status]}`)
    .join(', ');
}

/** What the lines come to. */
export class Tally {
  lines = 0;
  examples = 0;
  /** Examples with a disagreeing chain. */
  pairs = 0;
  rewritten = 0;
  readonly counts = Object.fromEntries(LINE_STATUSES.map((status) => [status, 0])) as Record<
    LineStatus,
    number
  >;

  add({ status, examples = [] }: TrainingLine): void {
    this.lines += 1;
    this.counts[status] += 1;
    this.examples += examples.length;
    this.pairs += examples.filter(({ disagreeing }) => disagreeing !== undefined).length;
    this.rewritten += examples.filter(({ rewritten }) => rewritten === true).length;
  }
}

/** Counts what stands in the file and gives its end; null where it was cut short before its first line was whole. */
export async function takeUp(
  path: string,
  identity: object,
  tally: Tally,
  count: number,
): Promise<number | null> {
  let last: number | null = null;
  for await (const { value, index, end } of jsonLines(path)) {
    if (index > 0) {
      // A run that is asked for fewer rows than stand there leaves the others alone.
      if (index <= count) tally.add(value as TrainingLine);
    } else {
      const first = value as { pgenrmTrainingData?: number; identity?: object };
      const differences =
        first.pgenrmTrainingData === 1 && first.identity !== undefined
          ? identityDifferences(first.identity, identity)
          : ['it is no file of rows'];
      if (differences.length > 0) {
        throw new PgenrmError(
          'RUN_MISMATCH',
          `${path} holds rows of another run: ${differences.join('; ')}; repeat that command, begin anew with --force, or choose another output`,
        );
      }
    }
    last = end;
  }
  return last;
}

/** The examples of the first `count` rows, in their order; with `pairs`, those that have a disagreeing chain. */
export async function* examplesOf(
  path: string,
  count: number,
  pairs: boolean,
): AsyncGenerator<Example & { readonly id: string; readonly userId?: string }> {
  for await (const { value, index } of jsonLines(path)) {
    if (index === 0) continue;
    if (index > count) return;
    const { id, userId, examples = [] } = value as TrainingLine;
    const taken = pairs ? examples.filter(({ disagreeing }) => disagreeing !== undefined) : examples;
    for (const example of taken) yield { ...example, id, ...(userId === undefined ? {} : { userId }) };
  }
}
