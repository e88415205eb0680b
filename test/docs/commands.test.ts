// The documents: every command of them is run or says why not, names flags that there are, and every link leads somewhere.
import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import { afterAll, describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/run-cli.js';
import { anchorsOf, localLinks, longLines, pgenrmCommands, readPage } from './markdown.js';

const root = path.resolve(import.meta.dirname, '../..');
const main = path.join(root, 'dist/cli/main.js');
const read = (page: string): string => readFileSync(path.join(root, page), 'utf8');
const pagesIn = (folder: string): string[] =>
  readdirSync(path.join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.posix.join(folder, name));

const GUIDES = ['README.md', ...pagesIn('docs')];
const PAGES = [
  ...pagesIn('.'),
  ...pagesIn('docs'),
  ...pagesIn('bench'),
  ...pagesIn('bench/results'),
  ...pagesIn('models'),
];
const MOST_CHARACTERS = 160;

const unused = (): never => {
  throw new Error('no command is run here');
};
const program = createProgram({ out: process.stdout, err: process.stderr, loadModel: unused, end: unused });

/** The command that the words name, and the flags among them that it does not have. */
function unknownFlags(words: readonly string[]): string[] {
  let command: Command = program;
  for (const word of words) {
    const next = command.commands.find((one) => one.name() === word);
    if (next === undefined) break;
    command = next;
  }
  if (command === program) return [words[0] ?? ''];
  const known = new Set(command.options.flatMap(({ long, short }) => [long, short]));
  const flags = words.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.split('=')[0]!);
  return flags.filter((flag) => !known.has(flag) && flag !== '--help');
}

describe('the documents', () => {
  // What changed reads by entry, and its entries are long.
  it.each(PAGES.filter((page) => page !== 'CHANGELOG.md'))(
    '%s has no line that is too long to read',
    (page) => {
      expect(longLines(read(page), MOST_CHARACTERS)).toEqual([]);
    },
  );

  it.each(PAGES)('%s links to files and headings that there are', (page) => {
    const broken = localLinks(read(page)).filter(({ path: target, anchor }) => {
      const file = target === '' ? page : path.posix.join(path.posix.dirname(page), target);
      if (!existsSync(path.join(root, file))) return true;
      return anchor !== '' && file.endsWith('.md') && !anchorsOf(read(file)).has(anchor);
    });
    expect(broken).toEqual([]);
  });

  it.each(GUIDES)('%s names commands and flags that there are', (page) => {
    const commands = readPage(read(page)).shell.flatMap(({ text }) => pgenrmCommands(text));
    expect(commands.flatMap(unknownFlags)).toEqual([]);
  });
});

const NOT_BUILT = existsSync(main) ? null : 'dist is not built';
const NO_SHELL = process.platform === 'win32' ? 'no bash' : null;
const SKIP = NOT_BUILT ?? NO_SHELL;

describe.skipIf(SKIP !== null)(`the documents' commands (${SKIP ?? 'run'})`, () => {
  const folders: string[] = [];
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  /** A folder as the page's reader has it: the package is installed, results of the repository are at hand. */
  function projectFor(page: string): string {
    const folder = mkdtempSync(path.join(tmpdir(), 'pgenrm-docs-'));
    folders.push(folder);
    mkdirSync(path.join(folder, 'node_modules'));
    symlinkSync(root, path.join(folder, 'node_modules', 'pgenrm'));
    symlinkSync(path.join(root, 'bench'), path.join(folder, 'bench'));
    for (const { name, text } of readPage(read(page)).files) writeFileSync(path.join(folder, name), text);
    return folder;
  }

  const withCommands = GUIDES.filter((page) =>
    readPage(read(page)).shell.some(({ notRun }) => notRun === null),
  );

  it.each(withCommands)('%s runs from top to bottom', { timeout: 300_000 }, async (page) => {
    const cwd = projectFor(page);
    for (const { line, text, notRun } of readPage(read(page)).shell) {
      if (notRun !== null) continue;
      const script = `set -eu; pgenrm() { node "$PGENRM_MAIN" "$@"; }; npx() { shift; pgenrm "$@"; }\n${text}`;
      const env = { ...process.env, PGENRM_MAIN: main };
      const run = promisify(execFile)('bash', ['-c', script], { cwd, env, maxBuffer: 1e8 });
      await run.catch((error: { stderr?: string }) => {
        expect.fail(`${page}:${line}: ${text}\n${error.stderr}`);
      });
    }
  });
});
