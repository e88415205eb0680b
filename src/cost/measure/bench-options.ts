// What a bench of scaling levels is asked to do: data, model, levels, sizes, and where it goes.
// Types only; `scaling-bench.ts` does it.

import type { PreferenceData, PreferenceRow } from '../../data/preference-data.js';
import type { OverlapChoice } from '../../evaluation/chains/bank-overlap.js';
import type { JudgeOptions } from '../../reward-model/judgment.js';
import type { RewardModel } from '../../reward-model/reward-model.js';
import type { EnergyReading } from '../machine/energy.js';
import type { GpuFacts, GpuWatch } from '../machine/gpu-watch.js';
import type { ModelCost } from '../machine/model-cost.js';
import type { Variant } from './bench-plan.js';
import type { BlockRecord } from './bench-record.js';
import type { BenchStore } from './bench-store.js';
import type { MeteredGenerator } from './metered-generator.js';

/** The bank that similar users come from, as far as a bench records it. */
export interface BenchBank {
  readonly checksum: string;
  readonly additions: number;
  readonly overlap: OverlapChoice;
  /** Users of the bank who may be a judged user's neighbours. */
  readonly users: number;
}

/** A model that is loaded, with the bank where a level has similar users. */
export interface OpenedModel {
  /** Over `generator`. */
  readonly model: RewardModel;
  readonly generator: MeteredGenerator;
}

/** What is measured, with what, and where it goes. */
export interface ScalingBenchOptions {
  readonly data: PreferenceData;
  readonly split: string | null;
  /** What is judged, as `benchRows` gives it; not empty. */
  readonly rows: readonly PreferenceRow[];
  readonly opened: OpenedModel;
  /**
   * Closes what is open and loads model and bank anew. Rounds that share a load share what it happened to bring (where
   * memory lies, which threads run where), so that their spread would not be that of runs.
   */
  readonly reopen: () => Promise<OpenedModel>;
  readonly store: BenchStore;
  readonly variants: readonly Variant[];
  readonly bank: BenchBank | null;
  readonly rounds: number;
  /** No round begins that would not end within so many minutes; at least two are made. Null: all rounds. */
  readonly minutes: number | null;
  readonly aloneRows: number;
  readonly fullChains: number;
  readonly checksMeasuring: boolean;
  readonly seed: number;
  readonly judge: Omit<
    JudgeOptions,
    'individual' | 'prototypes' | 'adaptive' | 'seed' | 'signal' | 'onEvent'
  >;
  /** Null where the model file's header cannot be read. */
  readonly cost: ModelCost | null;
  readonly modelNote: string | null;
  readonly libraryHash: string | null;
  readonly gpuFacts: GpuFacts | null;
  readonly gpus: GpuWatch | null;
  /** Counters of the processor's energy at this moment; null where the machine does not tell. */
  readonly energy: () => EnergyReading | null;
  readonly signal: AbortSignal;
  readonly onEvent?: (event: BenchEvent) => void;
}

/** What a bench reports while it goes on. */
export type BenchEvent =
  | { readonly type: 'warmUp' }
  | { readonly type: 'started'; readonly path: string; readonly blocks: number; readonly done: number }
  /** The model was loaded anew for a round. */
  | { readonly type: 'reopened'; readonly round: number }
  | { readonly type: 'block'; readonly block: BlockRecord; readonly done: number; readonly blocks: number };
