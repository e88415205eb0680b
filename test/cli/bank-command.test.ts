import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { Command, CommanderError } from 'commander';
import { beforeEach, describe, expect, it } from 'vitest';
import { bankCommand } from '../../src/cli/bank/bank-command.js';
import type { BankHost } from '../../src/cli/bank/bank-models.js';
import { exitCodeOf } from '../../src/cli/terminal/exit-code.js';
import { messageOf, PgenrmError } from '../../src/errors.js';
import { FakeEmbedder } from '../bank/fake-embedder.js';
import { styledRow, styledRows, tellStyle } from '../bank/styles.js';
import { FakeGenerator } from '../support/fake-generator.js';
import { temporaryFolder, writeRows } from '../support/preference-file.js';

let folder: string;
let train: string;
let out: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  train = await writeRows(join(folder, 'train.jsonl'), [
    ...styledRows(8, 2),
    ...styledRows(2, 1).map((row) => ({ ...row, split: 'test', conversation_id: `test-${row.user_id}` })),
  ]);
  out = join(folder, 'bank');
});

class Captured extends Writable {
  text = '';
  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly poolings: readonly string[];
}

const SHA_LETTERS: Readonly<Record<string, string>> = { nano: 'a', '/models/embedder.gguf': 'c' };

/** Runs `pgenrm bank` with these words, as `runCli` would. */
async function run(words: readonly string[], script = tellStyle, metadata = {}): Promise<Ran> {
  const streams = { out: new Captured(), err: new Captured() };
  const poolings: string[] = [];
  const host: BankHost = {
    findModel: async (spec) => ({
      path: spec === 'nano' ? '/models/nano.gguf' : spec,
      sha256: (SHA_LETTERS[spec] ?? 'b').repeat(64),
      metadata: new Map(Object.entries({ 'pgenrm.template': 'compact', ...metadata })),
    }),
    loadGenerator: async () => new FakeGenerator({ script }),
    loadEmbedder: async (_, pooling) => {
      poolings.push(pooling);
      return new FakeEmbedder();
    },
  };
  let code = 0;
  const program = new Command('pgenrm').exitOverride().configureOutput({
    writeOut: (text) => streams.out.write(text),
    writeErr: (text) => streams.err.write(text),
  });
  const context = {
    ...streams,
    loadModel: () => Promise.reject(new Error('not used')),
    end(exitCode: number) {
      code = exitCode;
    },
  };
  bankCommand(program, context, host);
  try {
    await program.parseAsync(['bank', ...words], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) code = error.exitCode === 0 ? 0 : 2;
    else if (error instanceof PgenrmError) {
      streams.err.write(`${error.code}: ${messageOf(error)}\n`);
      code = exitCodeOf(error);
    } else throw error;
  }
  return { code, out: streams.out.text, err: streams.err.text, poolings };
}

