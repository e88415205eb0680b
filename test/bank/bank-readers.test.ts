import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { buildBank } from '../../src/bank-build/build-bank.js';
import { suiteFolder } from './made-bank.js';
import { dataOf, fakeBuild } from './made-world.js';
import { styledRows } from './styles.js';

const folder = await suiteFolder();
const built = (path: string): string => new URL(`../../dist/${path}`, import.meta.url).href;

interface Reader {
  /** Settles once the bank was read for the first time. */
  readonly begun: Promise<void>;
  /** Ends the reading; gives the checksums that were seen. */
  stop(): Promise<string[]>;
}

function startReader(path: string, members: number): Reader {
  const task = {
    bankModule: built('bank/bank.js'),
    kernelsModule: built('native/choose-kernels.js'),
    path,
    members,
  };
  const child = spawn(process.execPath, [fileURLToPath(new URL('./read-process.mjs', import.meta.url))], {
    env: { ...process.env, PGENRM_READ: JSON.stringify(task) },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const ended = new Promise<string[]>((done, fail) => {
    child.on('error', fail);
    child.on('close', (code) => {
      if (code === 0) done(JSON.parse(stdout.slice(stdout.indexOf('[')).trim()) as string[]);
      else fail(new Error(`a reader ended with ${code}: ${stderr}`));
    });
  });
  const begun = new Promise<void>((done, fail) => {
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      done();
    });
    ended.catch(fail);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return {
    begun,
    stop: () => {
      child.stdin.end();
      return ended;
    },
  };
}

it('a bank that is replaced under several processes is whole in each of them', async () => {
  const data = await dataOf(folder, styledRows(6, 2));
  const options = await fakeBuild(folder, data, { k: 2, refine: false });
  const checksums = [(await buildBank(options)).manifest.checksum];
  const readers = [1, 2, 3].map(() => startReader(options.out, 6));
  await Promise.all(readers.map(({ begun }) => begun));
  for (const seed of [1, 2, 3]) {
    checksums.push((await buildBank({ ...options, seed, force: true })).manifest.checksum);
  }
  const seen = await Promise.all(readers.map(({ stop }) => stop()));
  for (const each of seen) {
    expect(each).toContain(checksums[0]);
    for (const checksum of each) expect(checksums).toContain(checksum);
  }
});
