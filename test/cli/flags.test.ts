import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { optionOf } from '../../src/cli/options/add-flags.js';
import { attributeOf, type Flag } from '../../src/cli/options/table/flag.js';
import { FLAGS } from '../../src/cli/options/table/table.js';
import { createProgram } from '../../src/cli/run-cli.js';

const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
const program = createProgram({
  out: nowhere,
  err: nowhere,
  loadModel: () => Promise.reject(new Error('nothing is loaded here')),
  end: () => undefined,
});
const table: [string, Flag][] = Object.entries(FLAGS);

function commandsOf(command: Command, path = command.name()): [string, Command][] {
  const inside = command.commands.flatMap((child) => commandsOf(child, `${path} ${child.name()}`));
  return [[path, command], ...inside];
}
const commands = commandsOf(program);

/** What the help says of an option, and what it does where nothing is said. */
const facts = (option: ReturnType<typeof optionOf>) => ({
  flags: option.flags,
  description: option.description,
  default: option.defaultValue,
  choices: option.argChoices,
  mandatory: option.mandatory,
  preset: option.presetArg,
});

describe('the table of flags', () => {
  it('has each flag under the name by which it is read', () => {
    const wrong = table.filter(([key, flag]) => key.replace(/^\w+:/, '') !== attributeOf(flag));
    expect(wrong.map(([key]) => key)).toEqual([]);
  });

  it('says nothing twice: a flag with a name of its own differs from the plain one', () => {
    const twice = table.filter(([key, flag]) => {
      const plain = table.find(([other]) => other === attributeOf(flag))?.[1];
      return key.includes(':') && plain !== undefined && same(flag, plain);
    });
    expect(twice.map(([key]) => key)).toEqual([]);
  });

  it('has every flag of every command, in the same words, and none that no command takes', () => {
    const known = new Map(table.map(([key, flag]) => [JSON.stringify(facts(optionOf(flag))), key]));
    const taken = new Set<string>();
    for (const [path, command] of commands) {
      for (const option of command.options.filter(({ hidden, long }) => !hidden && long !== '--version')) {
        const key = known.get(JSON.stringify(facts(option)));
        expect(key, `${path} ${option.flags} is not in the table`).toBeDefined();
        taken.add(key!);
      }
    }
    expect([...known.values()].filter((key) => !taken.has(key))).toEqual([]);
  });

  it('is the only place where commander is told of options', () => {
    const allowed = ['add-flags.ts', 'renamed.ts'];
    const files = readdirSync('src/cli', { recursive: true, encoding: 'utf8' }).filter(
      (name) => name.endsWith('.ts') && !allowed.some((one) => name === join('options', one)),
    );
    expect(files.length).toBeGreaterThan(20);
    const declaring = files.filter((name) =>
      /\.(option|requiredOption|addOption)\(|new Option\(/.test(readFileSync(join('src/cli', name), 'utf8')),
    );
    expect(declaring).toEqual([]);
  });

  it('makes help of at most 80 columns', () => {
    const long = commands.flatMap(([path, command]) =>
      command
        .helpInformation()
        .split('\n')
        .filter((line) => line.length > 80)
        .map((line) => `${path}: ${line}`),
    );
    expect(long).toEqual([]);
  });
});

function same(flag: Flag, other: Flag): boolean {
  return JSON.stringify(facts(optionOf(flag))) === JSON.stringify(facts(optionOf(other)));
}
