import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../support/preference-file.js';
import { randomModel } from '../support/random-model.js';

const run = promisify(execFile);
const built = (path: string): string => JSON.stringify(new URL(`../../dist/${path}`, import.meta.url).href);

// In a process of its own: another test may have taken the hooks already.
it.each(['native', 'portable'])(
  'a host keeps its signals and its process.emit after a load of the %s generator',
  { timeout: 60_000 },
  async (kind) => {
    const program = `
      import os from 'node:os';
      const heard = () => Object.keys(os.constants.signals).filter((signal) => process.listenerCount(signal) > 0);
      process.on('SIGUSR2', () => {});
      const before = { heard: heard(), emit: process.emit, reallyExit: process.reallyExit };
      const { loadGenerator } = await import(${built('generator/choose.js')});
      const generator = await loadGenerator({ modelPath: ${JSON.stringify(await randomModel())}, gpu: 'off', generator: process.argv[2] });
      await generator[Symbol.asyncDispose]();
      console.log(JSON.stringify([heard(), process.emit === before.emit, process.reallyExit === before.reallyExit]));`;
    const file = join(await temporaryFolder(), 'host.mjs');
    await writeFile(file, program);
    const { stdout, stderr } = await run(process.execPath, [file, kind]);
    expect(JSON.parse(stdout)).toEqual([['SIGUSR2'], true, true]);
    expect(stderr).toBe('');
  },
);
