// Names that the command line no longer has: each is refused, and the name in its place is told.
// Knows the old name and the new one; nothing of what they mean.

import { type Command, Option } from 'commander';
import { PgenrmError } from '../../errors.js';

/**
 * An option's old name: not in the help, refused with `INVALID_OPTION` with a value and without. `VALUE` in the new form stands
 * for the value that was given.
 */
export function oldOption(old: `--${string}`, now: `--${string}`): Option {
  return new Option(`${old} [value]`)
    .hideHelp()
    .preset('')
    .argParser((value) => {
      const written = value === '' ? now : now.replace('VALUE', () => value);
      throw new PgenrmError('INVALID_OPTION', `${old} is now called ${now}; write ${written} in its place`);
    });
}

/** A command's old name: not in the help, refused with `INVALID_OPTION` whatever comes after it. */
export function oldCommand(program: Command, old: string, now: string): void {
  program
    .command(old, { hidden: true })
    .description(`Is called ${now} now.`)
    .helpOption(false)
    .argument('[words...]')
    .allowUnknownOption()
    .action(() => {
      throw new PgenrmError(
        'INVALID_OPTION',
        `pgenrm ${old} is now called pgenrm ${now}; pgenrm ${now} --help lists what it does`,
      );
    });
}
