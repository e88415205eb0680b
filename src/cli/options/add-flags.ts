// Gives a command flags of the table: the one place where flags become commander's options.
// Knows commander's way to refuse an argument; nothing of what the flags mean.

import { type Command, InvalidArgumentError, Option } from 'commander';
import { PgenrmError } from '../../errors.js';
import { describeRange, inRange } from '../../options/option-range.js';
import { oldOption } from './renamed.js';
import type { Flag, Takes } from './table/flag.js';
import { FLAGS, type FlagName } from './table/table.js';

/** Adds flags in this order, which is that of the help. */
export function addFlags(command: Command, names: readonly FlagName[]): Command {
  for (const name of names) {
    const flag: Flag = FLAGS[name];
    command.addOption(optionOf(flag));
    for (const [old, now] of Object.entries(flag.was ?? {}))
      command.addOption(oldOption(old as `--${string}`, now));
  }
  if (names.includes('engineUrl')) command.hook('preAction', (_, acting) => namesServedModel(acting));
  return command;
}

/** Where servers judge and no model was named, its name is '': the one that they have. */
function namesServedModel(command: Command): void {
  if (command.getOptionValue('engineUrl') === undefined) return;
  if (command.getOptionValueSource('model') === 'default')
    command.setOptionValueWithSource('model', '', 'default');
}

/** A flag as commander takes it. */
export function optionOf(flag: Flag): Option {
  const { takes } = flag;
  const option = new Option(flag.words, helpOf(flag));
  if (takes.kind === 'choice') option.choices(takes.choices);
  else if (takes.kind !== 'text' && takes.kind !== 'nothing') option.argParser(parserOf(takes));
  if (flag.default !== undefined) option.default(flag.default);
  if (flag.preset !== undefined) option.preset(flag.preset);
  if (flag.required === true) option.makeOptionMandatory();
  if (flag.conflicts !== undefined) option.conflicts([...flag.conflicts]);
  return option;
}

function helpOf({ help, takes }: Flag): string {
  return takes.kind === 'number' ? `${help} (${describeRange(takes.range)})` : help;
}

function parserOf(
  takes: Extract<Takes, { kind: 'number' | 'parsed' }>,
): (text: string, before: unknown) => unknown {
  return (text, before) => {
    try {
      return takes.kind === 'parsed' ? takes.parse(text, before) : numberOf(text, takes);
    } catch (error) {
      if (error instanceof PgenrmError) throw new InvalidArgumentError(error.message);
      throw error;
    }
  };
}

function numberOf(text: string, { range, word }: Extract<Takes, { kind: 'number' }>): number | string {
  if (text === word) return text;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (inRange(value, range)) return value;
  const orWord = word === undefined ? '' : `, or ${word}`;
  throw new PgenrmError('INVALID_OPTION', `It must be ${describeRange(range)}${orWord}.`);
}
