import { beforeEach, describe, expect, it } from 'vitest';
import { PrototypeBank } from '../../src/bank/bank.js';
import { inspectBank } from '../../src/bank/inspect-bank.js';
import { mapBank } from '../../src/bank/map-bank.js';
import { principalAxes } from '../../src/bank/principal-axes.js';
import { buildBank } from '../../src/bank-build/build-bank.js';
import { Xoshiro128 } from '../../src/kernels/random.js';
import { temporaryFolder } from '../support/preference-file.js';
import { atAngles, handMadeBank, madeBank } from './made-bank.js';
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

/** Eight members of three users in the plane: two prototypes, one along each axis, their members out of order. */
const ANGLES = [60, 20, 80, -5, 90, 40, 100, 10];
const HAND_MADE = {
  dim: 2,
  embeddings: atAngles(ANGLES),
  prototypes: atAngles([0, 90]),
  assignment: Uint32Array.of(1, 0, 1, 0, 1, 0, 1, 0),
  memberUser: Uint32Array.of(0, 0, 0, 1, 1, 1, 2, 2),
};
const cosine = (degrees: number): number => Math.cos((degrees * Math.PI) / 180);

describe('inspectBank of a hand-made bank', () => {
  it.each([1, 1000])('tells what was counted by hand (index from %i)', async (indexFrom) => {
    // Prototype 1 has the members 0, 2, 4, 6 (60, 80, 90, 100 degrees), prototype 0 the members 1, 3, 5, 7.
    const { path } = await handMadeBank(folder, HAND_MADE, {
      indexFrom,
      rubric: (member) =>
        member === 4
          ? [
              { name: 'Wit', weight: 30 },
              { name: ' clear  WORDS', weight: 70 },
            ]
          : [{ name: 'Clear words', weight: member === 6 ? null : 100 }],
    });
    await using bank = await PrototypeBank.open(path);
    const [first, second] = await inspectBank(bank, { nearest: 3, criteria: 2 });
    const near = (member: number, user: number, degrees: number) => ({
      rowId: `r${member}`,
      userId: `u${user}`,
      cosine: expect.closeTo(cosine(degrees), 6),
    });
    expect(first).toEqual({
      prototype: 0,
      members: 4,
      users: 3,
      cohesion: expect.closeTo((cosine(20) + cosine(5) + cosine(40) + cosine(10)) / 4, 6),
      nearest: [near(3, 1, 5), near(7, 2, 10), near(1, 0, 20)],
      criteria: [{ name: 'Clear words', share: 1, weight: 100 }],
      persona: 'likes 3',
    });
    expect(second).toEqual({
      prototype: 1,
      members: 4,
      users: 3,
      cohesion: expect.closeTo((cosine(30) + cosine(10) + cosine(0) + cosine(10)) / 4, 6),
      nearest: [near(4, 1, 0), near(2, 0, 10), near(6, 2, 10)],
      criteria: [
        { name: 'Clear words', share: 1, weight: 90 },
        { name: 'Wit', share: 0.25, weight: 30 },
      ],
      persona: 'likes 4',
    });
  });
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

  it('puts each user of a hand-made bank at their mean, in the colour of most of their members', async () => {
    const { path } = await handMadeBank(folder, {
      ...HAND_MADE,
      assignment: Uint32Array.of(1, 0, 1, 0, 1, 0, 1, 1),
    });
    await using bank = await PrototypeBank.open(path);
    const svg = await mapBank(bank);
    const dots = [
      ...svg.matchAll(/<circle cx="([^"]+)" cy="([^"]+)" r="3.5" fill="([^"]+)"[^>]*><title>([^<]+)</g),
    ].map(([, x, y, fill, title]) => ({ x: Number(x), y: Number(y), fill, title }));
    // u0 has two of three members in prototype 1, u1 two of three in prototype 0, u2 both in prototype 1.
    expect(dots.map(({ title }) => title)).toEqual(['u0, prototype 1', 'u1, prototype 0', 'u2, prototype 1']);
    const marks = [
      ...svg.matchAll(
        /<title>prototype (\d), (\d) members<\/title><path d="M(\S+) (\S+?)l[^"]*" fill="([^"]+)"/g,
      ),
    ].map(([, number, members, x, y, fill]) => ({
      number: Number(number),
      members: Number(members),
      x: Number(x),
      y: Number(y) + 8,
      fill,
    }));
    expect(marks).toMatchObject([
      { number: 0, members: 3, fill: dots[1]!.fill },
      { number: 1, members: 5, fill: dots[0]!.fill },
    ]);
    expect(dots[2]!.fill).toBe(dots[0]!.fill);
    expect(marks[0]!.fill).not.toBe(marks[1]!.fill);
    // The plane is the whole space here, so all distances on the picture have one scale.
    const means = [
      [0, 1, 2],
      [3, 4, 5],
      [6, 7],
    ].map((members) =>
      [0, 1].map(
        (axis) => members.reduce((sum, m) => sum + HAND_MADE.embeddings[2 * m + axis]!, 0) / members.length,
      ),
    );
    const points = [...means, [1, 0], [0, 1]];
    const drawn = [...dots, ...marks].map(({ x, y }) => [x, y]);
    const apart = (of: number[][], a: number, b: number): number =>
      Math.hypot(of[a]![0]! - of[b]![0]!, of[a]![1]! - of[b]![1]!);
    const scale = apart(drawn, 3, 4) / apart(points, 3, 4);
    for (let a = 0; a < points.length; a += 1)
      for (let b = 0; b < a; b += 1)
        expect(Math.abs(apart(drawn, a, b) - scale * apart(points, a, b))).toBeLessThan(0.3);
  });

  it('draws a bank of one user', async () => {
    const { path } = await madeBank(folder, { members: 1, users: 1, prototypes: 1 });
    await using bank = await PrototypeBank.open(path);
    expect(await mapBank(bank)).not.toMatch(/NaN|Infinity/);
  });
});
