// Checks what a judgment is asked for and fills in the defaults.
// Knows ranges and the context size; nothing of prompts or chains.

import { contentKey, userKey } from '../chain/chain-seed.js';
import { PgenrmError } from '../errors.js';
import type { GeneratorInfo, Sampling } from '../generator/generator.js';
import {
  DECODING_CHOICES,
  type GuidedSettings,
  guidedSettings,
  type ModelDecoding,
} from '../guided/decoding.js';
import {
  checkChoice,
  checkRange,
  invalidOption,
  JUDGE_DEFAULTS,
  JUDGE_RANGES,
} from '../options/option-range.js';
import type { Item, Turn, User } from '../preference/preference.js';
import { AGGREGATE_METHOD_CHOICES } from '../scaling/aggregate-levels.js';
import { NEIGHBOUR_WEIGHTS } from '../scaling/neighbour-weights.js';
import { isSmall, planWaves } from '../scaling/waves.js';
import {
  GRAMMAR_CHOICES,
  type GrammarChoice,
  type JudgeAggregateOptions,
  type JudgeInput,
  type JudgeOptions,
  RETRIEVAL_CHOICES,
  type RetrieveBy,
  SCORE_PREFERENCES,
  type ScorePreference,
} from './judgment.js';

/** {@link JudgeOptions} with every default filled in. */
export interface JudgeSettings {
  readonly individual: number;
  readonly prototypes: number;
  readonly retrieveBy: RetrieveBy;
  readonly includeSelf: boolean;
  readonly aggregate: Required<JudgeAggregateOptions>;
  /** The risk of adaptive scaling; null: all chains are written. */
  readonly adaptive: number | null;
  readonly seed: number;
  readonly sampling: Sampling;
  readonly maxTokens: number;
  /** What the context leaves for the prompt. */
  readonly maxPromptTokens: number;
  /** Null: all that fit. */
  readonly historyEvents: number | null;
  readonly grammar: GrammarChoice;
  /** How guided chains are written; null: chains are free. */
  readonly guided: GuidedSettings | null;
  readonly prefer: ScorePreference;
  readonly attempt: number;
}

/** What a judgment's defaults depend on. */
export interface JudgeDefaults {
  /** New tokens a chain. */
  readonly usualMaxTokens: number;
  /** Whether similar users can be sought. */
  readonly hasBank: boolean;
  /** How the model writes chains where nobody says. */
  readonly decoding: ModelDecoding;
}

/**
 * Fills in defaults. Errors: `INVALID_OPTION`, naming the option, its
 * range and what came.
 */
