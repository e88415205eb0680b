// Everything that is read at the begin and the end of what a block times: clocks, processor, energy, GPUs.
// Knows the machine; nothing of what runs in between.

import { PgenrmError } from '../../errors.js';
import { type EnergyReading, joulesBetween } from '../machine/energy.js';
import type { GpuWatch } from '../machine/gpu-watch.js';
import { type MachineTicks, machineTicks, processorSeconds, ticksBetween } from '../machine/machine.js';
import type { BlockRecord } from './bench-record.js';
import type { MeteredGenerator } from './metered-generator.js';

/** What is read. */
export interface ClockParts {
  readonly generator: MeteredGenerator;
  readonly gpus: GpuWatch | null;
  /** Counters of the processor's energy at this moment; null where the machine does not tell. */
  readonly energy: () => EnergyReading | null;
}

/** What a clock says of the time between its begin and its end. */
export type Clocked = Pick<
  BlockRecord,
  | 'ms'
  | 'processorSeconds'
  | 'stealShare'
  | 'busyShare'
  | 'gpuMemoryBytes'
  | 'cpuJoules'
  | 'gpuJoules'
  | 'measuringMs'
>;

/** Everything that is read at the begin and the end of what is timed. */
export class BlockClock {
  readonly #parts: ClockParts;
  #before: Moment;
  #after: Moment | null = null;
  #gpu: ReturnType<GpuWatch['take']> = null;

  constructor(parts: ClockParts) {
    this.#parts = parts;
    this.#before = this.#look();
  }

  begin(): void {
    this.#parts.gpus?.take();
    this.#before = this.#look();
  }

  end(): void {
    this.#after = this.#look();
    this.#gpu = this.#parts.gpus?.take() ?? null;
  }

  /** What was read between `begin` and `end`. */
  read(): Clocked {
    const [before, after] = [this.#before, this.#after];
    if (after === null) throw new PgenrmError('INTERNAL', 'a block ended without its clock being stopped');
    const ticks = ticksBetween(before.ticks, after.ticks);
    return {
      ms: after.at - before.at,
      processorSeconds:
        before.processor === null || after.processor === null ? null : after.processor - before.processor,
      stealShare: ticks?.stealShare ?? null,
      busyShare: ticks?.busyShare ?? null,
      gpuMemoryBytes: this.#gpu?.peakMemoryBytes ?? null,
      cpuJoules: joulesBetween(before.energy, after.energy),
      gpuJoules: this.#gpu?.joules ?? null,
      measuringMs: after.spentMs - before.spentMs + before.lookMs,
    };
  }

  #look(): Moment {
    const began = performance.now();
    const { generator } = this.#parts;
    const look = {
      ticks: machineTicks(),
      processor: processorSeconds(),
      energy: this.#parts.energy(),
      spentMs: generator.spentMs,
    };
    const at = performance.now();
    return { ...look, at, lookMs: at - began };
  }
}

interface Moment {
  readonly at: number;
  readonly lookMs: number;
  readonly ticks: MachineTicks | null;
  readonly processor: number | null;
  readonly energy: EnergyReading | null;
  readonly spentMs: number;
}
