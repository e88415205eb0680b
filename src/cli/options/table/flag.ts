// What a flag is, as plain data: its words, its help, what it takes, its default.
// Knows neither commander nor any command; `table.ts` has all flags, `add-flags.ts` gives them to a command.

import type { NumberRange } from '../../../options/option-range.js';

/** What follows a flag on the command line. `parse` gets the value so far, and refuses a text with `INVALID_OPTION`. */
export type Takes =
  | { readonly kind: 'number'; readonly range: NumberRange; readonly word?: string }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  | { readonly kind: 'parsed'; readonly parse: (text: string, before: unknown) => unknown }
  | { readonly kind: 'text' }
  | { readonly kind: 'nothing' };

/** What may be said of a flag beside its words and its help. */
export interface FlagExtras {
  readonly default?: unknown;
  /** The text that is read where the flag stands without a value. */
  readonly preset?: string;
  readonly required?: true;
  /** Attribute names of flags that cannot stand beside this one. */
  readonly conflicts?: readonly string[];
  /** Names that it had once: each is refused, and what to write in its place is told. */
  readonly was?: Readonly<Record<`--${string}`, `--${string}`>>;
}

/** One flag; `T` is what a command reads, `Given` whether it always reads something. */
export interface Flag<T = unknown, Given extends boolean = boolean> extends FlagExtras {
  /** As the help shows it, such as `--ind <m>`. */
  readonly words: `--${string}`;
  readonly help: string;
  readonly takes: Takes;
  /** Only for the type checker. */
  readonly type?: { readonly value: T; readonly given: Given };
}

type Given<E> = E extends { readonly default: unknown } | { readonly required: true } ? true : false;
type Words = Flag['words'];

/** A number in a range, which the help names. */
export function numberFlag<const E extends FlagExtras = object>(
  words: Words,
  help: string,
  range: NumberRange,
  extras?: E,
): Flag<number, Given<E>> {
  return { words, help, takes: { kind: 'number', range }, ...extras };
}

/** A number in a range, or one word. */
export function numberOrWordFlag<const W extends string, const E extends FlagExtras = object>(
  words: Words,
  help: string,
  range: NumberRange,
  word: W,
  extras?: E,
): Flag<number | W, Given<E>> {
  return { words, help, takes: { kind: 'number', range, word }, ...extras };
}

/** One of a few words. */
export function choiceFlag<const C extends string, const E extends FlagExtras = object>(
  words: Words,
  help: string,
  choices: readonly C[],
  extras?: E,
): Flag<C, Given<E>> {
  return { words, help, takes: { kind: 'choice', choices }, ...extras };
}

/** A text as it stands: a path, a name. */
export function textFlag<const E extends FlagExtras = object>(
  words: Words,
  help: string,
  extras?: E,
): Flag<string, Given<E>> {
  return { words, help, takes: { kind: 'text' }, ...extras };
}

/** A text that is read in a way of its own, or several in turn. */
export function parsedFlag<T, const E extends FlagExtras = object>(
  words: Words,
  help: string,
  parse: (text: string, before: T | undefined) => T,
  extras?: E,
): Flag<T, Given<E>> {
  const any = parse as (text: string, before: unknown) => unknown;
  return { words, help, takes: { kind: 'parsed', parse: any }, ...extras };
}

/** Without a value: on where it stands. */
export function onFlag(words: Words, help: string, extras?: FlagExtras): Flag<true, false> {
  return { words, help, takes: { kind: 'nothing' }, ...extras };
}

/** `--no-NAME`: the attribute NAME is true unless it stands. */
export function offFlag(words: `--no-${string}`, help: string): Flag<boolean, true> {
  return { words, help, takes: { kind: 'nothing' } };
}

/** The name under which a command reads a flag: `--no-refine` is `refine`, `--max-tokens <n>` is `maxTokens`. */
export function attributeOf({ words }: Pick<Flag, 'words'>): string {
  const name = words.split(' ')[0]!.replace(/^--(no-)?/, '');
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}
