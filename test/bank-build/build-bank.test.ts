import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { PrototypeBank } from '../../src/bank/bank.js';
import { type BuildEvent, buildBank } from '../../src/bank-build/build-bank.js';
import { chainedRows } from '../../src/bank-build/chain-lines.js';
import { type ErrorCode, PgenrmError } from '../../src/errors.js';
import { RunLock } from '../../src/output/run-lock.js';
import { RewardModel } from '../../src/reward-model/reward-model.js';
import { dataOf, error, fakeBuild } from '../bank/made-world.js';
import { STYLES, styledRow, styledRows, styleOf, tellStyle } from '../bank/styles.js';
import { chainText, FakeGenerator, type FakeSample } from '../support/fake-generator.js';
import { temporaryFolder } from '../support/preference-file.js';

let folder: string;

beforeEach(async () => {
  folder = await temporaryFolder();
});

describe('buildBank', () => {
  it('puts users of one style into one prototype, with all of their history', async () => {
    const rows = styledRows(12, 3);
    const options = await fakeBuild(folder, await dataOf(folder, rows));
    const events: BuildEvent[] = [];
    const { manifest, built } = await buildBank({ ...options, onEvent: (event) => events.push(event) });
    expect(built).toBe(true);
    expect(manifest.counts).toMatchObject({ members: 36, users: 12, prototypes: 4, failed: 0, lost: 0 });
    expect(manifest.refinement).toMatchObject({ pairs: 36 });
    expect(manifest.refinement!.lossBefore).toBeGreaterThan(0);
    expect((await readdir(folder)).sort()).toEqual(['bank', 'train.jsonl']);
    await using bank = await PrototypeBank.open(options.out, { kernels: options.kernels! });
    const user = await bank.user('u5');
    expect(user!.history.map(({ chosen }) => chosen)).toEqual(
      [0, 1, 2].map((index) => `a ${styleOf(5)} answer number ${index}`),
    );
    const stages = events.flatMap((event) => (event.type === 'stage' ? [event.stage] : []));
    expect(stages).toEqual(['chains', 'embeddings', 'clusters', 'refinement', 'bank']);
    expect(events.at(-1)!.type).toBe('finished');
  });

  it('never shows a row its own choice, nor loads a model twice', async () => {
    const own: string[] = [];
    const options = await fakeBuild(folder, await dataOf(folder, styledRows(4, 2)), {
      generator: {
        script: (sample) => {
          const [history, rest] = sample.prompt.split('[The Start of User Input]');
          const number = /question (\d+) of reader (\d+)/.exec(rest!)!;
          if (history!.includes(`question ${number[1]} of reader ${number[2]}`)) own.push(number[0]);
          return tellStyle(sample);
        },
      },
    });
    await buildBank(options);
    expect(own).toEqual([]);
    expect(options.loads).toMatchObject({ generator: 1, embedder: 1 });
    expect(new Set(options.loads.texts).size).toBe(options.loads.texts.length);
  });

  it('counts and lists rows that fail, and makes no members of them', async () => {
    const rows: (object | string)[] = styledRows(8, 2);
    rows[3] = styledRow(1, 1, { context: [{ role: 'user', content: 'unreadable' }] });
    rows[5] = { nonsense: true };
    const options = await fakeBuild(folder, await dataOf(folder, rows), {
      generator: {
        script: (sample) =>
          sample.prompt.split('[The Start of User Input]')[1]!.includes('unreadable')
            ? 'Sorry.'
            : tellStyle(sample),
      },
    });
    const { manifest } = await buildBank(options);
    expect(manifest.counts).toMatchObject({ lost: 1, invalid: 1, members: 14 });
    expect(manifest.failedRows).toEqual([
      { row: 4, id: 'u1-c1', reason: expect.stringContaining('lost: noJson') },
      { row: 6, id: '#6', reason: expect.stringContaining('invalid: ') },
    ]);
  });

  describe('where the generator fails', () => {
    const failing = (rows: readonly string[], code: ErrorCode = 'DECODE_FAILED') => ({
      script: (sample: FakeSample) => {
        const asked = /question \d+ of reader \d+/.exec(
          sample.prompt.split('[The Start of User Input]')[1]!,
        )![0];
        if (rows.includes(asked)) throw new PgenrmError(code, `llama_decode gave -3 at ${asked}`);
        return tellStyle(sample);
      },
    });
    const all = styledRows(12, 2).map(
      (_, index) => `question ${index % 2} of reader ${Math.floor(index / 2)}`,
    );

    it.each(['DECODE_FAILED', 'OUT_OF_MEMORY'] as const)(
      'a row fails of %s, is counted, and the build goes on',
      async (code) => {
        const data = await dataOf(folder, styledRows(12, 2));
        const generator = failing([all[0]!, all[5]!, all[6]!, all[23]!], code);
        const { manifest } = await buildBank(await fakeBuild(folder, data, { generator }));
        expect(manifest.counts).toMatchObject({ failed: 4, lost: 0, members: 20 });
        expect(manifest.failedRows.map(({ row }) => row)).toEqual([1, 6, 7, 24]);
        expect(manifest.failedRows[1]!.reason).toBe(`failed: ${code}: llama_decode gave -3 at ${all[5]}`);
      },
    );

    it('row after row, the build ends, and a later one writes what is missing', async () => {
      const data = await dataOf(folder, styledRows(12, 2));
      const broken = await fakeBuild(folder, data, { generator: failing(all.slice(4, 20)), concurrency: 4 });
      await expect(buildBank(broken)).rejects.toMatchObject(
        error(
          'DECODE_FAILED',
          /for 16 rows one after another, the last of them row 20: llama_decode gave -3/,
        ),
      );
      const lines = await readFile(join(folder, 'bank.building', 'chains.jsonl'), 'utf8');
      expect(lines.trimEnd().split('\n')).toHaveLength(4);
      const asked: string[] = [];
      const mended = await fakeBuild(folder, data, {
        generator: {
          script: (sample) => {
            asked.push(sample.prompt);
            return tellStyle(sample);
          },
        },
      });
      const { manifest } = await buildBank(mended);
      expect(asked).toHaveLength(20);
      expect(manifest.counts).toMatchObject({ failed: 0, members: 24 });
    });

    it('fifteen rows one after another are no reason to end', async () => {
      const data = await dataOf(folder, styledRows(12, 2));
      const { manifest } = await buildBank(
        await fakeBuild(folder, data, { generator: failing(all.slice(4, 19)) }),
      );
      expect(manifest.counts).toMatchObject({ failed: 15, members: 9 });
    });

    it('at every row of few, its error is that of the build', async () => {
      const data = await dataOf(folder, styledRows(4, 2));
      const broken = await fakeBuild(folder, data, { generator: failing(all) });
      await expect(buildBank(broken)).rejects.toMatchObject(
        error('DECODE_FAILED', /for 8 rows one after another/),
      );
      expect(await buildBank(await fakeBuild(folder, data))).toMatchObject({ built: true });
    });

    it("in a way that is no row's, the build ends at once", async () => {
      const data = await dataOf(folder, styledRows(4, 2));
      const broken = await fakeBuild(folder, data, { generator: failing([all[2]!], 'INTERNAL') });
      await expect(buildBank(broken)).rejects.toMatchObject(error('INTERNAL', /question 0 of reader 1/));
    });
  });

  it('asks for a chain as a judgment of the row does', async () => {
    const data = await dataOf(folder, [styledRow(1, 1)]);
    const build = await fakeBuild(folder, data, {
      k: 1,
      seed: 5,
      temperature: 0.7,
      topP: 0.9,
      minP: 0.1,
      maxTokens: 900,
    });
    const asked: FakeSample[] = [];
    const script = (sample: FakeSample): string => {
      asked.push(sample);
      return tellStyle(sample);
    };
    const options = { ...build, judge: { ...build.judge, load: async () => new FakeGenerator({ script }) } };
    await buildBank(options);
    await using model = await RewardModel.over(new FakeGenerator({ script }), { kernels: build.kernels! });
    const { value: row } = await data.rows()[Symbol.asyncIterator]().next();
    if (row?.kind !== 'row') throw new Error('no row');
    const { seed, temperature, topP, minP, maxTokens } = options;
    const input = { id: row.id, user: row.user, context: row.item.context, candidates: row.item.candidates };
    await model.judge(input, {
      seed: seed!,
      temperature: temperature!,
      topP: topP!,
      minP: minP!,
      maxTokens: maxTokens!,
    });
    const [built, judged] = asked.map(
      ({ prompt, seed: own, request: { sampling, maxTokens: most, stop } }) => ({
        prompt,
        own,
        sampling,
        most,
        stop,
      }),
    );
    expect(built).toEqual(judged);
    expect(built).toMatchObject({ sampling: { temperature: 0.7, topP: 0.9, minP: 0.1 }, most: 900 });
  });

  it('takes a chain as it was read beside its prompt, and reads it no second time', async () => {
    const data = await dataOf(folder, [styledRow(0, 0), styledRow(0, 1), styledRow(1, 0)]);
    const reading = {
      personaText: 'as read',
      analysisText: 'PART 1 as read',
      rubric: [{ name: 'Wit', weight: null }],
    };
    const text = chainText([9, 1]);
    const usable = { status: 'usable', text, reading, tokens: 1, attempts: 1 };
    const line = (row: number, id: string, rest: object): string => JSON.stringify({ row, id, ...rest });
    const path = join(folder, 'chains.jsonl');
    const lost = line(2, 'u0-c1', { status: 'lost', reason: 'noJson', text, tokens: 1, attempts: 2 });
    await writeFile(path, `${[line(1, 'u0-c0', usable), lost, line(3, 'u1-c0', usable)].join('\n')}\n`);
    const found: object[] = [];
    for await (const { row, reading: told } of chainedRows({ path, data, settings: { limit: null } })) {
      found.push({ id: row.id, told });
    }
    expect(found).toEqual([
      { id: 'u0-c0', told: reading },
      { id: 'u1-c0', told: reading },
    ]);
    const { reading: _, ...without } = usable;
    await writeFile(path, `${line(1, 'u0-c0', without)}\n`);
    await expect(chainedRows({ path, data, settings: { limit: 1 } }).next()).rejects.toMatchObject(
      error('RUN_MISMATCH', /line 1 is not as a build writes it/),
    );
  });

  it('tries a lost chain again with another seed', async () => {
    const seeds: number[] = [];
    const options = await fakeBuild(folder, await dataOf(folder, styledRows(4, 2)), {
      attempts: 3,
      concurrency: 1,
      generator: {
        script: (sample) => {
          seeds.push(sample.seed);
          return seeds.length < 3 ? 'Sorry.' : tellStyle(sample);
        },
      },
    });
    const { manifest } = await buildBank(options);
    expect(manifest.counts.lost).toBe(0);
    expect(new Set(seeds.slice(0, 3)).size).toBe(3);
  });

  it('cuts texts that the embedder cannot take, and counts them', async () => {
    const rows = styledRows(4, 2);
    rows[2] = styledRow(1, 0, { chosen: { role: 'assistant', content: `formal ${'word '.repeat(300)}` } });
    const options = await fakeBuild(folder, await dataOf(folder, rows), { embedding: { maxTokens: 100 } });
    const { manifest } = await buildBank(options);
    expect(manifest.counts.shortenedTexts).toBe(1);
  });

  it('chooses k by the silhouette where k is auto', async () => {
    const options = await fakeBuild(folder, await dataOf(folder, styledRows(20, 2)), { k: 'auto' });
    const { manifest } = await buildBank(options);
    expect(manifest.counts.prototypes).toBe(STYLES.length);
    const { silhouettes } = manifest;
    const best = Math.max(...silhouettes!.map(({ silhouette }) => silhouette));
    expect(silhouettes!.find(({ silhouette }) => silhouette === best)!.k).toBe(STYLES.length);
  });

  it('keeps the k-means centres where refine is false, and embeds nothing but the chains', async () => {
    const options = await fakeBuild(folder, await dataOf(folder, styledRows(8, 2)), { refine: false });
    const { manifest } = await buildBank(options);
    expect(manifest.refinement).toBeNull();
    expect(options.loads.texts.every((text) => text.startsWith('PART 1'))).toBe(true);
    await using bank = await PrototypeBank.open(options.out, { kernels: options.kernels! });
    expect(bank.files.prototypes).toEqual(bank.files.centres);
  });

  it('takes rows without users, without labels and without history', async () => {
    const rows = styledRows(4, 2).map(({ user_id: _, ...row }) => row);
    delete rows[5]!.chosen;
    delete rows[5]!.rejected;
    Object.assign(rows[5]!, { candidates: ['a brief answer', 'a poetic answer', 'a formal answer'] });
    const data = await dataOf(folder, rows);
    expect(data.problems).toBe(0);
    const { manifest } = await buildBank(await fakeBuild(folder, data, { k: 2 }));
    expect(manifest.counts).toMatchObject({ users: 8, members: 8 });
    expect(manifest.refinement!.pairs).toBe(7);
    await using bank = await PrototypeBank.open(join(folder, 'bank'));
    expect(await bank.user('row:u1-c0')).toEqual({
      history: [expect.objectContaining({ chosen: 'a poetic answer number 0' })],
    });
    expect(await bank.user('row:u2-c1')).toEqual({ history: [] });
  });

  it('does nothing where the bank is there, and replaces another only by force', async () => {
    const data = await dataOf(folder, styledRows(4, 2));
    await buildBank(await fakeBuild(folder, data));
    const again = await fakeBuild(folder, data);
    expect(await buildBank(again)).toMatchObject({ built: false });
    expect(again.loads).toMatchObject({ generator: 0, embedder: 0 });
    const other = await fakeBuild(folder, data, { seed: 8 });
    await expect(buildBank(other)).rejects.toMatchObject(error('RUN_MISMATCH', /--force/));
    expect(await buildBank({ ...other, force: true })).toMatchObject({ built: true });
    await using bank = await PrototypeBank.open(other.out);
    expect(bank.manifest.options.seed).toBe(8);
    expect((await readdir(folder)).sort()).toEqual(['bank', 'train.jsonl']);
  });

  it('names every difference from an unfinished build', async () => {
    const data = await dataOf(folder, styledRows(4, 2));
    const stop = new AbortController();
    const options = await fakeBuild(folder, data, {
      signal: stop.signal,
      onEvent: (event: BuildEvent) => {
        if (event.type === 'stage' && event.stage === 'clusters') stop.abort(new Error('enough'));
      },
    });
    await expect(buildBank(options)).rejects.toThrow('enough');
    const other = await fakeBuild(folder, data, { seed: 8, refine: false });
    await expect(buildBank(other)).rejects.toMatchObject(
      error('RUN_MISMATCH', /another seed \(7 there, 8 now\), another refine \(true there, false now\)/),
    );
    const { manifest } = await buildBank({ ...other, force: true });
    expect(manifest.refinement).toBeNull();
  });

  it('refuses two writers, and keeps the old bank', async () => {
    const data = await dataOf(folder, styledRows(4, 2));
    const options = await fakeBuild(folder, data);
    const { manifest } = await buildBank(options);
    const lock = await RunLock.acquire(options.out);
    const second = await fakeBuild(folder, data, { seed: 9, force: true });
    await expect(buildBank(second)).rejects.toMatchObject(error('OUTPUT_FAILED', /being written by process/));
    await lock.release();
    await using bank = await PrototypeBank.open(options.out);
    expect(bank.manifest).toEqual(manifest);
  });

  it('keeps the old bank where a new build fails', async () => {
    const data = await dataOf(folder, styledRows(4, 2));
    const { manifest } = await buildBank(await fakeBuild(folder, data));
    const failing = await fakeBuild(folder, data, { force: true, seed: 3, embedding: { nanWord: 'answer' } });
    await expect(buildBank(failing)).rejects.toMatchObject(error('INVALID_VECTOR', /NaN or infinity/));
    await using bank = await PrototypeBank.open(failing.out);
    expect(bank.manifest).toEqual(manifest);
  });

  it.each([
    ['k over the rows', { k: 9 }, /k must be at most the number of rows; got 9 with 8 rows/],
    ['k of no number', { k: 0 }, /k must be an integer from 1/],
    ['a seed out of range', { seed: -1 }, /seed must be an integer from 0/],
    ['no attempts', { attempts: 0 }, /attempts/],
    ['an empty place', { out: '' }, /out must be a path/],
  ])('refuses %s before any work', async (_, changes, message) => {
    const options = await fakeBuild(folder, await dataOf(folder, styledRows(4, 2)), changes);
    await expect(buildBank(options)).rejects.toMatchObject(error('INVALID_OPTION', message));
    expect(options.loads.generator).toBe(0);
  });

  it('takes rows whose id comes twice as members with ids of their own', async () => {
    const rows = styledRows(4, 2);
    const data = await dataOf(folder, [...rows, { ...rows[5], user_id: 'u9' }]);
    const options = await fakeBuild(folder, data);
    const { manifest } = await buildBank(options);
    expect(manifest.counts).toMatchObject({ members: 9, users: 5, lost: 0, failed: 0, invalid: 0 });
    await using bank = await PrototypeBank.open(options.out);
    const found = await bank.similarUsers(bank.prototypeVector(0), 5);
    expect(new Set(found.map(({ rowId }) => rowId)).size).toBe(5);
  });

  it('refuses k over the usable rows, a zero embedding, and data without a usable chain', async () => {
    const data = await dataOf(folder, styledRows(4, 2));
    const lost = (sample: Parameters<typeof tellStyle>[0]): string =>
      /reader 3/.test(sample.prompt) ? 'Sorry.' : tellStyle(sample);
    const many = await fakeBuild(folder, data, { k: 8, generator: { script: lost } });
    await expect(buildBank(many)).rejects.toMatchObject(
      error('INVALID_OPTION', /with a usable chain; got 8/),
    );
    const zero = await fakeBuild(folder, data, { force: true, embedding: { zeroWord: 'answer' } });
    await expect(buildBank(zero)).rejects.toMatchObject(error('INVALID_VECTOR', /it is zero/));
    const none = await fakeBuild(folder, data, {
      force: true,
      limit: 3,
      k: 2,
      generator: { script: () => 'No.' },
    });
    await expect(buildBank(none)).rejects.toMatchObject(
      error('INPUT_MALFORMED', /none of 3 rows.*row 1: lost/),
    );
  });

  it('refuses new tokens that leave no room for a prompt', async () => {
    const data = await dataOf(folder, styledRows(4, 2));
    const options = await fakeBuild(folder, data, { maxTokens: 500, generator: { contextTokens: 500 } });
    await expect(buildBank(options)).rejects.toMatchObject(
      error('INVALID_OPTION', /leave room for a prompt/),
    );
  });

  it('asks for as many new tokens as the model says its chains need', async () => {
    const data = await dataOf(folder, styledRows(3, 2));
    const metadata = new Map([
      ['pgenrm.template', 'compact'],
      ['pgenrm.max_tokens', '384'],
    ]);
    const asked: number[] = [];
    const script = ({ request }: FakeSample): string => {
      asked.push(request.maxTokens);
      return 'No.';
    };
    const options = await fakeBuild(folder, data, { k: 1, generator: { metadata, script } });
    await expect(buildBank(options)).rejects.toMatchObject(error('INPUT_MALFORMED'));
    expect(new Set(asked)).toEqual(new Set([384]));
  });

  it('leaves alone what is no bank, even by force', async () => {
    const out = join(folder, 'bank');
    await mkdir(out);
    await writeFile(join(out, 'thesis.txt'), 'years of work');
    const options = await fakeBuild(folder, await dataOf(folder, styledRows(4, 2)), { force: true });
    await expect(buildBank(options)).rejects.toMatchObject(error('INVALID_OPTION', /no prototype bank/));
    expect(existsSync(join(out, 'thesis.txt'))).toBe(true);
  });

  it('says where the place cannot be written', async () => {
    const data = await dataOf(folder, styledRows(4, 2));
    const options = await fakeBuild(folder, data, { out: join(folder, 'missing', 'bank') });
    await expect(buildBank(options)).rejects.toMatchObject(
      error('OUTPUT_FAILED', /directory does not exist/),
    );
  });
});
