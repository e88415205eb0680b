// What every part of the fault campaign uses: a seeded source of chance, runs of the command line, the table of outcomes.
// Knows processes and files; nothing of what is broken.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
export const DATA = path.join(root, 'examples', 'preferences.jsonl');
const MAIN = path.join(root, 'dist', 'cli', 'main.js');

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
export function chance(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One kind of fault: what was done to what, how often, and what came of it. */
export class Tally {
  constructor(fault, promise) {
    this.fault = fault;
    this.promise = promise;
    this.tries = 0;
    this.outcomes = new Map();
    this.broken = [];
    this.skipped = null;
    this.notes = [];
  }

  count(outcome) {
    this.tries += 1;
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }

  /** The promise does not hold: the campaign fails. */
  breaks(what) {
    this.tries += 1;
    this.broken.push(what);
  }

  note(text) {
    this.notes.push(text);
  }
}

/** A table in Markdown. */
export function table(tallies) {
  const rows = tallies.map((tally) => {
    const outcomes = [...tally.outcomes].map(([outcome, count]) => `${count} ${outcome}`);
    const found =
      tally.skipped === null ? [...outcomes, ...tally.notes].join('; ') : `skipped: ${tally.skipped}`;
    return `| ${tally.fault} | ${tally.promise} | ${tally.tries} | ${found} | ${tally.broken.length} |`;
  });
  return ['| fault | promise | tries | outcomes | broken |', '|---|---|---:|---|---:|', ...rows].join('\n');
}

/**
 * Runs `pgenrm` with these words. `killAfterMs`: sends `signal` then. Gives the exit code or the signal's name, what was
 * printed, the seconds, and the most memory in MB where the system tells it.
 */
export function pgenrm(words, options = {}) {
  const { killAfterMs = null, signal = 'SIGKILL', env = {}, stdout = 'pipe', nodeOptions = [] } = options;
  const began = performance.now();
  const child = spawn(process.execPath, [...nodeOptions, MAIN, ...words], {
    stdio: ['ignore', stdout, 'pipe'],
    env: { ...process.env, ...env },
  });
  let out = '';
  let err = '';
  let megabytes = 0;
  child.stdout?.on('data', (part) => {
    out += part;
  });
  child.stderr.on('data', (part) => {
    err += part;
  });
  const watch = setInterval(() => {
    megabytes = Math.max(megabytes, peakMegabytes(child.pid));
  }, 50);
  const timer = killAfterMs === null ? null : setTimeout(() => child.kill(signal), killAfterMs);
  return new Promise((resolve) => {
    child.on('close', (code, name) => {
      clearInterval(watch);
      clearTimeout(timer);
      resolve({ end: name ?? code, out, err, seconds: (performance.now() - began) / 1000, megabytes });
    });
  });
}

function peakMegabytes(pid) {
  try {
    const found = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return found === null ? 0 : Math.round(Number(found[1]) / 1000);
  } catch {
    return 0;
  }
}

/** A stack trace is an error that nobody thought of. */
export function hasStack(text) {
  return /\n\s+at .+:\d+:\d+/.test(text);
}
