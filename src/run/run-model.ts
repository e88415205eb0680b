// What a run over a data set asks of a model: a loaded one, or workers on other machines.
// Types alone.

import type { GeneratorInfo } from '../generator/generator.js';
import type { AnalysisTurn } from '../reward-model/analysis-cache.js';
import type { JudgeSettings } from '../reward-model/judge-settings.js';
import type { JudgeInput, JudgeOptions, Judgment } from '../reward-model/judgment.js';

/** As much of a bank as a run records. */
export interface RunBank {
  readonly path: string;
  readonly manifest: { readonly checksum: string };
  readonly additions: number;
}

/** Judges the rows of a run: a `RewardModel`, or whoever stands for one. */
export interface RunModel {
  readonly modelSha256: string | null;
  readonly template: { readonly name: string; readonly hash: string };
  readonly modelInfo: { readonly name: string; readonly description: string };
  readonly generatorInfo: GeneratorInfo;
  readonly bank: RunBank | null;
  /** Options with every default filled in. Errors: `INVALID_OPTION`. */
  settings(options?: JudgeOptions): JudgeSettings;
  /** Items to keep in flight, each with so many chains at once; or `wish` where given. */
  concurrencyFor(chains: number, wish?: number): number;
  /** Judgments with these settings at once. */
  judgmentsAtOnce(settings: JudgeSettings, wish?: number): number;
  judge(input: JudgeInput, options?: JudgeOptions): Promise<Judgment>;
  /** @internal */
  judgeInTurn(input: JudgeInput, options: JudgeOptions, turn: AnalysisTurn | null): Promise<Judgment>;
}
