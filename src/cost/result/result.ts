// What a bench of scaling levels says: the form of result.json, version 1. `bench/SCALING-RESULT.md` describes it in words.
// Types only; `figures.ts` fills them in.

import type { Interval } from '../../statistics/cluster-interval.js';
import type { Estimate } from '../../statistics/estimate.js';
import type { Ratio } from '../../statistics/ratio.js';
import type { BenchHeader } from '../measure/bench-record.js';

/** Figures of a variant under one of both conditions. */
export interface ModeFigures {
  readonly rounds: number;
  readonly judgments: number;
  /** Wall time of a judgment, in milliseconds. */
  readonly medianMs: Estimate;
  readonly p95Ms: Estimate;
  readonly p99Ms: Estimate;
  /** Timed span over judgments that ended in it: the mean of the rounds. Alone it is the mean wall time. */
  readonly msPerJudgment: Estimate;
  readonly firstChainMs: Estimate | null;
  readonly judgmentsPerSecond: Estimate;
  readonly generatedTokensPerSecond: Estimate;
  /** Tokens of a judgment. */
  readonly unsharedPromptTokens: Estimate;
  readonly decodedPromptTokens: Estimate;
  readonly savedPromptTokens: Estimate;
  readonly generatedTokens: Estimate;
  readonly processorMs: Estimate | null;
  /** Null where the machine does not tell. */
  readonly joules: Estimate | null;
  /** Model FLOPs of a judgment; null where the model's weights are not known. */
  readonly flops: Estimate | null;
  readonly peakMemoryBytes: number | null;
  readonly gpuMemoryBytes: number | null;
}

/** A share with the interval that resamples users. */
export interface AccuracyFigure {
  readonly value: number | null;
  readonly interval: Interval;
  readonly rows: number;
  readonly users: number;
  /** `bench`: of the judgments that were timed; else the name of the evaluation's file, without its folder. */
  readonly from: string;
  /** Of the evaluation's file; null where the figure is the bench's own. */
  readonly sha256: string | null;
}

/** One level, with adaptive stopping or without. */
export interface VariantResult {
  readonly name: string;
  readonly individual: number;
  readonly prototype: number;
  readonly adaptive: number | null;
  readonly alone: ModeFigures | null;
  readonly full: ModeFigures | null;
  /** Chains of a judgment. */
  readonly usedChains: Estimate;
  readonly lostChains: Estimate;
  readonly savedChains: Estimate;
  /** Bytes of KV cells that one judgment needs: its distinct prompt tokens and its chains. */
  readonly kvBytes: Estimate | null;
  /** Null without labels, and where no chain could be read. */
  readonly accuracy: AccuracyFigure | null;
  /** No other variant is both cheaper at full throughput and at least as accurate; null without accuracy. */
  readonly onFrontier: boolean | null;
  /** In the currency of the prices given, for 1,000 judgments. */
  readonly pricePer1000: Estimate | null;
  readonly apiPricePer1000: Estimate | null;
  /** Judgments that met an error of their row; they are in no other figure. */
  readonly failed: number;
}

/** How many times `second` costs what `first` costs, paired by round. */
export interface VariantRatio extends Ratio {
  readonly first: string;
  readonly second: string;
  readonly mode: 'alone' | 'full';
}

/** How quiet the machine was. */
export interface NoiseReport {
  /** Time of the later half of the rounds over that of the earlier; null with fewer than four. */
  readonly drift: number | null;
  /** Mean share of processor time that went to other machines, and the largest of a block. */
  readonly stealShare: number | null;
  readonly mostStealShare: number | null;
  /** Load when the bench began, in processes. */
  readonly load: number;
  /** Processor time of other processes on this machine, as a share of what there is; null where it is not told. */
  readonly otherWorkShare: number | null;
}

/** Prices as they were given. */
export interface Prices {
  readonly perHour: number | null;
  /** For a million tokens each. */
  readonly input: number | null;
  readonly cachedInput: number | null;
  readonly output: number | null;
}

/** The result of a bench: the form of result.json. */
export interface ScalingResult {
  readonly pgenrmScaling: 1;
  readonly created: string;
  readonly header: BenchHeader;
  /** `stopped`: interrupted; `outOfTime`: fewer rounds than asked for. Either can be resumed. */
  readonly status: 'finished' | 'stopped' | 'outOfTime';
  readonly rounds: { readonly asked: number; readonly whole: number };
  readonly sessions: number;
  /** Wall time of all blocks, in seconds. */
  readonly seconds: number;
  readonly variants: readonly VariantResult[];
  readonly ratios: readonly VariantRatio[];
  readonly noise: NoiseReport;
  /** Time that keeping accounts took, over what was measured; and metered over bare runs where these were asked for. */
  readonly measuring: { readonly share: number; readonly meteredOverBare: Ratio | null };
  readonly prices: Prices;
  readonly failedBlocks: readonly { readonly name: string; readonly reason: string }[];
}
