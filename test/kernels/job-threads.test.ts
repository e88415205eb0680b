import { readdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { expect, it } from 'vitest';
import { clusteredRows, implementations } from './implementations.js';

/** Slice in ns that each thread of this process asks for, by its number; undefined where the system does not tell. */
function slices(): Map<number, number> | undefined {
  try {
    const found = new Map<number, number>();
    for (const thread of readdirSync('/proc/self/task')) {
      const text = readFileSync(`/proc/self/task/${thread}/sched`, 'utf8');
      const slice = /^se\.slice\s*:\s*(\d+)$/m.exec(text)?.[1];
      if (slice === undefined) return undefined;
      found.set(Number(thread), Number(slice));
    }
    return found;
  } catch {
    return undefined;
  }
}

const native = implementations.find(({ name }) => name === 'native');
const [major = 0, minor = 0] = release().split('.').map(Number);
const heeded = process.platform === 'linux' && (major > 6 || (major === 6 && minor >= 12));
const why = !native ? 'the addon is not built' : !heeded ? 'it takes Linux 6.12' : 'the system does not tell';
const told = native && heeded && slices() !== undefined;

it.skipIf(!told)(
  `threads of jobs ask for longer slices, no other does${told ? '' : ` (${why})`}`,
  async () => {
    const before = slices()!;
    const rows = clusteredRows(200, 8, 4, 0.3, 1);
    using index = await native!.buildIndex(rows, { metric: 'cosine' });
    await index.search(rows, { k: 3, threads: 2 });
    const after = slices()!;
    const own = after.get(process.pid)!;
    const longer = [...after].filter(([, slice]) => slice > 2 * own);
    expect(longer.length).toBeGreaterThan(0);
    for (const [thread] of longer) expect(before.has(thread)).toBe(false);
  },
);
