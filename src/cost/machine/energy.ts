// Energy that the processor used, from RAPL's counters, where the system lets them be read.
// Knows Linux's powercap folder; the GPU's energy is `gpu-watch.ts`.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { textOf } from './machine.js';

const POWERCAP = '/sys/class/powercap';

/** One counter at one moment, in microjoules; it starts again at 0 after `range`. */
interface Counter {
  readonly path: string;
  readonly at: number;
  readonly range: number;
}

/** All counters at one moment. */
export type EnergyReading = readonly Counter[];

/** Reads the counters of all processor packages; null where there are none, or one of them may not be read. */
export function readEnergy(folder: string = POWERCAP): EnergyReading | null {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return null;
  }
  // intel-rapl:0:0 is a part of the package intel-rapl:0, and psys has all packages in it: they would count twice.
  const counters = names
    .filter((name) => /^(intel|amd)-rapl:\d+$/.test(name))
    .filter((name) => textOf(join(folder, name, 'name'))?.startsWith('package') === true)
    .map((name): Counter => {
      const path = join(folder, name, 'energy_uj');
      return { path, at: numberOf(path), range: numberOf(join(folder, name, 'max_energy_range_uj')) };
    });
  const readable = counters.every(({ at, range }) => Number.isFinite(at) && Number.isFinite(range));
  return counters.length === 0 || !readable ? null : counters;
}

const numberOf = (path: string): number => Number(textOf(path) ?? Number.NaN);

/**
 * Joules between two readings; null where either is missing. A counter that went round once is set right, so readings
 * lie less than one round (minutes) apart.
 */
export function joulesBetween(before: EnergyReading | null, after: EnergyReading | null): number | null {
  if (before === null || after === null) return null;
  let microjoules = 0;
  for (const { path, at, range } of after) {
    const earlier = before.find((counter) => counter.path === path);
    if (earlier === undefined) return null;
    microjoules += at >= earlier.at ? at - earlier.at : at + range - earlier.at;
  }
  return microjoules / 1e6;
}
