// The examples at the end of each help: every command has some, each is a command line that is taken, and fits the terminal.
import { Writable } from 'node:stream';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { EXAMPLES } from '../../src/cli/options/examples.js';
import { createProgram, runCli } from '../../src/cli/run-cli.js';

const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
const program = (): Command =>
  createProgram({
    out: nowhere,
    err: nowhere,
    loadModel: () => Promise.reject(new Error('nothing is loaded here')),
    end: () => undefined,
  });

/** The words of every command that a help lists. */
function wordsOf(command: Command, words = ''): string[] {
  const listed = command.createHelp().visibleCommands(command);
  const children = listed.filter((child) => child.name() !== 'help');
  return [words, ...children.flatMap((child) => wordsOf(child, `${words} ${child.name()}`.trim()))];
}

/** The command that the words name, and what follows its name. */
function commandOf(words: string[]): [Command, string[]] {
  let command = program();
  let rest = words;
  for (;;) {
    const next = command.commands.find((child) => child.name() === rest[0]);
    if (next === undefined) return [command, rest];
    command = next;
    rest = rest.slice(1);
  }
}

describe('the examples of a help', () => {
  it('are there for every command, and for nothing else', () => {
    expect(Object.keys(EXAMPLES).sort()).toEqual(wordsOf(program()).sort());
  });

  it.each(Object.values(EXAMPLES).flat())('$line', ({ line, does }) => {
    for (const part of `  ${line}`.split('\n')) expect(part.length).toBeLessThanOrEqual(80);
    expect(does).not.toMatch(/^[A-Z]|\.$/);
    const [name, ...words] = line.replace(/\\\n +/g, '').split(' ');
    expect(name).toBe('pgenrm');
    const [command, rest] = commandOf(words);
    const { operands, unknown } = command.parseOptions(rest);
    expect(unknown).toEqual([]);
    const most = command.registeredArguments.length;
    const least = command.registeredArguments.filter(({ required }) => required).length;
    expect(operands.length).toBeGreaterThanOrEqual(least);
    expect(operands.length).toBeLessThanOrEqual(most);
    const missing = command.options.filter(
      (option) => option.mandatory && command.getOptionValue(option.attributeName()) === undefined,
    );
    expect(missing.map(({ long }) => long)).toEqual([]);
  });

  it('are shown, 80 columns wide', async () => {
    let text = '';
    const out = new Writable({
      write: (chunk, _encoding, done) => {
        text += chunk;
        done();
      },
    });
    expect(await runCli(['score', '--help'], { out: out as never })).toBe(0);
    expect(text).toMatch(/Examples:\n {2}# four chains for each row\n {2}pgenrm score pairs\.jsonl --ind 4/);
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });
});
