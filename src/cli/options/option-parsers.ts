// Turns words of the command line into numbers within their ranges, and says which range where they are not.
// Knows commander's way to refuse an argument; nothing of what the options mean.

import { InvalidArgumentError, Option } from 'commander';
import { describeRange, inRange, type NumberRange } from '../../options/option-range.js';

/** A parser for a number in a range. */
export function numberIn(range: NumberRange): (word: string) => number {
  return (word) => {
    const value = word.trim() === '' ? Number.NaN : Number(word);
    if (!inRange(value, range)) throw new InvalidArgumentError(`It must be ${describeRange(range)}.`);
    return value;
  };
}

/** An option that takes a number in a range, the range named in the help. */
export function numberOption(flags: string, description: string, range: NumberRange): Option {
  return new Option(flags, `${description} (${describeRange(range)})`).argParser(numberIn(range));
}

/** An option that takes a number in a range, or one word. */
export function numberOrWordOption(
  flags: string,
  description: string,
  range: NumberRange,
  word: string,
): Option {
  const number = numberIn(range);
  return new Option(flags, `${description} (${describeRange(range)})`).argParser((given) =>
    given === word ? word : number(given),
  );
}

/** An option that takes one of a few words. */
export function choiceOption(flags: string, description: string, choices: readonly string[]): Option {
  return new Option(flags, description).choices(choices);
}
