// Runs one command line from words to exit code; every error ends here as one clear message.
// Knows the commands by name; what they do is theirs.

import { Command, CommanderError } from 'commander';
import { messageOf, PgenrmError } from '../errors.js';
import { printable, printableJson } from '../output/printable.js';
import { PACKAGE_VERSION } from '../package.js';
import { type LoadOptions, RewardModel } from '../reward-model/reward-model.js';
import { bankCommand } from './bank/bank-command.js';
import { benchCommand } from './bench/bench-command.js';
import type { CliHost, CommandContext } from './command-context.js';
import { demoCommand } from './demo/demo.js';
import { doctorCommand } from './doctor-command.js';
import { evalCommand } from './eval/eval-command.js';
import { addFlags } from './options/add-flags.js';
import { addExamples } from './options/examples.js';
import { oldCommand } from './options/renamed.js';
import { queueCommand } from './queue/queue-command.js';
import { workCommand } from './queue/work-command.js';
import { scoreCommand } from './score/score-command.js';
import { serveCommand } from './serve/serve-command.js';
import { templateCommand } from './template-command.js';
import { createLog, type LogLevel } from './terminal/console-streams.js';
import { EXIT, exitCodeOf } from './terminal/exit-code.js';
import { Interruption } from './terminal/interrupt.js';
import { trainingDataCommand } from './training-data-command.js';

const warnOn =
  ({ err }: Pick<CliHost, 'err'>): NonNullable<LoadOptions['onWarning']> =>
  ({ message }) =>
    void err.write(`pgenrm ${printable(message)}\n`);

/**
 * Runs `pgenrm` with the words after its name and resolves with the exit code; it never rejects.
 *
 * Exit codes: 0 all done, 3 some rows failed, 2 bad usage, 1 other errors, 130 and 143 when stopped by a signal.
 */
export async function runCli(words: readonly string[], host: Partial<CliHost> = {}): Promise<number> {
  let exitCode: number = EXIT.ok;
  const context: CommandContext = {
    out: process.stdout,
    err: process.stderr,
    loadModel: (options) => RewardModel.load({ onWarning: warnOn(context), ...options }),
    ...host,
    end(code) {
      exitCode = code;
    },
  };
  const program = createProgram(context);
  try {
    await program.parseAsync([...words], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const { logLevel, jsonProgress } = optionsSeen(program);
    createLog(logLevel, context.err).debug({ err: error }, 'the command failed');
    context.err.write(errorText(error, jsonProgress));
    return error instanceof Interruption ? error.exitCode : exitCodeOf(error);
  }
}

/** Every command of `pgenrm`. */
export function createProgram(context: CommandContext): Command {
  const program = new Command('pgenrm')
    .description('Scores responses for one user with a local GGUF model (P-GenRM).')
    .version(PACKAGE_VERSION, '-V, --version', 'print the version')
    .configureOutput({
      writeOut: (text) => context.out.write(text),
      writeErr: (text) => context.err.write(printable(text)),
    })
    .showHelpAfterError('(pgenrm --help, or pgenrm COMMAND --help, lists what there is)')
    .exitOverride();
  addFlags(program, ['logLevel']);
  for (const command of [scoreCommand, templateCommand, doctorCommand, demoCommand])
    command(program, context);
  bankCommand(program, context);
  oldCommand(program, 'prototypes', 'bank');
  evalCommand(program, context);
  serveCommand(program, context);
  workCommand(program, context);
  queueCommand(program, context);
  benchCommand(program, context);
  trainingDataCommand(program, context);
  addExamples(program);
  return program;
}

function optionsSeen(program: Command): { logLevel: LogLevel; jsonProgress: boolean } {
  const reporting = program.commands.flatMap((command) => [command, ...command.commands]);
  return {
    logLevel: program.opts<{ logLevel: LogLevel }>().logLevel,
    jsonProgress: reporting.some(
      (command) => command.opts<{ jsonProgress?: boolean }>().jsonProgress === true,
    ),
  };
}

function errorText(error: unknown, asJson: boolean): string {
  const code =
    error instanceof PgenrmError ? error.code : error instanceof Interruption ? 'INTERRUPTED' : 'INTERNAL';
  if (asJson) return `${printableJson({ event: 'error', code, message: messageOf(error) })}\n`;
  if (error instanceof Interruption) return `pgenrm: ${error.message}\n`;
  const hint =
    error instanceof PgenrmError ? '' : ' (this is a defect of pgenrm; --log-level debug shows where)';
  return `pgenrm: ${code}: ${printable(messageOf(error))}${hint}\n`;
}
