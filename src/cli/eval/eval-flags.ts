// The flags of `pgenrm eval` as commander takes them.
// Knows names, ranges and defaults; nothing of what the options do.

import type { Command } from 'commander';
import { FORMAT_NAMES } from '../../data/preference-data.js';
import { OVERLAP_CHOICES } from '../../evaluation/chains/bank-overlap.js';
import { EVALUATE_RANGES } from '../../evaluation/evaluate.js';
import { TIE_CHOICES } from '../../evaluation/figures/outcome-table.js';
import { PROTOCOL_CHOICES } from '../../evaluation/protocol.js';
import { JUDGE_RANGES } from '../../options/option-range.js';
import { GRAMMAR_CHOICES, RETRIEVAL_CHOICES, SCORE_PREFERENCES } from '../../reward-model/judgment.js';
import { GENERATOR_CHOICES } from '../../reward-model/reward-model.js';
import { LIMIT_RANGE } from '../../run/rows.js';
import { AGGREGATE_METHOD_CHOICES } from '../../scaling/aggregate-levels.js';
import { NEIGHBOUR_WEIGHTS } from '../../scaling/neighbour-weights.js';
import { guidedFlags } from '../options/guided-flags.js';
import { dataReadingFlags } from '../options/judged-data.js';
import { CHAT_TEMPLATE_HELP, runFlags } from '../options/model-options.js';
import { choiceOption, numberOption } from '../options/option-parsers.js';
import { oldOption } from '../options/renamed.js';

/** How figures are computed. */
export function figureFlags(command: Command): void {
  command
    .addOption(choiceOption('--ties <how>', "how ties count; default: the protocol's", TIE_CHOICES))
    .addOption(
      choiceOption('--aggregate <method>', 'how chains become one score', AGGREGATE_METHOD_CHOICES).default(
        'mean',
      ),
    )
    .addOption(
      choiceOption(
        '--neighbour-weights <kind>',
        'how much the chain of each similar user counts; cosine: by its cosine, and all of them less where they are less alike',
        NEIGHBOUR_WEIGHTS,
      ).default('equal'),
    )
    .addOption(
      numberOption(
        '--individual-share <w>',
        'weight of the own chains; default 0.5',
        JUDGE_RANGES.individualShare,
      ).conflicts('learnShare'),
    )
    .option(
      '--learn-share <chains>',
      'learn that weight on the chains.jsonl of validation rows, none of which may be among those evaluated',
    )
    .option(
      '--adaptive <risks>',
      'replay adaptive stopping over the chains at these risks (0 to 0.5), such as 0.01,0.05,0.1: what it saves, what it changes',
    )
    .addOption(
      numberOption('--resamples <n>', 'resamples of each interval', EVALUATE_RANGES.resamples).default(
        10_000,
      ),
    )
    .addOption(numberOption('--interval-seed <n>', 'seed of resampling', EVALUATE_RANGES.seed).default(0));
}

/** What is evaluated, by which rules, with which bank. */
export function dataFlags(command: Command): void {
  command
    .addOption(
      choiceOption('--protocol <name>', "rules of a benchmark; default: the data's", PROTOCOL_CHOICES),
    )
    .option('--users <file>', "users' stated criteria, histories and groups")
    .option('--split <name>', 'only the rows of this split; default test where the data has it')
    .addOption(choiceOption('--format <name>', 'shape of the rows; detected by default', FORMAT_NAMES))
    .option(
      '--group <name>',
      "only rows of users whom the users file's field group puts here, such as unseen",
    )
    .addOption(
      numberOption(
        '--rows-per-user <n>',
        "at most n rows of each user, every user's first row before any second one; more can be added later with --resume",
        LIMIT_RANGE,
      ),
    )
    .addOption(numberOption('--limit <n>', 'only the first n rows', LIMIT_RANGE));
  dataReadingFlags(command)
    .option('--bank <folder>', 'the prototype bank in which similar users are sought')
    .addOption(oldOption('--prototypes', '--bank'))
    .option(
      '--embedder <model>',
      'the model that embedded the bank; default: the one that the judge names, else itself',
    )
    .addOption(
      choiceOption(
        '--retrieve-by <what>',
        'by what similar users are sought; cached: part 1 of a chain for an earlier row of the user with the same history, else the first own chain by number',
        RETRIEVAL_CHOICES,
      ).default('chain'),
    )
    .addOption(
      choiceOption(
        '--bank-overlap <what>',
        "bank users who are evaluated: exclude, nobody's neighbours; own, only not their own",
        OVERLAP_CHOICES,
      ).default('exclude'),
    )
    .option('--baselines', 'judge without history and criteria too (two more chains a row)');
}

/** How chains are sampled, by which model. */
export function samplingFlags(command: Command): void {
  command
    .addOption(numberOption('--seed <n>', 'seed of the chains', JUDGE_RANGES.seed).default(0))
    .addOption(numberOption('--temperature <t>', '0 is greedy', JUDGE_RANGES.temperature).default(1))
    .addOption(numberOption('--top-p <p>', 'nucleus sampling, 1 is off', JUDGE_RANGES.topP).default(1))
    .addOption(
      numberOption('--min-p <p>', 'least share of the best probability', JUDGE_RANGES.minP).default(0),
    )
    .addOption(
      numberOption(
        '--max-tokens <n>',
        'new tokens a chain; default: the model says, else 3072',
        JUDGE_RANGES.maxTokens,
      ),
    )
    .addOption(
      numberOption(
        '--history-events <n>',
        'most recent history events, the same at every level; default all that fit',
        JUDGE_RANGES.historyEvents,
      ),
    )
    .addOption(
      choiceOption('--grammar <where>', 'force the form of the chain', GRAMMAR_CHOICES).default('off'),
    )
    .addOption(
      choiceOption('--prefer <score>', 'which score of a chain counts', SCORE_PREFERENCES).default(
        'recomputed',
      ),
    )
    .option('--model <model>', 'nano (bundled), a path, or an hf: address', 'nano')
    .option('--template <template>', "a template's name or file; default: the model's own, else standard")
    .option('--chat-template <file>', CHAT_TEMPLATE_HELP)
    .addOption(choiceOption('--generator <kind>', 'force a generator', GENERATOR_CHOICES));
  guidedFlags(command);
  runFlags(command);
}
