// Flags of how an item is judged: how many chains, how they are sampled and written, how they become one score.
// Plain data; ranges, choices and defaults are the library's.

import { DECODING_CHOICES, GUIDED_RANGES, READOUT_CHOICES } from '../../../guided/decoding.js';
import { JUDGE_DEFAULTS, JUDGE_RANGES } from '../../../options/option-range.js';
import { GRAMMAR_CHOICES, RETRIEVAL_CHOICES, SCORE_PREFERENCES } from '../../../reward-model/judgment.js';
import { AGGREGATE_METHOD_CHOICES } from '../../../scaling/aggregate-levels.js';
import { NEIGHBOUR_WEIGHTS } from '../../../scaling/neighbour-weights.js';
import { parseCriteria } from '../guided-options.js';
import { choiceFlag, numberFlag, onFlag, parsedFlag, textFlag } from './flag.js';

const IND = 'chains for the user, each row';

export const JUDGE_FLAGS = {
  ind: numberFlag('--ind <m>', IND, JUDGE_RANGES.individual, { default: JUDGE_DEFAULTS.individual }),
  // A demonstration shows what several chains say.
  'demo:ind': numberFlag('--ind <m>', IND, JUDGE_RANGES.individual, { default: 4 }),
  pro: numberFlag('--pro <n>', 'chains as similar users, each row', JUDGE_RANGES.prototypes, {
    default: JUDGE_DEFAULTS.prototypes,
  }),
  bank: textFlag('--bank <folder>', 'the prototype bank in which similar users are sought', {
    was: { '--prototypes': '--bank' },
  }),
  embedder: textFlag(
    '--embedder <model>',
    'the model that embeds for the bank, or the address of an inference server with /v1/embeddings; default: the one that the judge names, else itself',
  ),
  retrieveBy: choiceFlag(
    '--retrieve-by <what>',
    'by what similar users are sought; cached: part 1 of a chain for an earlier row of the user with the same history, else the first own chain by number',
    RETRIEVAL_CHOICES,
    { default: 'chain' },
  ),
  adaptive: numberFlag(
    '--adaptive [risk]',
    'stop a row as soon as more chains would change the winner with this probability at most; 0.05 without a number',
    JUDGE_RANGES.adaptive,
    { preset: '0.05' },
  ),
  aggregate: choiceFlag('--aggregate <method>', 'how chains become one score', AGGREGATE_METHOD_CHOICES, {
    default: 'mean',
  }),
  neighbourWeights: choiceFlag(
    '--neighbour-weights <kind>',
    'how much the chain of each similar user counts; cosine: by its cosine, and all of them less where they are less alike',
    NEIGHBOUR_WEIGHTS,
    { default: 'equal' },
  ),
  individualShare: numberFlag(
    '--individual-share <w>',
    'weight of the own chains beside those as similar users; default 0.5',
    JUDGE_RANGES.individualShare,
    { conflicts: ['learnShare'] },
  ),
  seed: numberFlag('--seed <n>', 'seed of all that is drawn at random', JUDGE_RANGES.seed, {
    default: JUDGE_DEFAULTS.seed,
  }),
  temperature: numberFlag('--temperature <t>', '0 is greedy', JUDGE_RANGES.temperature, {
    default: JUDGE_DEFAULTS.temperature,
  }),
  topP: numberFlag('--top-p <p>', 'nucleus sampling, 1 is off', JUDGE_RANGES.topP, {
    default: JUDGE_DEFAULTS.topP,
  }),
  minP: numberFlag('--min-p <p>', 'least share of the best probability', JUDGE_RANGES.minP, {
    default: JUDGE_DEFAULTS.minP,
  }),
  maxTokens: numberFlag(
    '--max-tokens <n>',
    'new tokens a chain; default: the model says, else 3072, at most half the context',
    JUDGE_RANGES.maxTokens,
  ),
  historyEvents: numberFlag(
    '--history-events <n>',
    'most recent history events in a prompt; default all that fit',
    JUDGE_RANGES.historyEvents,
  ),
  grammar: choiceFlag('--grammar <where>', 'force the form of the chain', GRAMMAR_CHOICES, {
    default: 'off',
  }),
  prefer: choiceFlag('--prefer <score>', 'which score of a chain counts', SCORE_PREFERENCES, {
    default: 'recomputed',
  }),
  decoding: choiceFlag(
    '--decoding <how>',
    'free: the model writes all of a chain; guided: a plan gives its form and reads the scores, for any model; auto: free where the model was trained on the form',
    DECODING_CHOICES,
    { default: 'auto' },
  ),
  readout: choiceFlag(
    '--readout <how>',
    "a guided chain's scores: expected, the means of their distributions (default), or sampled",
    READOUT_CHOICES,
  ),
  criteria: parsedFlag(
    '--criteria <list>',
    'criteria of guided chains in place of 3 to 5 of the model\'s own, such as "Clarity=60,Warmth=40"',
    parseCriteria,
  ),
  reasons: onFlag('--reasons', 'guided chains give a short reason for every score'),
  think: numberFlag(
    '--think <n>',
    'tokens for a thought that the chat template opens before a guided chain; default 0: it is closed at once',
    GUIDED_RANGES.think,
  ),
} as const;
