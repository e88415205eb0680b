import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openPreferenceData } from '../../src/data/preference-data.js';
import { readRows } from './made-files.js';

const SHARED = resolve('../shared/data');
const PAIRS = `${SHARED}/style-users/pairs.jsonl.gz`;
const USERS = `${SHARED}/style-users/users.jsonl.gz`;

describe.skipIf(!existsSync(PAIRS))('style-users of ../shared (skipped where it is absent)', () => {
  it('reads every row, with the splits and the users', async () => {
    const data = await openPreferenceData(PAIRS, { users: USERS });
    expect(data).toMatchObject({ format: 'personal-reward-bench', count: 7296 });
    expect([...data.splits].sort()).toEqual(['test', 'train', 'validation']);
    expect(data.fingerprint).toMatch(/^[0-9a-f]{64}$/);
    const rows = await readRows(PAIRS, { users: USERS });
    expect(rows).toHaveLength(7296);
    expect(new Set(rows.map((row) => row.id)).size).toBe(7296);
    expect(new Set(rows.map((row) => row.userId)).size).toBe(480);
    const withCriteria = new Set(rows.filter((row) => row.user.criteria).map((row) => row.userId));
    expect(withCriteria.size).toBeGreaterThan(240);
    expect(withCriteria.size).toBeLessThan(336);
  });

  it('gives each test row of an unseen user its 1 to 10 history pairs', async () => {
    const rows = await readRows(PAIRS, { users: USERS, split: 'test' });
    const unseen = rows.filter((row) => Number(row.userId?.slice(1)) >= 400);
    expect(new Set(unseen.map((row) => row.userId)).size).toBe(80);
    for (const row of unseen) {
      expect(row.user.history.length).toBeGreaterThanOrEqual(1);
      expect(row.user.history.length).toBeLessThanOrEqual(10);
    }
    expect(new Set(unseen.map((row) => row.user.history.length)).size).toBeGreaterThan(3);
  });

  it('shows the preferred reply first about as often as second', async () => {
    const rows = await readRows(PAIRS);
    const first = rows.filter((row) => row.label === 0).length;
    expect(Math.abs(first - rows.length / 2)).toBeLessThan(4 * Math.sqrt(rows.length / 4));
  });
});

const PRISM = `${SHARED}/prism-sample.jsonl`;

describe.skipIf(!existsSync(PRISM))('prism-sample of ../shared (skipped where it is absent)', () => {
  it('reads its five rows, one of them without a label', async () => {
    const rows = await readRows(PRISM);
    expect(rows.map((row) => [row.id, row.user.history.length, row.label === undefined])).toEqual([
      ['prism-a-0', 2, false],
      ['prism-a-1', 2, false],
      ['prism-a-2', 2, false],
      ['prism-a-query', 3, true],
      ['c3156', 0, false],
    ]);
    expect(rows[3]?.item.candidates[0]).toMatch(/^Yes, family should take priority/);
    expect(rows[3]?.user.history.map((event) => event.context.at(-1)?.content)).toEqual(
      rows.slice(0, 3).map((row) => row.item.context.at(-1)?.content),
    );
  });
});
