// Ends runs at random moments and goes on with them: nothing may be lost, repeated or changed.
// Knows the commands that write and how each is taken up again.
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { DATA, hasStack, pgenrm, Tally } from './campaign.mjs';

const MODEL = ['--model', 'nano', '--gpu', 'off', '--concurrency', '1', '--temperature', '0'];

/** Commands that write: how a run begins, how it goes on, and what it has in the end. */
function subjects(folder, rows) {
  const score = path.join(folder, 'scores.jsonl');
  const bank = path.join(folder, 'bank');
  const base = path.join(folder, 'base');
  const grown = path.join(folder, 'grown');
  const evaluation = path.join(folder, 'eval');
  return [
    {
      name: '`score`',
      clean: () => wipe(score),
      words: () => [
        'score',
        DATA,
        '--ind',
        '1',
        '--limit',
        `${rows}`,
        '--out',
        score,
        '--quiet',
        ...MODEL,
        ...(existsSync(score) ? ['--resume'] : []),
      ],
      result: () => lines(score).map(({ id, scores }) => ({ id, scores })),
      size: (result) => result.length,
    },
    {
      name: '`bank build`',
      clean: () => wipe(bank),
      words: () => [
        'bank',
        'build',
        DATA,
        '--limit',
        `${rows}`,
        '--k',
        '2',
        '--out',
        bank,
        '--quiet',
        ...MODEL,
      ],
      result: () => bankFacts(bank),
      size: (result) => result.rows,
    },
    {
      name: '`bank add`',
      prepare: () =>
        pgenrm(['bank', 'build', DATA, '--limit', '3', '--k', '1', '--out', base, '--quiet', ...MODEL]),
      clean: () => {
        wipe(grown);
        cpSync(base, grown, { recursive: true });
      },
      words: () => ['bank', 'add', grown, DATA, '--quiet', ...MODEL.slice(0, -2)],
      result: () => bankFacts(grown),
      size: (result) => result.rows,
    },
    {
      name: '`eval`',
      clean: () => wipe(evaluation),
      words: () => [
        'eval',
        DATA,
        '--levels',
        '1',
        '--limit',
        `${rows}`,
        '--out',
        evaluation,
        '--quiet',
        ...MODEL,
        ...(existsSync(path.join(evaluation, 'chains.jsonl')) ? ['--resume'] : []),
      ],
      result: () =>
        readFileSync(path.join(evaluation, 'chains.jsonl'), 'utf8').trim().split('\n').slice(1).map(rowOf),
      size: (result) => result.length,
    },
  ];
}

/** A kill campaign: `kills` of each command. */
export async function kills({ folder, random, count, rows }) {
  const tallies = [];
  for (const subject of subjects(folder, rows)) {
    const tally = new Tally(
      `${subject.name} ended at a random moment, then run again`,
      'no row lost, repeated or changed',
    );
    tallies.push(tally);
    await subject.prepare?.();
    subject.clean();
    const whole = await pgenrm(subject.words());
    if (whole.end !== 0) {
      tally.breaks(`the run that nobody ended gave ${whole.end}: ${whole.err.slice(-300)}`);
      continue;
    }
    const truth = JSON.stringify(subject.result());
    tally.note(`${subject.size(JSON.parse(truth))} rows`);
    let done = 0;
    while (done < count) {
      subject.clean();
      for (let ended = 0; ; ) {
        const kill = done < count && ended < 3;
        const signal = random() < 0.5 ? 'SIGKILL' : 'SIGTERM';
        // Most of the time of a short run is its start: the moments are drawn from where it writes as well.
        const moment = whole.seconds * 1000 * (0.2 + 0.9 * random());
        const run = await pgenrm(subject.words(), kill ? { killAfterMs: moment, signal } : {});
        if (hasStack(run.err)) tally.breaks(`a stack: ${run.err.slice(0, 300)}`);
        if (run.end === 0) {
          if (kill) tally.count('ended before the kill');
          done += kill ? 1 : 0;
          break;
        }
        if (!kill) {
          tally.breaks(`it could not go on: ${run.err.slice(-300)}`);
          break;
        }
        ended += 1;
        done += 1;
        tally.count(
          run.end === 'SIGKILL' ? 'killed' : run.end === 143 ? 'stopped by SIGTERM' : `ended with ${run.end}`,
        );
      }
      const found = JSON.stringify(subject.result());
      if (found !== truth) tally.breaks(`${found.slice(0, 200)} in place of ${truth.slice(0, 200)}`);
    }
  }
  return tallies;
}

function wipe(output) {
  for (const end of ['', '.manifest.json', '.lock', '.building'])
    rmSync(`${output}${end}`, { recursive: true, force: true });
}

function lines(file) {
  return readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function rowOf(line) {
  // A line ends with its checksum; what stands before is JSON.
  const value = JSON.parse(line.slice(0, line.lastIndexOf('}') + 1));
  return stripped(value);
}

/** Without times, checksums over them, and what of a prompt was decoded before: they differ from run to run. */
function stripped(value) {
  if (Array.isArray(value)) return value.map(stripped);
  if (value === null || typeof value !== 'object') return value;
  const kept = Object.entries(value).filter(([key]) => !['ms', 'crc', 'decodedPrompt'].includes(key));
  return Object.fromEntries(kept.map(([key, inner]) => [key, stripped(inner)]));
}

/** The bank's files but those that hold the time of the build. */
function bankFacts(folder) {
  const files = [
    'members.jsonl',
    'users.jsonl',
    'vectors.safetensors',
    'prototypes.safetensors',
    'additions.jsonl',
  ];
  const hash = (file) =>
    createHash('sha256')
      .update(readFileSync(path.join(folder, file)))
      .digest('hex')
      .slice(0, 16);
  return {
    files: files.map((file) => [file, hash(file)]),
    rows: count(folder, 'members.jsonl') + count(folder, 'additions.jsonl'),
  };
}

function count(folder, file) {
  return readFileSync(path.join(folder, file), 'utf8').split('\n').length - 1;
}