export function judgeSettings(
  options: JudgeOptions,
  info: GeneratorInfo,
  { usualMaxTokens, hasBank, decoding: usualDecoding }: JudgeDefaults,
): JudgeSettings {
  checkObject('options', options);
  const {
    individual = JUDGE_DEFAULTS.individual,
    prototypes = JUDGE_DEFAULTS.prototypes,
    retrieveBy = 'chain',
    includeSelf = false,
    adaptive = null,
    seed = JUDGE_DEFAULTS.seed,
    temperature = JUDGE_DEFAULTS.temperature,
    topP = JUDGE_DEFAULTS.topP,
    minP = JUDGE_DEFAULTS.minP,
    maxTokens = usualMaxTokens,
    historyEvents = null,
    grammar = 'off',
    decoding = 'auto',
    prefer = 'recomputed',
    attempt = 1,
  } = options;
  checkRange('individual', individual, JUDGE_RANGES.individual);
  checkRange('prototypes', prototypes, JUDGE_RANGES.prototypes);
  if (prototypes > 0 && !hasBank) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `prototypes must be 0 without a prototype bank; got ${prototypes}; give the reward model a bank, made with pgenrm bank build`,
    );
  }
  checkChoice('retrieveBy', retrieveBy, RETRIEVAL_CHOICES);
  if (typeof includeSelf !== 'boolean') throw invalidOption('includeSelf', 'true or false', includeSelf);
  const aggregate = aggregateSettings(options.aggregate ?? {}, adaptive !== null);
  if (adaptive !== null) checkRange('adaptive', adaptive, JUDGE_RANGES.adaptive);
  checkRange('seed', seed, JUDGE_RANGES.seed);
  checkRange('temperature', temperature, JUDGE_RANGES.temperature);
  checkRange('topP', topP, JUDGE_RANGES.topP);
  checkRange('minP', minP, JUDGE_RANGES.minP);
  checkRange('maxTokens', maxTokens, JUDGE_RANGES.maxTokens);
  if (historyEvents !== null) checkRange('historyEvents', historyEvents, JUDGE_RANGES.historyEvents);
  checkChoice('grammar', grammar, GRAMMAR_CHOICES);
  checkChoice('decoding', decoding, DECODING_CHOICES);
  checkChoice('prefer', prefer, SCORE_PREFERENCES);
  checkRange('attempt', attempt, JUDGE_RANGES.attempt);
  const maxPromptTokens = info.contextTokens - maxTokens;
  if (maxPromptTokens < 1) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `maxTokens must leave room for a prompt in the context of ${info.contextTokens} tokens; got ${maxTokens}; lower it or raise the context`,
    );
  }
  return {
    individual,
    prototypes,
    retrieveBy,
    includeSelf,
    aggregate,
    adaptive,
    seed,
    sampling: { temperature, topP, minP },
    maxTokens,
    maxPromptTokens,
    historyEvents,
    grammar,
    guided: guidedSettings({ ...options, decoding, grammar }, usualDecoding),
    prefer,
    attempt,
  };
}

function aggregateSettings(options: JudgeAggregateOptions, adaptive: boolean): JudgeSettings['aggregate'] {
  const { method = 'mean', trim = 0.1, individualShare = 0.5, neighbourWeights = 'equal' } = options;
  checkChoice('aggregate.method', method, AGGREGATE_METHOD_CHOICES);
  checkRange('aggregate.trim', trim, JUDGE_RANGES.trim);
  checkRange('aggregate.individualShare', individualShare, JUDGE_RANGES.individualShare);
  checkChoice('aggregate.neighbourWeights', neighbourWeights, NEIGHBOUR_WEIGHTS);
  if (adaptive && method !== 'mean' && method !== 'wins') {
    throw new PgenrmError(
      'INVALID_OPTION',
      `adaptive scaling needs the method mean or wins, whose outcome can be foreseen; got ${method}`,
    );
  }
  return { method, trim, individualShare, neighbourWeights };
}

/** Chains that a judgment of two candidates asks for at once. */
export function chainsAtOnce(settings: JudgeSettings): number {
  const { individual, prototypes } = settings;
  const level = { individual, prototype: prototypes };
  const [first] = wavesWait(settings, 2) ? planWaves(level, 2) : [level];
  return first!.individual + first!.prototype;
}

/**
 * Whether own chains of later waves are written beside those of the first where there is room. Few chains whose scores
 * are drawn seldom decide before the last wave, and a wave that waits costs time. A chain whose scores are read counts
 * for several, and of many chains the first waves mostly decide (`bench/stopping/time.mjs`).
 */
export function overlapsWaves(
  { guided, individual, prototypes }: JudgeSettings,
  candidates: number,
): boolean {
  return guided?.readout !== 'expected' && isSmall({ individual, prototype: prototypes }, candidates);
}

/** Whether a judgment may stop between waves, each of which waits for the one before. */
export function wavesWait(settings: JudgeSettings, candidates: number): boolean {
  return settings.adaptive !== null && !overlapsWaves(settings, candidates);
}

/** An item to judge, whole: its user, its context and what names it. */
export interface JudgeSubject {
  /** As given. */
  readonly id: string | undefined;
  /** Part 1 of an earlier chain for the user. */
  readonly analysis: string | undefined;
  readonly key: string;
  readonly user: User;
  readonly item: Item;
}

const NOBODY: User = { history: [] };

