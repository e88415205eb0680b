import { describe, expect, it } from 'vitest';
import { chooseK, unitCentres } from '../../src/bank-build/choose-k.js';
import type { Kernels } from '../../src/kernels/kernels.js';
import { referenceKernels } from '../../src/kernels/reference/kernels.js';
import { atAngles, normaliseRow } from '../bank/made-bank.js';
import { clusteredRows } from '../kernels/implementations.js';

describe('chooseK', () => {
  it.each([2, 6])('finds the %i groups of made-up rows', async (groups) => {
    const { data, dim } = clusteredRows(120, 8, groups, 0.1, 4);
    for (let row = 0; row < 120; row += 1) normaliseRow(data.subarray(row * dim, (row + 1) * dim));
    const { k } = await chooseK(data, dim, 1, referenceKernels());
    expect(k).toBe(groups);
  });

  it('takes one prototype where there are fewer than ten rows', async () => {
    const { data, dim } = clusteredRows(9, 4, 3, 0.1, 4);
    expect(await chooseK(data, dim, 1, referenceKernels())).toEqual({ k: 1, silhouettes: [] });
  });

  it('gives the silhouette that is reckoned by hand', async () => {
    const angles = [0, 0, 0, 0, 20, 90, 90, 90, 90, 70];
    const { k, silhouettes } = await chooseK(atAngles(angles), 2, 1, referenceKernels());
    const radians = (degrees: number): number => (degrees * Math.PI) / 180;
    // The direction of the mean of four vectors at 0 and one at 20 degrees; the other group is its mirror image.
    const centre = Math.atan2(Math.sin(radians(20)), 4 + Math.cos(radians(20)));
    const of = (angle: number): number => {
      const a = 1 - Math.cos(radians(angle) - centre);
      const b = 1 - Math.cos(radians(90 - angle) - centre);
      return (b - a) / b;
    };
    expect(k).toBe(2);
    expect(silhouettes).toEqual([{ k: 2, silhouette: expect.closeTo((4 * of(0) + of(20)) / 5, 5) }]);
  });

  it('clusters 10,000 different rows of more, each whole, drawn by the seed', async () => {
    const count = 10_050;
    const angles = Array.from({ length: count }, (_, row) => (row * 90) / count);
    const rows = atAngles(angles);
    const places = new Map(angles.map((_, row) => [`${rows[2 * row]} ${rows[2 * row + 1]}`, row]));
    const draw = async (seed: number): Promise<number[]> => {
      const seen: Float32Array[] = [];
      // Looks at the rows that are clustered and answers that all of them lie at one centre.
      const kernels = {
        kmeansFit: async ({ data }: { data: Float32Array }, { k }: { k: number }) => {
          seen.push(data);
          return { centres: atAngles(new Array(k).fill(0)), assignment: new Uint32Array(data.length / 2) };
        },
        exactSearch: async ({ data }: { data: Float32Array }) => ({
          distances: new Float32Array(data.length),
        }),
      } as unknown as Kernels;
      await chooseK(rows, 2, seed, kernels);
      const [sample] = seen;
      return Array.from({ length: sample!.length / 2 }, (_, row) =>
        places.get(`${sample![2 * row]} ${sample![2 * row + 1]}`),
      ).map((place) => place ?? -1);
    };
    const drawn = await draw(3);
    expect(drawn).toHaveLength(10_000);
    expect(drawn).not.toContain(-1);
    expect(new Set(drawn).size).toBe(10_000);
    expect(await draw(3)).toEqual(drawn);
    expect(await draw(4)).not.toEqual(drawn);
  });
});

describe('unitCentres', () => {
  it('scales each centre, and puts its first member in place of one that cancels out', () => {
    const rows = atAngles([0, 90, 180, 0, 270]);
    const centres = Float32Array.of(3, 4, 0, 0, 0, -2);
    const unit = unitCentres(centres, Uint32Array.of(0, 1, 2, 2, 1), rows, 2);
    const expected = [0.6, 0.8, 0, 1, 0, -1];
    unit.forEach((value, at) => {
      expect(value).toBeCloseTo(expected[at]!, 6);
    });
    expect([...centres]).toEqual([3, 4, 0, 0, 0, -2]);
  });
});
