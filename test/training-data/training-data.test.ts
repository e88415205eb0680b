import { existsSync } from 'node:fs';
import { readdir, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { parquetReadObjects } from 'hyparquet';
import { beforeEach, describe, expect, it } from 'vitest';
import { readChain } from '../../src/chain/read-chain.js';
import { openPreferenceData } from '../../src/data/preference-data.js';
import { RewardModel } from '../../src/reward-model/reward-model.js';
import { type TrainingDataOptions, writeTrainingData } from '../../src/training-data/training-data.js';
import { byLength, chainText, FakeGenerator, type FakeOptions } from '../support/fake-generator.js';
import { temporaryFolder, writeRows } from '../support/preference-file.js';

const short = (text: string) => ({ role: 'assistant', content: text });
/** The user chose the longer response, as `byLength` does; `hard` rows the shorter one. */
const row = (index: number, changes: object = {}) => ({
  conversation_id: `c${index}`,
  user_id: `u${index % 2}`,
  context: [{ role: 'user', content: `query ${index}` }],
  chosen: short(`a ${'x'.repeat(3 + (index % 3))}`),
  rejected: short('b'),
  stated_criteria: 'I like long answers.',
  ...changes,
});

let folder: string;
let out: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  out = join(folder, 'train.jsonl');
});

async function optionsOf(
  rows: readonly object[],
  changes: Partial<TrainingDataOptions> = {},
  fake: FakeOptions = {},
): Promise<TrainingDataOptions> {
  const data = await openPreferenceData(await writeRows(join(folder, 'data.jsonl'), rows));
  const generator = new FakeGenerator({ script: byLength, ...fake });
  const model = await RewardModel.over(generator, { modelSha256: 'sha-of-fake' });
  return { data, model, stage: 'psi', format: 'trl', out, tries: 2, ...changes };
}