/** Checks an input. Errors: `INVALID_OPTION`. */
export function judgeSubject(input: JudgeInput): JudgeSubject {
  checkObject('input', input);
  const { id, user = NOBODY, candidates, analysis } = input;
  if (id !== undefined && typeof id !== 'string') throw invalidOption('id', 'a string', id);
  if (!Array.isArray(candidates) || candidates.length < 2) {
    const got = Array.isArray(candidates) ? `${candidates.length}` : typeof candidates;
    throw new PgenrmError('INVALID_OPTION', `candidates must be an array of two texts or more; got ${got}`);
  }
  const bad = candidates.findIndex((candidate) => typeof candidate !== 'string');
  if (bad >= 0) throw invalidOption(`candidates[${bad}]`, 'a string', candidates[bad]);
  checkUser(user);
  if (analysis !== undefined && (typeof analysis !== 'string' || analysis.trim() === '')) {
    throw invalidOption('analysis', 'a text that is not blank', analysis);
  }
  const item: Item = { context: contextOf(input), candidates };
  return { id, analysis, key: id ?? contentKey(user, item), user, item };
}

/**
 * What tells an item's user from others: the id, else what is known of the user. Undefined where nothing is known, and
 * where the user does not fit, which judging the item will say.
 */
export function keyOfUser(input: JudgeInput): string | undefined {
  const user = input?.user;
  if (user === undefined) return undefined;
  try {
    checkUser(user);
  } catch (error) {
    if (error instanceof PgenrmError) return undefined;
    throw error;
  }
  if (user.id !== undefined) return `id ${user.id}`;
  return user.history.length === 0 && !user.criteria ? undefined : `signals ${userKey(user)}`;
}

/** Checks that an argument can be read one value after another. Errors: `INVALID_OPTION`. */
export function checkIterable(name: string, value: unknown): void {
  const isStream =
    typeof value === 'object' &&
    value !== null &&
    (Symbol.asyncIterator in value || Symbol.iterator in value);
  if (!isStream) throw invalidOption(name, 'an array or another iterable', value);
}

/** Checks that an argument is an object. Errors: `INVALID_OPTION`. */
export function checkObject(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalidOption(name, 'an object', value);
}

function contextOf({ prompt, context }: JudgeInput): readonly Turn[] {
  if ((prompt === undefined) === (context === undefined)) {
    throw new PgenrmError(
      'INVALID_OPTION',
      'give either prompt (one text) or context (a list of turns), not both or none',
    );
  }
  if (prompt !== undefined) {
    if (typeof prompt !== 'string') throw invalidOption('prompt', 'a string', prompt);
    return [{ role: 'user', content: prompt }];
  }
  checkTurns('context', context);
  return context;
}

function checkUser(user: User): void {
  if (typeof user !== 'object' || user === null) throw invalidOption('user', 'an object', user);
  if (!Array.isArray(user.history))
    throw invalidOption('user.history', 'an array, empty where nothing is known', user.history);
  if (user.criteria !== undefined && typeof user.criteria !== 'string') {
    throw invalidOption('user.criteria', 'a string', user.criteria);
  }
  for (const [index, event] of user.history.entries()) {
    const name = `user.history[${index}]`;
    if (typeof event !== 'object' || event === null) throw invalidOption(name, 'an object', event);
    checkTurns(`${name}.context`, event.context);
    if (typeof event.chosen !== 'string') throw invalidOption(`${name}.chosen`, 'a string', event.chosen);
    if (typeof event.rejected !== 'string')
      throw invalidOption(`${name}.rejected`, 'a string', event.rejected);
  }
}

function checkTurns(name: string, turns: unknown): asserts turns is readonly Turn[] {
  if (!Array.isArray(turns) || turns.length === 0)
    throw invalidOption(name, 'an array of one turn or more', turns);
  for (const [index, turn] of (turns as (Partial<Turn> | null)[]).entries()) {
    checkChoice(`${name}[${index}].role`, turn?.role, ['system', 'user', 'assistant']);
    if (typeof turn?.content !== 'string')
      throw invalidOption(`${name}[${index}].content`, 'a string', turn?.content);
  }
}
