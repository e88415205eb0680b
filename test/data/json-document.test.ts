import { describe, expect, it } from 'vitest';
import { findRows, readRows } from '../../src/data/files/json-document.js';

async function rowsOf(text: string): Promise<unknown> {
  const found = await findRows(Buffer.from(text), undefined);
  if (!('marks' in found)) return found;
  const rows: unknown[] = [];
  for await (const some of readRows(found, undefined)) rows.push(...some);
  return rows.map((row) => ((row as { value?: unknown }).value ?? row) as unknown);
}

describe('a JSON document', () => {
  it.each([
    ['[]', []],
    ['[ ]', []],
    ['[1, "a,]\\"[", {"b": [1, {"c": "}"}]}, null]', [1, 'a,]"[', { b: [1, { c: '}' }] }, { value: null }]],
    ['{"data": [{"a": 1}, {"a": 2}], "version": [1, 2]}', [{ a: 1 }, { a: 2 }]],
    ['{"version": {"data": [9]}, "names": ["data"], "data": [[1], [2]]}', [[1], [2]]],
    ['{"kind": "data", "data": []}', []],
  ])('gives the rows of %s', async (text, rows) => {
    expect(await rowsOf(text)).toEqual(rows);
  });

  it.each([
    ['[{"a": 1}', /it ends inside of the list/],
    ['[{"a": 1}] and more', /is not JSON/],
    ['{"data": [1], "x": }', /is not JSON/],
  ])('refuses %s as a whole', async (text, reason) => {
    expect(await rowsOf(text)).toEqual({ reason: expect.stringMatching(reason) });
  });

  it('has a value of its own where it holds no list of rows', async () => {
    expect(await rowsOf('{"rows": [1]}')).toEqual({ value: { rows: [1] } });
  });

  it.each(['[1,,2]', '[1,]', '[{"a": 1]]', '[{"a": nul}, 2]'])(
    'says which row of %s is none',
    async (text) => {
      expect(await rowsOf(text)).toContainEqual({ reason: expect.stringMatching(/is not JSON/) });
    },
  );

  it('lets the loop of events turn while it is looked through and read, and ends with the reason of the signal', async () => {
    const row = JSON.stringify({ prompt: 'q'.repeat(500) });
    const bytes = Buffer.from(`[${Array.from({ length: 60_000 }, () => row).join(',')}]`);
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 1);
    const found = await findRows(bytes, undefined);
    const turnsBefore = turns;
    if (!('marks' in found)) throw new Error('no rows');
    let rows = 0;
    for await (const some of readRows(found, undefined)) rows += some.length;
    clearInterval(timer);
    expect(rows).toBe(60_000);
    expect(turnsBefore).toBeGreaterThan(2);
    expect(turns - turnsBefore).toBeGreaterThan(2);
    await expect(findRows(bytes, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  });
});
