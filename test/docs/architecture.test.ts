// ARCHITECTURE.md: its picture and its tables name every folder.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const page = readFileSync(path.join(root, 'ARCHITECTURE.md'), 'utf8');
const foldersIn = (folder: string): string[] =>
  readdirSync(path.join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name);
/** Whether a folder's name stands in a text as a word of its own. */
const names = (text: string, folder: string): boolean =>
  new RegExp(`(?<![\\w-])${folder}(?![\\w-])`).test(text);

describe('ARCHITECTURE.md', () => {
  const picture = /```mermaid\n([\s\S]*?)```/.exec(page)![1]!;
  const rows = page.split('\n').filter((line) => line.startsWith('| `'));

  it('shows every folder of src in its picture, and says what it owns', () => {
    const folders = foldersIn('src');
    expect(folders.filter((folder) => !names(picture, folder))).toEqual([]);
    expect(folders.filter((folder) => !rows.some((row) => row.includes(`\`${folder}\``)))).toEqual([]);
  });

  it('says what every other folder of the repository is', () => {
    const tracked = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8', maxBuffer: 1e8 });
    const folders = new Set(tracked.match(/^[^./\n][^/\n]*(?=\/)/gm));
    folders.delete('src');
    expect(folders.size).toBeGreaterThan(8);
    expect([...folders].filter((folder) => !rows.some((row) => row.includes(`\`${folder}/\``)))).toEqual([]);
  });
});
