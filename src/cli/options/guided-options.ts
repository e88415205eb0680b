// How chains are written, as the command line says it: how tokens are drawn, freely or guided by a plan, and how scores are read.
// Knows names on both sides; the rules are those of guided/decoding.ts.

import { PgenrmError } from '../../errors.js';
import type { DecodingChoice, Readout } from '../../guided/decoding.js';
import type { FixedCriterion } from '../../guided/guided-plan.js';
import type { JudgeOptions } from '../../reward-model/judgment.js';

/** Options of the command line that {@link guidedOptions} reads. */
export interface GuidedFlags {
  readonly decoding: DecodingChoice;
  readonly readout?: Readout;
  readonly criteria?: readonly FixedCriterion[];
  readonly reasons?: true;
  readonly think?: number;
}

/** The options as a judgment takes them. */
export function guidedOptions(flags: GuidedFlags): Pick<JudgeOptions, keyof GuidedFlags> {
  const { decoding, readout, criteria, reasons, think } = flags;
  return {
    decoding,
    ...(readout === undefined ? {} : { readout }),
    ...(criteria === undefined ? {} : { criteria }),
    ...(reasons === undefined ? {} : { reasons }),
    ...(think === undefined ? {} : { think }),
  };
}

/** Options of the command line that {@link chainOptions} reads. */
export interface ChainFlags extends GuidedFlags {
  readonly seed: number;
  readonly temperature: number;
  readonly topP: number;
  readonly minP: number;
  readonly maxTokens?: number;
  readonly historyEvents?: number;
  readonly grammar: NonNullable<JudgeOptions['grammar']>;
  readonly prefer: NonNullable<JudgeOptions['prefer']>;
}

/** How each chain is drawn and read, as a judgment takes it. */
export function chainOptions(flags: ChainFlags): Pick<JudgeOptions, keyof ChainFlags> {
  const { seed, temperature, topP, minP, grammar, prefer, maxTokens, historyEvents } = flags;
  return {
    seed,
    temperature,
    topP,
    minP,
    grammar,
    ...guidedOptions(flags),
    prefer,
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(historyEvents === undefined ? {} : { historyEvents }),
  };
}

/** `Clarity=60,Warmth=40`, or names alone. Errors: `INVALID_OPTION`. */
export function parseCriteria(list: string): readonly FixedCriterion[] {
  return list.split(',').map((entry) => {
    const at = entry.lastIndexOf('=');
    const name = (at < 0 ? entry : entry.slice(0, at)).trim();
    if (at < 0) return { name };
    const text = entry.slice(at + 1).trim();
    const weight = text === '' ? Number.NaN : Number(text);
    if (Number.isFinite(weight)) return { name, weight };
    throw new PgenrmError('INVALID_OPTION', `the weight of '${name}' must be a number; got '${text}'`);
  });
}
