import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Clusters, refineClusters } from '../../src/bank-build/cluster-stage.js';
import { suiteFolder } from '../bank/made-bank.js';
import { implementations } from '../kernels/implementations.js';

const folder = await suiteFolder();

it.each(implementations)(
  'drops a prototype that reassignment leaves empty ($name kernels)',
  async (kernels) => {
    // Members lie along the first axis and the third; the centre along the second is nearest to none of them.
    const [x, y, z] = [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ] as const;
    const centres = Float32Array.from([...x, ...y, ...z]);
    const before: Clusters = {
      centres,
      prototypes: centres,
      assignment: Uint32Array.of(0, 1, 2, 2),
      dropped: 1,
      silhouettes: null,
      refinement: null,
    };
    const task = {
      path: join(folder, `${kernels.name}.safetensors`),
      embeddings: Float32Array.from([...x, ...x, ...z, ...z]),
      dim: 3,
      kernels,
      seed: 1,
      signal: undefined,
    };
    const after = await refineClusters(task, before, async () => null);
    expect([...after.assignment]).toEqual([0, 0, 1, 1]);
    expect([...after.prototypes]).toEqual([...x, ...z]);
    expect([...after.centres]).toEqual([...x, ...z]);
    expect(after.dropped).toBe(2);
    // What was kept says the same.
    expect(await refineClusters(task, before, async () => null)).toEqual(after);
  },
);
