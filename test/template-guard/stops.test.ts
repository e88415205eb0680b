import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/package.js';
import { temporaryFolder } from '../support/preference-file.js';

describe('pgenrm while it renders a hostile chat template', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('ends at %s', async (name) => {
    const folder = await temporaryFolder();
    const template = join(folder, 'slow.jinja');
    // A run of blanks takes the parser a time that grows with its square.
    await writeFile(template, `${' '.repeat(900_000)}x`);
    const out = join(folder, 'out.jsonl');
    const words = [
      'score',
      join(packageRoot(), 'examples', 'preferences.jsonl'),
      '--out',
      out,
      '--gpu',
      'off',
    ];
    const child = spawn(
      process.execPath,
      [join(packageRoot(), 'dist', 'cli', 'main.js'), ...words, '--chat-template', template],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let said = '';
    child.stderr.on('data', (part: Buffer) => {
      said += part.toString();
    });
    // Node installs its listeners before it loads the model; the rendering takes five seconds.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(child.exitCode, said).toBeNull();
    const began = performance.now();
    child.kill(name);
    const code = await new Promise((resolve) => child.on('close', resolve));
    // Before the listeners are there the signal itself ends the process.
    expect([name === 'SIGINT' ? 130 : 143, null]).toContain(code);
    expect(performance.now() - began).toBeLessThan(4_000);
    expect(said).not.toContain('longer than');
  });
});
