import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { joulesBetween, readEnergy } from '../../src/cost/machine/energy.js';
import { GpuWatch, gpuFacts } from '../../src/cost/machine/gpu-watch.js';
import type { ScalingResult } from '../../src/cost/result/result.js';
import { temporaryFolder, writeGoodRows } from '../support/preference-file.js';
import { fakeBench, usualParts } from './fake-bench.js';

let folder: string;
const path = process.env.PATH ?? '';
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => {
  process.env.PATH = path;
});

/** Puts an nvidia-smi on the PATH that answers with these lines, again and again where it is asked to go on. */
async function fakeNvidiaSmi(lines: readonly string[]): Promise<void> {
  const file = join(folder, 'nvidia-smi');
  const echo = lines.map((line) => `echo '${line}'`).join('; ');
  await writeFile(
    file,
    `#!/bin/sh
case "$*" in
  *driver_version*) echo 'Made-up GPU, 555.1'; echo 'Made-up GPU, 555.1' ;;
  *) while :; do ${echo}; sleep 0.005; done ;;
esac
`,
  );
  await chmod(file, 0o755);
  process.env.PATH = `${folder}${delimiter}${path}`;
}

async function powercap(
  zones: Readonly<Record<string, readonly [name: string, energy: string]>>,
): Promise<string> {
  const root = join(folder, 'powercap');
  for (const [zone, [name, energy]] of Object.entries(zones)) {
    await mkdir(join(root, zone), { recursive: true });
    await writeFile(join(root, zone, 'name'), `${name}\n`);
    await writeFile(join(root, zone, 'energy_uj'), `${energy}\n`);
    await writeFile(join(root, zone, 'max_energy_range_uj'), '1000000000\n');
  }
  return root;
}

describe.skipIf(process.platform === 'win32')('the memory and power of GPUs', () => {
  it('adds up all GPUs as nvidia-smi tells them', async () => {
    await fakeNvidiaSmi(['0, 1000, 50.5', '1, 500, 29.5']);
    expect(await gpuFacts()).toEqual({ names: ['Made-up GPU', 'Made-up GPU'], driver: '555.1' });
    const watch = (await GpuWatch.start())!;
    try {
      let peak = 0;
      await expect.poll(() => (peak = watch.take()?.peakMemoryBytes ?? 0)).toBe(1500 * 2 ** 20);
      expect(peak).toBeGreaterThan(0);
      const began = performance.now();
      watch.take();
      await new Promise((resolve) => setTimeout(resolve, 60));
      const seen = watch.take()!;
      const most = (80 * (performance.now() - began)) / 1000;
      expect(seen.joules).toBeGreaterThan(0);
      expect(seen.joules).toBeLessThanOrEqual(most);
    } finally {
      watch.close();
    }
  });

  it('tells memory and no power where the driver tells none', async () => {
    await fakeNvidiaSmi(['0, 1000, [N/A]']);
    const watch = (await GpuWatch.start())!;
    try {
      let joules: number | null | undefined;
      await expect.poll(() => (joules = watch.take()?.joules)).toBe(null);
      expect(joules).toBeNull();
    } finally {
      watch.close();
    }
  });

  it('is absent without nvidia-smi, or with one that fails', async () => {
    process.env.PATH = folder;
    expect(await GpuWatch.start()).toBeNull();
    await writeFile(join(folder, 'nvidia-smi'), '#!/bin/sh\nexit 9\n');
    await chmod(join(folder, 'nvidia-smi'), 0o755);
    expect(await gpuFacts()).toBeNull();
  });
});

describe('the energy of processors', () => {
  it('adds up packages and neither their parts nor the platform', async () => {
    const before = readEnergy(
      await powercap({
        'intel-rapl:0': ['package-0', '999000000'],
        'intel-rapl:0:0': ['core', '5'],
        'intel-rapl:1': ['package-1', '10'],
        'intel-rapl:2': ['psys', '7'],
        'intel-rapl-mmio:0': ['package-0', '7'],
      }),
    );
    const after = readEnergy(
      await powercap({
        // The counter of the first package went round.
        'intel-rapl:0': ['package-0', '1500000'],
        'intel-rapl:1': ['package-1', '3000010'],
      }),
    );
    expect(joulesBetween(before, after)).toBeCloseTo(2.5 + 3, 9);
    expect(joulesBetween(null, after)).toBeNull();
  });

  it('is not told where there is no counter or one cannot be read', async () => {
    expect(readEnergy(join(folder, 'absent'))).toBeNull();
    expect(readEnergy(await powercap({ 'intel-rapl:2': ['psys', '7'] }))).toBeNull();
    const root = await powercap({ 'intel-rapl:0': ['package-0', '1'], 'intel-rapl:1': ['package-1', 'x'] });
    expect(readEnergy(root)).toBeNull();
  });
});

describe.skipIf(process.platform === 'win32')('a bench', () => {
  const run = async (energy?: () => ReturnType<typeof readEnergy>) => {
    const data = await writeGoodRows(join(folder, 'data.jsonl'), 6);
    const out = join(folder, 'out');
    const sizes = ['--rounds', '2', '--rows', '2', '--full-chains', '4', '--quiet', '--adaptive', 'off'];
    const words = ['scaling', '--data', data, '--out', out, '--levels', '1', '--json', '--force', ...sizes];
    const { code, out: json } = await fakeBench(words, () => usualParts(), energy);
    expect(code).toBe(0);
    return JSON.parse(json) as ScalingResult;
  };

  it('records both where the machine tells them', async () => {
    await fakeNvidiaSmi(['0, 2000, 100']);
    let microjoules = 0;
    const { variants, header } = await run(() => {
      microjoules += 3e6;
      return [{ path: 'package', at: microjoules, range: 1e12 }];
    });
    expect(header).toMatchObject({
      driver: '555.1',
      identity: { machine: { gpus: 'Made-up GPU, Made-up GPU' } },
    });
    // Three joules of the processor between both looks, over two judgments.
    expect(variants[0]!.alone!.joules!.value).toBeGreaterThanOrEqual(1.5);
  });

  it('says that they are not measured where it does not', async () => {
    process.env.PATH = folder;
    const { variants, header } = await run();
    expect(header).toMatchObject({ driver: null, identity: { machine: { gpus: 'none' } } });
    expect(variants[0]!.alone).toMatchObject({ joules: null, gpuMemoryBytes: null });
  });
});