// biome-ignore lint/suspicious/noExplicitAny: records of trainers are looked at by field
const linesOf = async (path: string): Promise<any[]> =>
  (await readFile(path, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

const six = Array.from({ length: 6 }, (_, index) => row(index));

describe('psi', () => {
  it('keeps a chain for each presentation order, all in favour of what the user chose', async () => {
    const summary = await writeTrainingData(await optionsOf(six, { license: 'MIT' }));
    expect(summary).toMatchObject({ status: 'finished', examples: 12, license: 'MIT', counts: { kept: 6 } });
    const lines = await linesOf(out);
    expect(lines).toHaveLength(12);
    for (const { prompt, completion, license } of lines) {
      expect(license).toBe('MIT');
      const [{ content }] = completion;
      const { responses } = readChain(content, { responses: 2 });
      const shown = prompt.map((turn: { content: string }) => turn.content).join('\n');
      const chosenFirst = /\[The Start of Response 1\]\na /.test(shown);
      expect(responses[0]!.score! > responses[1]!.score!).toBe(chosenFirst);
      expect(shown).toContain('I like long answers.');
    }
    const firsts = lines.filter(({ prompt }) => /\[The Start of Response 1\]\na /.test(prompt[1].content));
    expect(firsts).toHaveLength(6);
  });

  it('refuses a row where one order disagrees, however the other one agrees', async () => {
    // A judge that prefers the first response, whatever it says.
    const biased = await optionsOf(six, {}, { script: () => chainText([9, 2]) });
    await expect(writeTrainingData(biased)).rejects.toMatchObject({
      code: 'INPUT_MALFORMED',
      message: expect.stringContaining('disagrees 6'),
    });
    expect(existsSync(out)).toBe(false);
  });

  it('counts what it refuses by reason', async () => {
    const rows = [
      row(0),
      row(1, { chosen: short('c'), rejected: short('a longer one') }),
      row(2, { chosen: undefined, rejected: undefined, responses: [] }),
    ];
    const summary = await writeTrainingData(await optionsOf(rows));
    expect(summary.counts).toMatchObject({ kept: 1, disagrees: 1, invalid: 1 });
    const statuses = (await linesOf(`${out}.rows.jsonl`)).slice(1).map(({ status }) => status);
    expect(statuses).toEqual(['kept', 'disagrees', 'invalid']);
  });

  it('writes a mended chain anew, and a clean one as it stands', async () => {
    // Scores as texts: read, and not to be imitated.
    const script: FakeOptions['script'] = (sample) =>
      byLength(sample).replace(/("response_\d": )(\d+)/g, '$1"$2"');
    const summary = await writeTrainingData(await optionsOf([row(0)], {}, { script }));
    expect(summary.rewritten).toBe(2);
    for (const { completion } of await linesOf(out)) {
      const { recovered, usable } = readChain(completion[0].content, { responses: 2 });
      expect({ recovered, usable }).toEqual({ recovered: [], usable: true });
    }
  });

  it('loses rows whose chains cannot be read', async () => {
    const lost = await optionsOf(six, {}, { script: () => 'I would rather not say.' });
    await expect(writeTrainingData(lost)).rejects.toThrow('lost 6');
  });
});

describe('for TRL', () => {
  // The first of a seed's draws agrees with the user, the second prefers the other response, whatever the order.
  const divided = (): FakeOptions => {
    const seen = new Map<string, number>();
    return {
      script: (sample) => {
        const key = sample.responses.join('|');
        const nth = seen.get(key) ?? 0;
        seen.set(key, nth + 1);
        const lengths = sample.responses.map((text) => text.length);
        const scores = lengths.map((length) => (length === Math.max(...lengths) ? 9 : 2));
        return chainText(nth % 2 === 0 ? scores : scores.map((score) => 11 - score));
      },
    };
  };

  it('writes whole conversations as messages', async () => {
    await writeTrainingData(await optionsOf(six, { format: 'trl-messages' }));
    for (const { messages } of await linesOf(out)) {
      expect(messages.map(({ role }: { role: string }) => role)).toEqual(['system', 'user', 'assistant']);
      expect(readChain(messages[2].content, { responses: 2 }).usable).toBe(true);
    }
  });

  it('pairs a chain that agrees with one that prefers the other response', async () => {
    const options = await optionsOf(six, { format: 'trl-preference', concurrency: 1 }, divided());
    const { examples, withoutPair } = await writeTrainingData(options);
    expect({ examples, withoutPair }).toEqual({ examples: 12, withoutPair: 0 });
    for (const { prompt, chosen, rejected } of await linesOf(out)) {
      const first = /\[The Start of Response 1\]\na /.test(prompt[1].content) ? 0 : 1;
      const scores = [chosen, rejected].map(([{ content }]) =>
        readChain(content, { responses: 2 }).responses.map(({ score }) => score!),
      );
      expect(scores[0]![first]! > scores[0]![1 - first]!).toBe(true);
      expect(scores[1]![first]! < scores[1]![1 - first]!).toBe(true);
    }
  });

  it('says where no chain prefers the other response, and goes on from the rows as another format', async () => {
    const options = await optionsOf(six, { format: 'trl-preference' });
    await expect(writeTrainingData(options)).rejects.toMatchObject({
      code: 'INPUT_MALFORMED',
      message: expect.stringContaining('none of 12 examples has a chain that prefers another response'),
    });
    expect(existsSync(out)).toBe(false);
    expect((await writeTrainingData({ ...options, format: 'trl' })).examples).toBe(12);
  });

  it('refuses shapes of chains for stages without chains', async () => {
    const options = await optionsOf(six, { stage: 'cre', format: 'trl-preference' });
    await expect(writeTrainingData(options)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});

describe('licences', () => {
  const licensed = six.map((one, index) => ({
    ...one,
    ...(index < 2 ? { license: 'CC-BY-NC-4.0' } : index < 4 ? { license: 'CC-BY-4.0' } : {}),
  }));

  it('of rows are kept, and non-commercial rows are left out', async () => {
    const summary = await writeTrainingData(await optionsOf(licensed, { license: 'MIT' }));
    expect(summary.counts).toMatchObject({ kept: 4, nonCommercial: 2 });
    const found = (await linesOf(out)).map(({ license }) => license);
    expect(found.filter((one) => one === 'CC-BY-4.0')).toHaveLength(4);
    expect(found.filter((one) => one === 'MIT')).toHaveLength(4);
    expect(found).toHaveLength(8);
  });

  it('that are non-commercial are mixed in only where that is allowed, in parquet as well', async () => {
    const options = { allowNonCommercial: true, format: 'verl' } as const;
    await writeTrainingData(await optionsOf(licensed, options));
    const bytes = await readFile(out);
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
    const found = (await parquetReadObjects({ file })).map(({ extra_info }) => extra_info.license);
    expect([...new Set(found)].sort()).toEqual(['CC-BY-4.0', 'CC-BY-NC-4.0', 'unknown']);
  });
});

describe('cre', () => {
  it('withholds the criteria and gives the derived ones as answer key', async () => {
    await writeTrainingData(await optionsOf(six, { stage: 'cre', format: 'openrlhf' }));
    const lines = await linesOf(out);
    expect(lines.length).toBeGreaterThan(0);
    for (const { input, label } of lines) {
      expect(JSON.stringify(input)).not.toContain('I like long answers.');
      expect(JSON.parse(label)).toMatchObject({ stage: 'cre', responses: 2, criteria: ['Fit'] });
    }
  });

  it('needs criteria to withhold', async () => {
    const none = await optionsOf(
      six.map((one) => ({ ...one, stated_criteria: undefined })),
      { stage: 'cre' },
    );
    await expect(writeTrainingData(none)).rejects.toThrow('noCriteria 6');
  });
});

describe('curriculum', () => {
  it('goes from the widest margin to the worst misjudgment, as parquet for verl', async () => {
    const rows = [row(1, { chosen: short('c'), rejected: short('a longer') }), row(0), row(2), row(3)];
    await writeTrainingData(await optionsOf(rows, { stage: 'curriculum', format: 'verl' }));
    const bytes = await readFile(out);
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
    const records = await parquetReadObjects({ file });
    const margins = records.map(({ extra_info }) => extra_info.margin);
    expect(margins).toEqual([...margins].sort((a, b) => b - a));
    expect(margins.at(-1)).toBeLessThan(0);
    expect(records[0]).toMatchObject({
      data_source: expect.stringMatching(/^pgenrm\/curriculum\//),
      prompt: [{ role: 'system' }, { role: 'user' }],
      reward_model: { style: 'rule', ground_truth: expect.stringContaining('"stage":"curriculum"') },
    });
  });
});

describe('a run', () => {
  it('that was stopped goes on and gives the same file as one that was not', async () => {
    await writeTrainingData(await optionsOf(six));
    const whole = await readFile(out, 'utf8');
    const again = join(folder, 'again.jsonl');
    const stop = new AbortController();
    const first = await writeTrainingData(
      await optionsOf(six, {
        out: again,
        concurrency: 1,
        signal: stop.signal,
        onProgress: (done) => (done === 2 ? stop.abort() : undefined),
      }),
    );
    expect(first.status).toBe('stopped');
    expect(existsSync(again)).toBe(false);
    // As a kill leaves it: in the middle of a line.
    await truncate(`${again}.rows.jsonl`, (await readFile(`${again}.rows.jsonl`)).length - 7);
    const second = await writeTrainingData(await optionsOf(six, { out: again }));
    expect(second.counts.kept).toBe(6);
    expect(await readFile(again, 'utf8')).toBe(whole);
    expect((await readdir(folder)).sort()).toEqual(
      ['again.jsonl', 'again.jsonl.rows.jsonl', 'data.jsonl', 'train.jsonl', 'train.jsonl.rows.jsonl'].sort(),
    );
  });

  it('of another teacher, stage or data is not gone on with, unless forced', async () => {
    await writeTrainingData(await optionsOf(six));
    const other = await optionsOf(six, { tries: 3 });
    await expect(writeTrainingData(other)).rejects.toMatchObject({
      code: 'RUN_MISMATCH',
      message: expect.stringContaining('tries was 2, is 3'),
    });
    expect((await writeTrainingData({ ...other, force: true })).examples).toBe(12);
  });

  it('does not replace a file that it has not written, unless forced', async () => {
    await writeRows(out, ['precious']);
    const options = await optionsOf(six);
    await expect(writeTrainingData(options)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(await readFile(out, 'utf8')).toBe('precious\n');
    expect(existsSync(`${out}.rows.jsonl`)).toBe(false);
    expect((await writeTrainingData({ ...options, force: true })).examples).toBe(12);
  });

  it('refuses non-commercial data unless it is allowed', async () => {
    const options = await optionsOf(six, { license: 'CC-BY-NC-4.0' });
    await expect(writeTrainingData(options)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    const allowed = await writeTrainingData({ ...options, allowNonCommercial: true });
    expect(allowed.license).toBe('CC-BY-NC-4.0');
    expect((await linesOf(out))[0].license).toBe('CC-BY-NC-4.0');
  });

  it('refuses data that says nothing of its users', async () => {
    const rows = six.map((one, index) => ({
      ...one,
      user_id: undefined,
      stated_criteria: undefined,
      conversation_id: `n${index}`,
    }));
    await expect(writeTrainingData(await optionsOf(rows))).rejects.toThrow('says nothing of its users');
  });
});
