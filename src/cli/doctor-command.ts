// `pgenrm doctor`: prints what was found on this machine, what would be used, and why.
// Knows the command line; the finding and its text are `src/doctor`.

import type { Command } from 'commander';
import { printable, printableJson } from '../output/printable.js';
import { GENERATOR_CHOICES, GPU_CHOICES, type LoadOptions } from '../reward-model/reward-model.js';
import type { CommandContext } from './command-context.js';
import { type EngineFlags, engineFlags, engineSizes } from './options/engine-flags.js';
import { CHAT_TEMPLATE_HELP } from './options/model-options.js';
import { choiceOption } from './options/option-parsers.js';
import { EXIT } from './terminal/exit-code.js';
import { InterruptWatch, STOPPING_TEXT } from './terminal/interrupt.js';

interface DoctorOptions extends EngineFlags {
  readonly model: string;
  readonly template?: string;
  readonly chatTemplate?: string;
  readonly generator?: 'native' | 'portable';
  readonly gpu: NonNullable<LoadOptions['gpu']>;
  readonly load: boolean;
  readonly json?: true;
}

/** Adds `pgenrm doctor`. It ends with 1 where something keeps pgenrm from judging, with 4 where the native addon is missing. */
export function doctorCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('doctor')
    .description('Prints what pgenrm found on this machine, what it would use, and why.')
    .option('--model <model>', 'nano (bundled), a path, or an hf: address', 'nano')
    .option('--template <template>', "a template's name or file")
    .option('--chat-template <file>', CHAT_TEMPLATE_HELP)
    .addOption(choiceOption('--generator <kind>', 'force a generator', GENERATOR_CHOICES))
    .addOption(choiceOption('--gpu <backend>', 'where layers are computed', GPU_CHOICES).default('auto'));
  engineFlags(command)
    .option('--no-load', 'do not load the model')
    .option('--json', 'as one JSON object')
    .action(async (options: DoctorOptions) => {
      const { json, model, template, chatTemplate, generator, gpu, load } = options;
      using watch = new InterruptWatch(() => context.err.write(STOPPING_TEXT));
      const { diagnose, diagnosisText } = await import('../doctor/doctor.js');
      const diagnosis = await diagnose({
        model,
        gpu,
        load,
        ...(template === undefined ? {} : { template }),
        ...(chatTemplate === undefined ? {} : { chatTemplate }),
        ...(generator === undefined ? {} : { generator }),
        engine: engineSizes(options),
        signal: watch.signal,
      });
      context.out.write(json ? `${printableJson(diagnosis)}\n` : printable(diagnosisText(diagnosis)));
      context.end(
        diagnosis.problems.length > 0 ? EXIT.error : diagnosis.fallback === null ? EXIT.ok : EXIT.fallback,
      );
    });
}
