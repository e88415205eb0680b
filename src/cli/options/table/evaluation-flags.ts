// Flags of evaluations, and those that evaluations share with benches.
// Plain data; what figures mean is `src/evaluation`.

import { OVERLAP_CHOICES } from '../../../evaluation/chains/bank-overlap.js';
import { DONORS_RANGE } from '../../../evaluation/chains/sample-options.js';
import { HISTORY_BY_CHOICES } from '../../../evaluation/controls/shown-history.js';
import { EVALUATE_RANGES } from '../../../evaluation/evaluate.js';
import { TIE_CHOICES } from '../../../evaluation/figures/outcome-table.js';
import { PROTOCOL_CHOICES } from '../../../evaluation/protocol.js';
import { JUDGE_RANGES } from '../../../options/option-range.js';
import { choiceFlag, numberFlag, onFlag, textFlag } from './flag.js';

const LEVELS = 'such as 1,ind-8,ind-8+pro-4';

export const EVALUATION_FLAGS = {
  'eval:from': textFlag(
    '--from <file>',
    'compute from the chains.jsonl of an earlier evaluation; no model is loaded',
  ),
  levels: textFlag('--levels <list>', `${LEVELS}; default 1,ind-8 (and ind-8+pro-4 with a bank)`),
  'eval:out': textFlag('--out <folder>', 'where chains, report.json, .md, .html and figures.csv go'),
  ties: choiceFlag('--ties <how>', "how ties count; default: the protocol's", TIE_CHOICES),
  learnShare: textFlag(
    '--learn-share <chains>',
    'learn --individual-share on the chains.jsonl of validation rows, none of which may be among those evaluated',
  ),
  'eval:adaptive': textFlag(
    '--adaptive <risks>',
    'replay adaptive stopping over the chains at these risks (0 to 0.5), such as 0.01,0.05,0.1: what it saves, what it changes',
  ),
  resamples: numberFlag('--resamples <n>', 'resamples of each interval', EVALUATE_RANGES.resamples, {
    default: 10_000,
  }),
  intervalSeed: numberFlag('--interval-seed <n>', 'seed of resampling', EVALUATE_RANGES.seed, { default: 0 }),
  protocol: choiceFlag('--protocol <name>', "rules of a benchmark; default: the data's", PROTOCOL_CHOICES),
  bankOverlap: choiceFlag(
    '--bank-overlap <what>',
    "bank users who are judged: exclude, nobody's neighbours; own, only not their own",
    OVERLAP_CHOICES,
    { default: 'exclude' },
  ),
  control: textFlag(
    '--control <list>',
    "judge each row again with as many chains: swapped, with another user's history and criteria; none, with neither; random, with users of the bank at random in place of similar ones; such as swapped,none",
    { was: { '--baselines': '--control none' } },
  ),
  donors: numberFlag('--donors <n>', 'other users a row under the control swapped', DONORS_RANGE, {
    default: 1,
  }),
  historyBudget: numberFlag(
    '--history-budget <tokens>',
    'most tokens of history in a prompt, the same number of events in every arm; at least one event is shown',
    JUDGE_RANGES.historyBudget,
  ),
  historyBy: choiceFlag(
    '--history-by <what>',
    'which events are shown where not all are: the newest, or those whose query and replies are most alike those of the row, by --embedder',
    HISTORY_BY_CHOICES,
    { default: 'newest' },
  ),
  texts: onFlag('--texts', "keep the chains' texts"),
} as const;
