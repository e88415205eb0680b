// The examples that close a command's help. One obvious place for all, so that a test can hold each to the flags that there are.

import type { Command } from 'commander';

interface Example {
  readonly does: string;
  readonly line: string;
}

/** By the command's words after `pgenrm`; '' is the program itself. */
export const EXAMPLES: Readonly<Record<string, readonly Example[]>> = {
  '': [
    { does: 'a judgment of the bundled examples', line: 'pgenrm demo' },
    { does: 'four chains for each row', line: 'pgenrm score pairs.jsonl --ind 4 --out scores.jsonl' },
    { does: 'what was found here, and why', line: 'pgenrm doctor' },
  ],
  score: [
    { does: 'four chains for each row', line: 'pgenrm score pairs.jsonl --ind 4 --out scores.jsonl' },
    { does: 'after Ctrl-C or a crash', line: 'pgenrm score pairs.jsonl --ind 4 --out scores.jsonl --resume' },
    {
      does: 'a model of your own, wishes from a users file',
      line: 'pgenrm score pairs.parquet --users users.jsonl --model my.gguf \\\n    --out scores.jsonl',
    },
    {
      does: 'similar users as well',
      line: 'pgenrm score pairs.jsonl --ind 8 --pro 4 --bank bank --out scores.jsonl',
    },
    {
      does: 'on an inference server',
      line: 'pgenrm score pairs.jsonl --engine-url http://127.0.0.1:8000 --out s.jsonl',
    },
  ],
  eval: [
    { does: 'how often the judge is right', line: 'pgenrm eval pairs.jsonl --levels 1,ind-8 --out report' },
    {
      does: 'whether it knows the person',
      line: 'pgenrm eval pairs.jsonl --levels ind-4 --control swapped,none --out report',
    },
    {
      does: 'other levels of chains that were kept, without a model',
      line: 'pgenrm eval --from report/chains.jsonl --levels 1,ind-2 --out report2',
    },
  ],
  demo: [
    { does: 'the bundled model', line: 'pgenrm demo' },
    { does: 'your own model, its time and memory', line: 'pgenrm demo --model my.gguf --ind 2' },
  ],
  doctor: [
    { does: 'this machine and the bundled model', line: 'pgenrm doctor' },
    { does: 'what a model would need', line: 'pgenrm doctor --model my.gguf --context 8192' },
    { does: 'what a server can do', line: 'pgenrm doctor --engine-url http://127.0.0.1:8000' },
  ],
  serve: [
    { does: 'this machine alone; the page is at /', line: 'pgenrm serve --model my.gguf --port 8080' },
    {
      does: 'other machines too, with a token',
      line: 'pgenrm serve --host 0.0.0.0 --token-file token --model my.gguf',
    },
    { does: 'with stored users', line: 'pgenrm serve --users users.sqlite' },
  ],
  template: [{ does: 'what a model is asked', line: 'pgenrm template show standard' }],
  'template import': [
    { does: "the authors' prompts", line: 'pgenrm template import PROMPTS.py --out authors.json' },
    { does: 'then judge with them', line: 'pgenrm score pairs.jsonl --template authors.json' },
  ],
  'template show': [{ does: 'what a model is asked', line: 'pgenrm template show standard' }],
  bank: [
    { does: 'build', line: 'pgenrm bank build train.jsonl --out bank' },
    { does: 'look', line: 'pgenrm bank inspect bank' },
  ],
  'bank build': [
    { does: 'a bank of all users', line: 'pgenrm bank build train.jsonl --out bank' },
    {
      does: 'with 20 prototypes and stated wishes',
      line: 'pgenrm bank build train.jsonl --users users.jsonl --k 20 --out bank',
    },
  ],
  'bank add': [{ does: 'new users and choices', line: 'pgenrm bank add bank new.jsonl' }],
  'bank inspect': [{ does: 'for a program', line: 'pgenrm bank inspect bank --json' }],
  'bank export': [
    { does: 'for DuckDB, pandas and others', line: 'pgenrm bank export bank --to parquet --out exported' },
  ],
  'bank import': [{ does: 'a bank again', line: 'pgenrm bank import exported --out bank' }],
  'bank map': [{ does: 'a picture', line: 'pgenrm bank map bank --out map.svg' }],
  'training-data': [
    {
      does: 'chains to imitate, by a teacher',
      line: 'pgenrm training-data pairs.jsonl --stage psi --format trl \\\n    --model teacher.gguf --out psi.jsonl',
    },
    {
      does: 'pairs from easy to hard',
      line: 'pgenrm training-data pairs.jsonl --stage curriculum --format verl \\\n    --model student.gguf --out curriculum.parquet',
    },
  ],
  work: [
    {
      does: 'on each machine that judges',
      line: 'pgenrm work --queue redis://10.0.0.5:6379/0 --model my.gguf',
    },
  ],
  queue: [{ does: 'how it goes', line: 'pgenrm queue status --queue redis://127.0.0.1:6379/0' }],
  'queue status': [
    { does: 'how it goes', line: 'pgenrm queue status --queue redis://127.0.0.1:6379/0' },
    { does: 'for a program', line: 'pgenrm queue status --queue redis://127.0.0.1:6379/0 --json' },
  ],
  bench: [
    { does: 'measure', line: 'pgenrm bench scaling --data pairs.jsonl --levels 1,ind-8 --out cost' },
    { does: 'predict', line: 'pgenrm bench predict --ind 16 --from cost/result.json' },
  ],
  'bench scaling': [
    {
      does: 'what one chain and eight cost here',
      line: 'pgenrm bench scaling --data pairs.jsonl --levels 1,ind-8 --out cost',
    },
    { does: 'in a few minutes, roughly', line: 'pgenrm bench scaling --data pairs.jsonl --quick --out cost' },
  ],
  'bench predict': [{ does: '16 chains', line: 'pgenrm bench predict --ind 16 --from cost/result.json' }],
  'bench compare': [
    { does: 'before and after a change', line: 'pgenrm bench compare before/result.json after/result.json' },
  ],
  'bench table': [{ does: 'for a README', line: 'pgenrm bench table cost/result.json' }],
};

/** Puts the examples behind the help of every command below `program`, and of `program`. */
export function addExamples(program: Command, words = ''): void {
  const examples = EXAMPLES[words] ?? [];
  if (examples.length > 0) {
    const lines = examples.map(({ does, line }) => `  # ${does}\n  ${line}`);
    program.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
  }
  for (const command of program.commands) addExamples(command, `${words} ${command.name()}`.trim());
}
