// The chains file of `pgenrm eval`: rows with the chains that were written for them. It holds no texts of replies.
// Knows its form; checks what it shows.
import { type RawRecord, readChain } from 'pgenrm';
import type { ShownChain } from '../engines/engine.js';
import type { Source } from './source.js';
import type { JudgeTask } from './task.js';

interface StoredChain {
  readonly level: 'individual' | 'prototype';
  readonly index: number;
  readonly seed: number;
  readonly order: readonly number[];
  readonly scores: readonly number[] | null;
  readonly lost: string | null;
  readonly tokens: number;
  readonly text?: string;
}

export function isChainsFile(records: readonly RawRecord[]): boolean {
  return records[0]?.row !== undefined && 'pgenrmChains' in records[0].row;
}

/** The rows that were judged; replies are those of `known` where it has rows of these ids. */
export function chainsOf(records: readonly RawRecord[], known: Source): Pick<Source, 'tasks' | 'stored'> {
  const texts = new Map(known.tasks.map((task) => [task.id, task]));
  const stored = new Map<string, ShownChain[]>();
  const tasks: JudgeTask[] = [];
  for (const { number, row } of records) {
    if (row === undefined || row.status !== 'judged' || !Array.isArray(row.chains)) continue;
    const id = typeof row.id === 'string' ? row.id : `row ${String(row.row ?? number)}`;
    const lengths = Array.isArray(row.lengths) ? (row.lengths as readonly number[]) : [];
    const task = texts.get(id) ?? {
      id,
      userId: typeof row.user === 'string' ? row.user : '',
      criteria: '',
      history: [],
      context: [{ role: 'user' as const, content: `Row ${id}` }],
      responses: lengths.map(
        (length) => `${length} characters; open the data first, and the text stands here`,
      ),
      label: typeof row.label === 'number' ? row.label : null,
    };
    const chains = (row.chains as readonly unknown[]).filter(isChain);
    if (task.responses.length < 2 || chains.length === 0) continue;
    tasks.push(task);
    stored.set(
      id,
      chains.map(({ text = '', ...chain }) => ({
        ...chain,
        text,
        reading: readChain(text, { responses: chain.order.length }),
        atMs: 0,
      })),
    );
  }
  if (tasks.length === 0) throw new Error('the chains file holds no judged row');
  return { tasks, stored };
}

function isChain(value: unknown): value is StoredChain {
  if (typeof value !== 'object' || value === null) return false;
  const { level, index, order, scores, tokens } = value as Partial<StoredChain>;
  const numbers = (list: unknown): boolean => Array.isArray(list) && list.every(Number.isFinite);
  return (
    (level === 'individual' || level === 'prototype') &&
    Number.isInteger(index) &&
    Number.isFinite(tokens) &&
    numbers(order) &&
    (scores === null || numbers(scores))
  );
}
