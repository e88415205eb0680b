// The desktop example: its channels, and against Electron's own types (PGENRM_ELECTRON=1 fetches them).
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../support/preference-file.js';

const folder = resolve('examples/desktop');
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

it('answers each channel that the preload uses, and has no node in the page', () => {
  const used = [...read('preload.cjs').matchAll(/'(judge:[a-z]+)'/g)].map(([, name]) => name).sort();
  const answered = [...read('main.mjs').matchAll(/'(judge:[a-z]+)'/g)].map(([, name]) => name).sort();
  expect(used).toEqual(answered);
  expect(read('main.mjs')).toMatch(/contextIsolation: true,\s+nodeIntegration: false,\s+sandbox: true/);
});

const wanted = process.env.PGENRM_ELECTRON === '1';
it.skipIf(!wanted)(
  `fits Electron's types (${wanted ? 'fetched' : 'set PGENRM_ELECTRON=1 to fetch them'})`,
  async () => {
    const where = await temporaryFolder();
    // The tarball alone: no script of it runs and no binary is fetched.
    const packed = execFileSync('npm', ['pack', 'electron@42', '--ignore-scripts', '--silent'], {
      cwd: where,
      encoding: 'utf8',
    });
    const tarball = packed.trim().split('\n').at(-1)!;
    execFileSync('tar', ['xf', tarball, 'package/electron.d.ts'], { cwd: where });
    const program = ts.createProgram(
      [join(where, 'package', 'electron.d.ts'), join(folder, 'main.mjs'), join(folder, 'preload.cjs')],
      {
        allowJs: true,
        checkJs: true,
        strict: true,
        noEmit: true,
        skipLibCheck: true,
        module: ts.ModuleKind.NodeNext,
        moduleResolution: ts.ModuleResolutionKind.NodeNext,
        target: ts.ScriptTarget.ES2023,
        types: ['node'],
        paths: { 'pgenrm/worker': [resolve('dist/api/worker.d.ts')] },
      },
    );
    const problems = ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
      const line = file === undefined ? 0 : file.getLineAndCharacterOfPosition(start ?? 0).line + 1;
      return `${file?.fileName}:${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
    });
    expect(problems).toEqual([]);
  },
);
