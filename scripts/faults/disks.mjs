// Disks that are full, disks without hard links, standard output that cannot be written.
// Knows how to make them on Linux; says where it cannot.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DATA, hasStack, pgenrm, Tally } from './campaign.mjs';

const SCORE = ['score', DATA, '--ind', '1', '--gpu', 'off', '--quiet'];

/** A disk with room for a few lines only: the run says so, and goes on once there is room. */
export async function fullDisk({ folder, rows }) {
  const tally = new Tally(
    'a disk that fills up',
    'OUTPUT_FAILED, no stack, whole lines; it goes on once there is room',
  );
  const disk = path.join(folder, 'disk');
  mkdirSync(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12k', 'pgenrm-faults', disk], { stdio: 'pipe' });
  } catch {
    tally.skipped = 'a small disk can be mounted by root on Linux only';
    return tally;
  }
  try {
    const out = path.join(disk, 'scores.jsonl');
    const words = [...SCORE, '--limit', `${rows}`, '--chains', '--out', out];
    const full = await pgenrm(words);
    if (full.end === 0 || hasStack(full.err) || !/OUTPUT_FAILED/.test(full.err))
      tally.breaks(`${full.end}: ${full.err.slice(0, 300)}`);
    else tally.count('OUTPUT_FAILED');
    execFileSync('mount', ['-o', 'remount,size=8m', disk], { stdio: 'pipe' });
    const later = await pgenrm([...words, existsSync(`${out}.manifest.json`) ? '--resume' : '--force']);
    const ids = existsSync(out)
      ? readFileSync(out, 'utf8')
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line).id)
      : [];
    if (later.end === 0 && new Set(ids).size === rows && ids.length === rows)
      tally.count('went on, every row once');
    else tally.breaks(`${later.end}, ${ids.length} of ${rows} rows: ${later.err.slice(0, 300)}`);
  } finally {
    execFileSync('umount', ['-l', disk], { stdio: 'pipe' });
  }
  return tally;
}

/** A file system on which no hard link can be made, played by `link` failing in the process. */
export async function withoutLinks({ folder, rows }) {
  const tally = new Tally('a disk without hard links', 'runs, locks and resumption as elsewhere');
  const preload = path.join(folder, 'no-links.cjs');
  writeFileSync(
    preload,
    `const fs = require('node:fs');
const refused = () => Object.assign(new Error('EPERM: operation not permitted, link'), { code: 'EPERM', syscall: 'link' });
fs.linkSync = () => { throw refused(); };
fs.link = (from, to, done) => done(refused());
fs.promises.link = async () => { throw refused(); };
require('node:module').syncBuiltinESMExports();
`,
  );
  const out = path.join(folder, 'no-links.jsonl');
  const nodeOptions = ['--require', preload];
  for (const [limit, extra] of [
    [2, []],
    [rows, ['--resume']],
  ]) {
    const run = await pgenrm([...SCORE, '--limit', `${limit}`, '--out', out, ...extra], { nodeOptions });
    const lines = existsSync(out) ? readFileSync(out, 'utf8').trim().split('\n').length : 0;
    if (run.end === 0 && lines === limit && !existsSync(`${out}.lock`)) tally.count('as elsewhere');
    else tally.breaks(`${run.end}, ${lines} lines: ${run.err.slice(0, 300)}`);
  }
  return tally;
}

/** Standard output on a full device, and one that nobody reads. */
export async function brokenOutput() {
  const tally = new Tally('standard output that is full or closed', 'a message or silence, no stack');
  if (!existsSync('/dev/full')) {
    tally.skipped = 'there is no /dev/full here';
    return tally;
  }
  for (const words of [[...SCORE, '--limit', '2'], ['doctor', '--no-load'], ['--help']]) {
    const run = await pgenrm(words, { stdout: openSync('/dev/full', 'w') });
    if (hasStack(run.err) || typeof run.end !== 'number')
      tally.breaks(`${words[0]}: ${run.end}: ${run.err.slice(0, 300)}`);
    else tally.count(run.end === 0 ? 'no word of it' : `ended with ${run.end} and a message`);
  }
  return tally;
}
