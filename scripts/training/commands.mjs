// Runs a command of a recipe and shows it: the command, the lines that say what came, and all of its output where it fails.
import { spawn } from 'node:child_process';
import path from 'node:path';

const TELLING =
  /^(?:\{'|verl |openrlhf |\S+: \d+ (?:parameters|examples|rows)|rows |.*\bbytes$|.*parameters"|tokenizer: |next-token|.*steps, .* votes|scored|.*\btrain_runtime)/;

export function said(line) {
  console.log(line);
}

/** Rejects with what the command said where it does not end with 0. */
export function run(command, args, options) {
  const shown = [command, ...args].map((word) => (path.isAbsolute(word) ? path.basename(word) : word));
  said(`$ ${shown.join(' ')}`);
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let all = '';
    const take = (text) => {
      all += text;
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    child.on('error', reject);
    child.on('close', (code) => {
      if (code !== 0) return reject(new Error(`${shown[0]} ended with ${code}\n${all}`));
      for (const line of all.split(/[\r\n]+/)) if (TELLING.test(line)) said(`  ${line.slice(0, 400)}`);
      resolve();
    });
  });
}
