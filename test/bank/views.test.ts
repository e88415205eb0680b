import { beforeEach, describe, expect, it } from 'vitest';
import { PrototypeBank } from '../../src/bank/bank.js';
import { inspectBank } from '../../src/bank/inspect-bank.js';
import { mapBank } from '../../src/bank/map-bank.js';
import { principalAxes } from '../../src/bank/principal-axes.js';
import { buildBank } from '../../src/bank-build/build-bank.js';
import { Xoshiro128 } from '../../src/kernels/random.js';
import { temporaryFolder } from '../support/preference-file.js';
import { madeBank } from './made-bank.js';
import { dataOf, error, fakeBuild } from './made-world.js';
import { STYLES, styledRow, styledRows } from './styles.js';

let folder: string;

beforeEach(async () => {
  folder = await temporaryFolder();
});

describe('inspectBank', () => {
  it.each([1, 1000])(
    'tells size, cohesion, nearest members and criteria (index from %i)',
    async (indexFrom) => {
      const options = await fakeBuild(folder, await dataOf(folder, styledRows(12, 2)), { indexFrom });
      await buildBank(options);
      await using bank = await PrototypeBank.open(options.out, { kernels: options.kernels! });
      const prototypes = await inspectBank(bank, { nearest: 2, criteria: 1 });
      expect(prototypes).toHaveLength(4);
      expect(prototypes.reduce((sum, { members }) => sum + members, 0)).toBe(24);
      for (const { users, cohesion, nearest, criteria, persona, prototype } of prototypes) {
        expect(users).toBe(3);
        expect(cohesion).toBeGreaterThan(0.5);
        expect(cohesion).toBeLessThanOrEqual(1);
        expect(nearest).toHaveLength(2);
        expect(nearest[0]!.cosine).toBeGreaterThanOrEqual(nearest[1]!.cosine);
        const [best] = await bank.similarUsers(bank.prototypeVector(prototype), 1);
        expect(best!.cosine).toBeCloseTo(nearest[0]!.cosine, 5);
        expect(persona).toMatch(/^Wants (\w+) \1 \1 replies above all\.$/);
        expect(criteria).toEqual([{ name: expect.any(String), share: 1, weight: 100 }]);
      }
      const styles = prototypes.map(({ persona }) => persona.split(' ')[1]);
      expect(styles.sort()).toEqual([...STYLES].sort());
    },
  );
});

describe('principalAxes', () => {
  it('finds the two directions that made-up rows were stretched along', () => {
    const random = new Xoshiro128(5, 0);
    const rows = new Float32Array(300 * 6);
    for (let row = 0; row < 300; row += 1) {
      for (let i = 0; i < 6; i += 1) {
        const spread = i === 4 ? 9 : i === 1 ? 4 : 0.1;
        rows[row * 6 + i] = 7 + spread * (random.uniform() - 0.5);
      }
    }
    const { points, explained, project } = principalAxes(rows, 6);
    expect(explained[0] + explained[1]).toBeGreaterThan(0.99);
    expect(explained[0]).toBeGreaterThan(explained[1]);
    for (let row = 0; row < 300; row += 1) {
      const offset = rows[row * 6 + 4]! - rows[4]!;
      expect(Math.abs(points[2 * row]! - points[0]!)).toBeCloseTo(Math.abs(offset), 0);
    }
    expect(project(rows)).toEqual(points);
  });

  it('leaves out axes that are not there', () => {
    const same = principalAxes(new Float32Array(12).fill(3), 4);
    expect([...same.points]).toEqual(new Array(6).fill(0));
    expect(same.explained).toEqual([0, 0]);
    const line = principalAxes(Float32Array.of(0, 0, 1, 1, 2, 2), 2);
    expect(line.explained[0]).toBeCloseTo(1, 6);
    expect(line.explained[1]).toBe(0);
  });
});

describe('mapBank', () => {
  it('draws every user and prototype, the same each time, with names that XML can hold', async () => {
    const rows = styledRows(8, 2);
    rows[0] = styledRow(0, 0, { user_id: 'a<b>&"\u0007' });
    const options = await fakeBuild(folder, await dataOf(folder, rows));
    await buildBank(options);
    await using bank = await PrototypeBank.open(options.out, { kernels: options.kernels! });
    const svg = await mapBank(bank);
    expect(svg.match(/<circle /g)).toHaveLength(9);
    expect(svg.match(/<path /g)).toHaveLength(bank.prototypeCount);
    expect(svg).toContain('a&lt;b&gt;&amp;&quot;,');
    expect(svg).not.toMatch(/NaN|Infinity/);
    expect(svg).not.toContain('\u0007');
    expect(svg).toContain('prefers-color-scheme: dark');
    expect(await mapBank(bank)).toBe(svg);
    for (const [, x, y] of svg.matchAll(/cx="([^"]+)" cy="([^"]+)"/g)) {
      expect(Number(x)).toBeGreaterThanOrEqual(0);
      expect(Number(x)).toBeLessThanOrEqual(960);
      expect(Number(y)).toBeGreaterThanOrEqual(0);
      expect(Number(y)).toBeLessThanOrEqual(680);
    }
    expect((await mapBank(bank, { users: 3 })).match(/<circle /g)).toHaveLength(3);
    await expect(mapBank(bank, { users: 0 })).rejects.toMatchObject(error('INVALID_OPTION'));
  });

  it('draws a bank of one user', async () => {
    const { path } = await madeBank(folder, { members: 1, users: 1, prototypes: 1 });
    await using bank = await PrototypeBank.open(path);
    expect(await mapBank(bank)).not.toMatch(/NaN|Infinity/);
  });
});
