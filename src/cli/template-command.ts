// `pgenrm template`: imports a template file, shows what a template writes.
// Knows the command line; templates and their files are `src/prompt`.

import type { Command } from 'commander';
import { writeAtomically } from '../output/atomic-file.js';
import { printable } from '../output/printable.js';
import { refuseSameFile } from '../output/same-file.js';
import type { User } from '../preference/preference.js';
import { importAuthorsTemplate } from '../template-files/import-authors.js';
import { resolveTemplate } from '../template-files/resolve-template.js';
import type { CommandContext } from './command-context.js';
import { addFlags } from './options/add-flags.js';

/** Adds `pgenrm template import` and `pgenrm template show`. */
export function templateCommand(program: Command, context: CommandContext): void {
  const template = program.command('template').description('Imports and shows prompt templates.');
  const importing = template
    .command('import')
    .description("Makes a template file of a copy of the authors' PROMPTS.py, which is read and never run.")
    .argument('<file>', 'the Python file');
  addFlags(importing, ['template:out', 'template:name']).action(
    async (file: string, { out, name }: { out: string; name: string }) => {
      await refuseSameFile([out], { 'Python file': file });
      const imported = await importAuthorsTemplate(file, { name });
      await writeAtomically(out, `${JSON.stringify(imported, null, 2)}\n`);
      context.out.write(printable(`wrote ${out}; use it with: pgenrm score DATA --template ${out}\n`));
    },
  );
  template
    .command('show')
    .description('Prints the messages that a template writes for a made-up user and two responses.')
    .argument('<name>', 'a built-in name (compact, standard) or the path of a template file')
    .action(async (name: string) => {
      const found = await resolveTemplate(name);
      const messages = found.render({
        user: SAMPLE_USER,
        context: SAMPLE_CONTEXT,
        responses: SAMPLE_RESPONSES,
      });
      context.out.write(printable(`template ${found.name}, SHA-256 ${found.hash}\n`));
      for (const { role, content } of messages) context.out.write(printable(`\n--- ${role}\n${content}\n`));
    });
}

const SAMPLE_USER: User = {
  history: [
    {
      context: [{ role: 'user', content: '(an earlier question)' }],
      chosen: '(the reply that the user chose)',
      rejected: '(the reply that the user did not choose)',
    },
  ],
  criteria: "(the user's stated criteria)",
};
const SAMPLE_CONTEXT = [{ role: 'user', content: '(the question)' }] as const;
const SAMPLE_RESPONSES = ['(the first reply)', '(the second reply)'];
