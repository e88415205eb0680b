// What a TypeScript user's compiler reads: the declarations behind the entry points, however deep.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { packageFile } from '../../src/package.js';

const ENTRIES = ['index', 'eval', 'bank', 'worker', 'kernels', 'testing'].map((name) =>
  packageFile('dist', 'api', `${name}.d.ts`),
);

it.skipIf(!existsSync(ENTRIES[0]!))(
  'reach no types of another package: they may not compile under its settings',
  () => {
    const seen = new Set<string>();
    const foreign: string[] = [];
    const visit = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      for (const [, specifier] of readFileSync(file, 'utf8').matchAll(/(?:from|import\()\s*'([^']+)'/g)) {
        if (specifier!.startsWith('.')) visit(join(dirname(file), specifier!.replace(/\.js$/, '.d.ts')));
        else if (!specifier!.startsWith('node:')) foreign.push(`${file}: ${specifier}`);
      }
    };
    for (const entry of ENTRIES) visit(entry);
    expect(seen.size).toBeGreaterThan(ENTRIES.length);
    expect(foreign).toEqual([]);
  },
);

it.skipIf(!existsSync(ENTRIES[0]!))('compile where a compiler checks them too', () => {
  const program = ts.createProgram(ENTRIES, {
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    types: ['node'],
  });
  // Of the package alone: others' declarations are theirs.
  const ours = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(packageFile('dist')));
  expect(ours.length).toBeGreaterThan(ENTRIES.length);
  const problems = ours.flatMap((file) => program.getSemanticDiagnostics(file));
  expect(problems.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([]);
});
