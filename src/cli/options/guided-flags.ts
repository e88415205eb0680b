// The options that say how chains are written: freely, or guided by a plan, and how scores are read then.
// Knows names on both sides; the rules are those of guided/decoding.ts.

import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  DECODING_CHOICES,
  type DecodingChoice,
  GUIDED_RANGES,
  READOUT_CHOICES,
  type Readout,
} from '../../guided/decoding.js';
import type { FixedCriterion } from '../../guided/guided-plan.js';
import type { JudgeOptions } from '../../reward-model/judgment.js';
import { choiceOption, numberOption } from './option-parsers.js';

/** Options of the command line that {@link guidedOptions} reads. */
export interface GuidedFlags {
  readonly decoding: DecodingChoice;
  readonly readout?: Readout;
  readonly criteria?: readonly FixedCriterion[];
  readonly reasons?: true;
  readonly think?: number;
}

/** Adds the flags. */
export function guidedFlags(command: Command): Command {
  return command
    .addOption(
      choiceOption(
        '--decoding <how>',
        'free: the model writes all of a chain; guided: a plan gives its form and reads the scores, for any model; auto: free where the model was trained on the form',
        DECODING_CHOICES,
      ).default('auto'),
    )
    .addOption(
      choiceOption(
        '--readout <how>',
        "a guided chain's scores: expected, the means of their distributions (default), or sampled",
        READOUT_CHOICES,
      ),
    )
    .addOption(
      new Option(
        '--criteria <list>',
        'criteria of guided chains in place of 3 to 5 of the model\'s own, such as "Clarity=60,Warmth=40"',
      ).argParser(parseCriteria),
    )
    .option('--reasons', 'guided chains give a short reason for every score')
    .addOption(
      numberOption(
        '--think <n>',
        'tokens for a thought that the chat template opens before a guided chain; default 0: it is closed at once',
        GUIDED_RANGES.think,
      ),
    );
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

/** `Clarity=60,Warmth=40`, or names alone. */
function parseCriteria(list: string): FixedCriterion[] {
  return list.split(',').map((entry) => {
    const at = entry.lastIndexOf('=');
    const name = (at < 0 ? entry : entry.slice(0, at)).trim();
    if (at < 0) return { name };
    const text = entry.slice(at + 1).trim();
    const weight = text === '' ? Number.NaN : Number(text);
    if (Number.isFinite(weight)) return { name, weight };
    throw new InvalidArgumentError(`the weight of '${name}' must be a number; got '${text}'`);
  });
}