describe('pgenrm bank', () => {
  it('builds of the train rows with the judge as embedder, then inspects and draws', async () => {
    const built = await run(['build', train, '--out', `${out}/`, '--k', '4', '--seed', '3']);
    expect(built.err).toContain('16 of 16 rows, 8 users, 4 prototypes');
    expect(built).toMatchObject({ code: 0, poolings: ['mean'] });
    const inspected = await run(['inspect', out]);
    expect(inspected.code).toBe(0);
    expect(inspected.out).toMatch(/cohesion/);
    expect(inspected.out).toMatch(/prototype 0: Wants (\w+) \1 \1 replies above all\./);
    expect(inspected.out).toMatch(/in 100% of rubrics, mean weight 100%/);
    const json = JSON.parse((await run(['inspect', out, '--json', '--nearest', '1'])).out);
    expect(json.manifest.options.seed).toBe(3);
    expect(json.prototypes).toHaveLength(4);
    expect(json.prototypes[0].nearest).toHaveLength(1);
    const map = join(folder, 'map.svg');
    expect(await run(['map', out, '--out', map])).toMatchObject({ code: 0, out: `wrote ${map}\n` });
    expect(await readFile(map, 'utf8')).toMatch(/^<svg /);
    const again = await run(['build', train, '--out', out, '--k', '4', '--seed', '3']);
    expect(again.err).toContain('was there already');
  });

  it('tells progress as JSON lines, and failed rows by the exit code', async () => {
    const script: typeof tellStyle = (sample) =>
      sample.prompt.split('[The Start of User Input]')[1]!.includes('question 1 of reader 5')
        ? 'Sorry.'
        : tellStyle(sample);
    const words = ['build', train, '--out', out, '--k', 'auto', '--json-progress', '--no-refine'];
    const { code, err } = await run(words, script);
    expect(code).toBe(3);
    const events = err
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events[0]).toEqual({ event: 'stage', stage: 'chains', done: 0, total: 16 });
    expect(events.at(-1)).toEqual({ event: 'finished' });
    const manifest = JSON.parse(await readFile(join(out, 'manifest.json'), 'utf8'));
    expect(manifest.failedRows).toEqual([{ row: 12, id: 'u5-c1', reason: 'lost: noJson' }]);
    expect((await run(['build', train, '--out', out, '--no-refine', '--quiet'])).err).toBe('');
  });

  it('reads data as the other commands do: whose rows are history, how long a line may be', async () => {
    const words = ['build', train, '--out', out, '--k', '2', '--limit', '6'];
    const lonely = await writeRows(join(folder, 'lonely.jsonl'), styledRows(4, 1));
    const without = await run(['build', lonely, '--out', out, '--k', '2', '--require-history']);
    expect(without).toMatchObject({ code: 1 });
    expect(without.err).toMatch(/INPUT_MALFORMED: .*no row has a history/);
    const unknown = await run([...words, '--history-splits', 'validation']);
    expect(unknown).toMatchObject({ code: 2, err: expect.stringContaining('validation') });
    const long = await writeRows(join(folder, 'long.jsonl'), [
      ...styledRows(3, 2),
      styledRow(3, 0, { chosen: 'long '.repeat(400) }),
    ]);
    const bounded = await run(['build', long, '--out', `${out}-long`, '--k', '2', '--max-line-mb', '0.001']);
    expect(bounded.code).toBe(3);
    expect(bounded.err).toMatch(/row 7 .*invalid: line 7 is .*--max-line-mb/);
    expect(await run([...words, '--require-history', '--quiet'])).toMatchObject({ code: 0, err: '' });
    const added = await run(['add', out, lonely, '--require-history']);
    expect(added.err).toMatch(/INPUT_MALFORMED: .*no row has a history/);
  });

  it('takes another embedder, with its own pooling by default', async () => {
    const words = ['build', train, '--out', out, '--k', '2', '--embedder', 'other.gguf', '--limit', '6'];
    const { code, poolings, err } = await run(words);
    expect({ code, poolings }).toEqual({ code: 0, poolings: ['auto'] });
    expect(err).toContain('6 of 6 rows');
    const { madeWith } = JSON.parse(await readFile(join(out, 'manifest.json'), 'utf8'));
    expect(madeWith.embedder).toEqual({ sha256: 'b'.repeat(64), pooling: 'auto', dimension: 16 });
  });

  it("takes the embedder that the judge's file names, and goes on with a bank's own one", async () => {
    const names = { 'pgenrm.embedder': 'embedder.gguf' };
    const words = ['build', train, '--k', '2', '--limit', '6', '--out'];
    const built = await run([...words, out], tellStyle, names);
    expect(built).toMatchObject({ code: 0, poolings: ['auto'] });
    const { madeWith } = JSON.parse(await readFile(join(out, 'manifest.json'), 'utf8'));
    expect(madeWith.embedder).toMatchObject({ sha256: 'c'.repeat(64), pooling: 'auto' });
    const more = await writeRows(join(folder, 'more.jsonl'), [styledRow(9, 0)]);
    expect(await run(['add', out, more], tellStyle, names)).toMatchObject({ code: 0, poolings: ['auto'] });

    const itself = join(folder, 'itself');
    await run([...words, itself, '--embedder', 'nano', '--pooling', 'mean'], tellStyle, names);
    expect(await run(['add', itself, more], tellStyle, names)).toMatchObject({ code: 0, poolings: ['mean'] });
  });

  it('takes a group of users, and the first rows of each', async () => {
    const users = await writeRows(
      join(folder, 'users.jsonl'),
      [0, 1, 2, 3, 4, 5, 6, 7].map((user) => ({ user_id: `u${user}`, group: user < 3 ? 'train' : 'unseen' })),
    );
    const words = ['build', train, '--out', out, '--k', '2', '--users', users, '--group'];
    const built = await run([...words, 'seen', '--rows-per-user', '1']);
    expect(built.err).toContain('3 of 3 rows, 3 users, 2 prototypes');
    const ids = (await readFile(join(out, 'users.jsonl'), 'utf8')).match(/"u\d"/g);
    expect([...new Set(ids)].sort()).toEqual(['"u0"', '"u1"', '"u2"']);
    const other = await run([...words, 'nobody']);
    expect(other).toMatchObject({ code: 2, err: expect.stringMatching(/of: seen, unseen/) });
  });

  it('adds users and choices to a bank, and says which rows it left out', async () => {
    await run(['build', train, '--out', out, '--k', '4', '--quiet']);
    const later = await writeRows(join(folder, 'later.jsonl'), [
      styledRow(1, 8),
      styledRow(9, 0),
      { ...styledRow(9, 1), user_id: undefined },
    ]);
    const added = await run(['add', out, later]);
    expect(added).toMatchObject({ code: 3, poolings: ['mean'] });
    expect(added.err).toContain('1 users; 1 choices of users it had, 0 were known');
    expect(added.err).toMatch(/row 3 .*names no user/);
    expect((await run(['inspect', out])).out).toContain('2 additions since');
    const again = await run(['add', out, later, '--json-progress']);
    const last = JSON.parse(again.err.trim().split('\n').at(-1)!);
    expect(last).toMatchObject({ event: 'added', users: 0, events: 0, known: 2 });
    const other = await run(['add', out, later, '--model', 'other.gguf']);
    expect(other).toMatchObject({ code: 1, err: expect.stringContaining('BANK_MISMATCH') });
  });

  it.each([
    ['no place', ['build', 'TRAIN'], /--out/],
    ['k of words', ['build', 'TRAIN', '--out', 'OUT', '--k', 'many'], /or auto/],
    ['k over the rows', ['build', 'TRAIN', '--out', 'OUT', '--k', '17'], /17 with 16 rows/],
    ['an unknown pooling', ['build', 'TRAIN', '--out', 'OUT', '--pooling', 'max'], /auto, mean, cls, last/],
    ['an unknown split', ['build', 'TRAIN', '--out', 'OUT', '--split', 'x'], /no split "x"/],
    ['an unknown option', ['inspect', 'OUT', '--loud'], /unknown option/],
  ])('refuses %s as bad usage', async (_, words, message) => {
    const { code, err } = await run(words.map((word) => ({ TRAIN: train, OUT: out })[word] ?? word));
    expect(code).toBe(2);
    expect(err).toMatch(message);
    expect(existsSync(out)).toBe(false);
  });

  it('goes into parquet and comes back, the same', async () => {
    expect((await run(['build', train, '--out', out, '--k', '2', '--quiet'])).code).toBe(0);
    const [exported, back] = [join(folder, 'exported'), join(folder, 'back')];
    const there = await run(['export', out, '--to', 'parquet', '--out', exported]);
    expect(there).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^wrote \d+ members and \d+ users into/),
    });
    expect((await run(['import', exported, '--out', back])).code).toBe(0);
    const manifest = (bank: string) => readFile(join(bank, 'manifest.json'), 'utf8');
    expect(await manifest(back)).toBe(await manifest(out));
    expect((await run(['export', out, '--to', 'csv', '--out', exported])).code).toBe(2);
  });

  it('says what is wrong with a bank', async () => {
    expect(await run(['inspect', out])).toMatchObject({
      code: 1,
      err: expect.stringContaining('INPUT_NOT_FOUND: there is no prototype bank'),
    });
    await run(['build', train, '--out', out, '--k', '2', '--quiet']);
    const file = join(out, 'users.jsonl');
    await writeFile(file, (await readFile(file)).subarray(1));
    expect(await run(['map', out, '--out', join(folder, 'map.svg')])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/BANK_DAMAGED: .*users\.jsonl/),
    });
    expect(existsSync(join(folder, 'map.svg'))).toBe(false);
  });
});
