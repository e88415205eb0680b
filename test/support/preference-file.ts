// Small files of preference data for tests, in the PersonalRewardBench shape.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A folder of its own for each call, removed after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pgenrm-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** One labelled row; the longer reply, by the digits that `byLength` counts, is not always the chosen one. */
export function row(index: number, changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    conversation_id: `c${index}`,
    user_id: `u${index % 3}`,
    context: [{ role: 'user', content: `query ${index} end` }],
    chosen: { role: 'assistant', content: `chosen ${'c'.repeat(index % 7)}` },
    rejected: { role: 'assistant', content: `rejected ${'r'.repeat(index % 5)}` },
    split: 'test',
    ...changes,
  };
}

/** Writes rows as JSON lines; a string is written as it is. */
export async function writeRows(path: string, rows: readonly (object | string)[]): Promise<string> {
  const lines = rows.map((value) => (typeof value === 'string' ? value : JSON.stringify(value)));
  await writeFile(path, lines.map((line) => `${line}\n`).join(''));
  return path;
}

/** A file of `count` good rows. */
export async function writeGoodRows(path: string, count: number): Promise<string> {
  return writeRows(
    path,
    Array.from({ length: count }, (_, index) => row(index)),
  );
}
