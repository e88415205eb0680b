// Checks what a judgment is asked for and fills in the defaults.
// Knows ranges and the context size; nothing of prompts or chains.

import { contentKey } from '../chain/chain-seed.js';
import { PgenrmError } from '../errors.js';
import type { GeneratorInfo, Sampling } from '../generator/generator.js';
import {
  checkChoice,
  checkRange,
  describeRange,
  inRange,
  invalidOption,
  JUDGE_RANGES,
} from '../options/option-range.js';
import type { Item, Turn, User } from '../preference/preference.js';
import {
  GRAMMAR_CHOICES,
  type GrammarChoice,
  type JudgeInput,
  type JudgeOptions,
  SCORE_PREFERENCES,
  type ScorePreference,
} from './judgment.js';

/** The paper's bound on new tokens a chain. */
export const DEFAULT_MAX_TOKENS = 3072;

/** GGUF metadata key by which a model says how many new tokens its chains need at most. */
export const MAX_TOKENS_METADATA_KEY = 'pgenrm.max_tokens';

/**
 * New tokens a chain where nothing else is asked for: what the model's metadata says, else
 * {@link DEFAULT_MAX_TOKENS}, and half the context at most.
 *
 * Errors: `MODEL_UNUSABLE` where the metadata holds no whole number in range.
 */
export function defaultMaxTokens(info: GeneratorInfo, metadata: ReadonlyMap<string, string>): number {
  const stated = metadata.get(MAX_TOKENS_METADATA_KEY);
  const wish = stated === undefined ? DEFAULT_MAX_TOKENS : Number(stated);
  if (!inRange(wish, JUDGE_RANGES.maxTokens)) {
    throw new PgenrmError(
      'MODEL_UNUSABLE',
      `the model's metadata key ${MAX_TOKENS_METADATA_KEY} must hold ${describeRange(JUDGE_RANGES.maxTokens)}; got '${stated}'`,
    );
  }
  return Math.max(1, Math.min(wish, Math.floor(info.contextTokens / 2)));
}

/** {@link JudgeOptions} with every default filled in. */
export interface JudgeSettings {
  readonly individual: number;
  readonly seed: number;
  readonly sampling: Sampling;
  readonly maxTokens: number;
  /** What the context leaves for the prompt. */
  readonly maxPromptTokens: number;
  /** Null: all that fit. */
  readonly historyEvents: number | null;
  readonly grammar: GrammarChoice;
  readonly prefer: ScorePreference;
  readonly attempt: number;
}

/** Fills in defaults. Errors: `INVALID_OPTION`, naming the option, its range and what came. */
export function judgeSettings(
  options: JudgeOptions,
  info: GeneratorInfo,
  usualMaxTokens: number,
): JudgeSettings {
  const {
    individual = 1,
    seed = 0,
    temperature = 1,
    topP = 1,
    minP = 0,
    maxTokens = usualMaxTokens,
    historyEvents = null,
    grammar = 'off',
    prefer = 'recomputed',
    attempt = 1,
  } = options;
  checkRange('individual', individual, JUDGE_RANGES.individual);
  checkRange('seed', seed, JUDGE_RANGES.seed);
  checkRange('temperature', temperature, JUDGE_RANGES.temperature);
  checkRange('topP', topP, JUDGE_RANGES.topP);
  checkRange('minP', minP, JUDGE_RANGES.minP);
  checkRange('maxTokens', maxTokens, JUDGE_RANGES.maxTokens);
  if (historyEvents !== null) checkRange('historyEvents', historyEvents, JUDGE_RANGES.historyEvents);
  checkChoice('grammar', grammar, GRAMMAR_CHOICES);
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
    seed,
    sampling: { temperature, topP, minP },
    maxTokens,
    maxPromptTokens,
    historyEvents,
    grammar,
    prefer,
    attempt,
  };
}

/** An item to judge, whole: its user, its context and what names it. */
export interface JudgeSubject {
  readonly key: string;
  readonly user: User;
  readonly item: Item;
}

const NOBODY: User = { history: [] };

/** Checks an input. Errors: `INVALID_OPTION`. */
export function judgeSubject(input: JudgeInput): JudgeSubject {
  const { id, user = NOBODY, candidates } = input;
  if (id !== undefined && typeof id !== 'string') throw invalidOption('id', 'a string', id);
  if (!Array.isArray(candidates) || candidates.length < 2) {
    const got = Array.isArray(candidates) ? `${candidates.length}` : typeof candidates;
    throw new PgenrmError('INVALID_OPTION', `candidates must be an array of two texts or more; got ${got}`);
  }
  const bad = candidates.findIndex((candidate) => typeof candidate !== 'string');
  if (bad >= 0) throw invalidOption(`candidates[${bad}]`, 'a string', candidates[bad]);
  checkUser(user);
  const item: Item = { context: contextOf(input), candidates };
  return { key: id ?? contentKey(user, item), user, item };
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
