// `pgenrm eval --queue`: workers write the chains, figures are computed once, and both are those of one machine.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { fake } from '../support/cli-process.js';
import { row, temporaryFolder, writeRows } from '../support/preference-file.js';
import { NO_QUEUE, startRedis, startWorker, type TestRedis, until } from '../support/queue-workers.js';

vi.setConfig({ testTimeout: 240_000 });
let folder: string;
let data: string;
let redis: TestRedis;

beforeEach(async () => {
  if (NO_QUEUE !== null) return;
  folder = await temporaryFolder();
  // Six users with two choices each as history, asked about three prompts.
  const rows = Array.from({ length: 60 }, (_, index) =>
    row(index, {
      user_id: `u${index % 6}`,
      context: [{ role: 'user', content: `query ${index % 9 < 3 ? index % 3 : index} end` }],
      split: index < 12 ? 'train' : 'test',
    }),
  );
  data = await writeRows(join(folder, 'data.jsonl'), rows);
  redis = await startRedis();
});

const evaluate = (out: string, ...more: string[]): string[] => [
  ...['eval', data, '--split', 'test', '--levels', '1,ind-2', '--control', 'swapped,none'],
  ...['--texts', '--resamples', '100', '--quiet', '--out', join(folder, out), ...more],
];

/** A chains file without what depends on time, the session or checksums of lines. */
async function chainsOf(out: string): Promise<unknown[]> {
  const text = await readFile(join(folder, out, 'chains.jsonl'), 'utf8');
  const timeless = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(timeless);
    if (typeof value !== 'object' || value === null) return value;
    const kept = Object.entries(value).filter(
      ([key]) => !['ms', 'elapsedMs', 'run', 'crc', 'created', 'decodedPrompt', 'times'].includes(key),
    );
    return Object.fromEntries(kept.map(([key, inner]) => [key, timeless(inner)]));
  };
  return text
    .split('\n')
    .slice(1, -1)
    .map((line) => JSON.parse(line))
    .filter((line) => 'row' in line)
    .map(timeless);
}

const figuresOf = async (out: string): Promise<unknown> => {
  const { levels, rows } = JSON.parse(await readFile(join(folder, out, 'report.json'), 'utf8'));
  return {
    levels: levels.map(({ name, accuracy }: { name: string; accuracy: unknown }) => ({ name, accuracy })),
    rows,
  };
};

describe.skipIf(NO_QUEUE !== null)(`pgenrm eval --queue (${NO_QUEUE ?? 'there'})`, () => {
  it('writes the chains and figures of one machine, though a worker is killed, and goes on with --resume', async () => {
    const local = await fake(evaluate('local'));
    expect(local).toMatchObject({ code: 0 });
    const dying = startWorker(redis.address, { delayMs: 30 });
    void until(() => dying.events.some(({ type }) => type === 'judged'), 'an answer').then(() => {
      dying.child.kill('SIGKILL');
      startWorkerLater();
    });
    const startWorkerLater = (): void => void startWorker(redis.address);
    const part = await fake(evaluate('shared', '--limit', '20', '--queue', redis.address));
    expect(part).toMatchObject({ code: 0 });
    const whole = await fake(evaluate('shared', '--queue', redis.address, '--resume'));
    expect(whole).toMatchObject({ code: 0 });
    expect((await chainsOf('local')).length).toBe(48);
    expect(await chainsOf('shared')).toEqual(await chainsOf('local'));
    expect(await figuresOf('shared')).toEqual(await figuresOf('local'));
  });

  it.each([
    [['--levels', 'ind-2+pro-2'], /a level with pro-N needs a model on this machine|--bank/],
    [['--history-budget', '500'], /--history-budget needs a model on this machine/],
    [['--model', 'nano'], /--model says how a worker judges: give it to pgenrm work/],
  ])('refuses %j', async (flags, message) => {
    const { code, stderr } = await fake(evaluate('refused', '--queue', redis.address, ...flags));
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});
