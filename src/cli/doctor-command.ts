// `pgenrm doctor`: prints what was found on this machine, what would be used, and why.
// Knows the command line; the finding and its text are `src/doctor`.

import type { Command } from 'commander';
import { printable, printableJson } from '../output/printable.js';
import { namesFile } from '../reward-model/reward-model.js';
import type { CommandContext } from './command-context.js';
import { addFlags } from './options/add-flags.js';
import { engineSizes } from './options/model-options.js';
import { type FlagValues, MODEL } from './options/table/table.js';
import { EXIT } from './terminal/exit-code.js';
import { InterruptWatch, STOPPING_TEXT } from './terminal/interrupt.js';

const DOCTOR_FLAGS = [...MODEL, 'load', 'json'] as const;

/** Adds `pgenrm doctor`. It ends with 1 where something keeps pgenrm from judging, with 4 where the native addon is missing. */
export function doctorCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('doctor')
    .description('Prints what pgenrm found on this machine, what it would use, and why.');
  addFlags(command, DOCTOR_FLAGS).action(async (options: FlagValues<typeof DOCTOR_FLAGS>) => {
    const { json, model, template, chatTemplate, generator, gpu, load } = options;
    using watch = new InterruptWatch(() => context.err.write(STOPPING_TEXT));
    const { engineUrl: urls, engineKind: dialect } = options;
    if (urls !== undefined) {
      const { diagnoseServers, servedText } = await import('../doctor/served.js');
      const named = options.model;
      const finding = await diagnoseServers({
        urls,
        ...(dialect === undefined ? {} : { dialect }),
        ...(named === '' || namesFile(named) ? {} : { model: named }),
        ...(options.context === undefined ? {} : { contextTokens: options.context }),
        signal: watch.signal,
      });
      context.out.write(json ? `${printableJson(finding)}\n` : printable(servedText(finding)));
      return context.end(EXIT.ok);
    }
    const { diagnose, diagnosisText } = await import('../doctor/doctor.js');
    const diagnosis = await diagnose({
      model,
      gpu,
      load,
      ...(template === undefined ? {} : { template }),
      ...(chatTemplate === undefined ? {} : { chatTemplate }),
      ...(generator === undefined ? {} : { generator }),
      sizes: engineSizes(options),
      signal: watch.signal,
    });
    context.out.write(json ? `${printableJson(diagnosis)}\n` : printable(diagnosisText(diagnosis)));
    context.end(
      diagnosis.problems.length > 0 ? EXIT.error : diagnosis.fallback === null ? EXIT.ok : EXIT.fallback,
    );
  });
}
