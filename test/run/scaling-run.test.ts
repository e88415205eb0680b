import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { openPreferenceData } from '../../src/data/preference-data.js';
import type { JudgeOptions } from '../../src/reward-model/judgment.js';
import type { RowRecord } from '../../src/run/scoring/row-record.js';
import type { RunSummary } from '../../src/run/scoring/run-journal.js';
import type { RunManifest } from '../../src/run/scoring/run-manifest.js';
import { openRunOutput } from '../../src/run/scoring/run-output.js';
import { runScoring } from '../../src/run/scoring/scoring-run.js';
import { suiteFolder } from '../bank/made-bank.js';
import { error } from '../bank/made-world.js';
import { type BankWorld, bankWorld } from '../reward-model/bank-world.js';
import { row, temporaryFolder, writeRows } from '../support/preference-file.js';

const banks = await suiteFolder();
let folder: string;
let dataPath: string;
let out: string;
let world: BankWorld;

beforeEach(async () => {
  folder = await temporaryFolder();
  // Users u0 to u2 are users of the bank as well; the last row has a user of whom nothing is known.
  const past = [10, 11, 12].map((index) => row(index, { user_id: `u${index - 10}`, split: 'train' }));
  const rows = [0, 1, 2, 3, 4, 5].map((index) => row(index));
  const stranger = row(6, { user_id: 'stranger' });
  dataPath = await writeRows(join(folder, 'data.jsonl'), [...past, ...rows, stranger]);
  out = join(folder, 'scores.jsonl');
  world = await bankWorld(banks);
});

async function run(judge: JudgeOptions, mode: 'new' | 'resume' = 'new', limit?: number): Promise<RunSummary> {
  await using output = await openRunOutput(out, mode);
  const data = await openPreferenceData(dataPath, { split: 'test' });
  return await runScoring({
    data,
    model: world.model,
    output,
    judge,
    chains: true,
    ...(limit === undefined ? {} : { limit }),
  });
}

async function lines(): Promise<RowRecord[]> {
  const text = await readFile(out, 'utf8');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as RowRecord);
}

const manifest = async (): Promise<RunManifest> =>
  JSON.parse(await readFile(`${out}.manifest.json`, 'utf8')) as RunManifest;

describe('a run with similar users', () => {
  it('records levels, neighbours and chains of each row', async () => {
    const summary = await run({ individual: 2, prototypes: 2 });
    const records = await lines();
    for (const record of records.slice(0, 6)) {
      expect(record).toMatchObject({
        status: 'scored',
        levels: { individual: { usable: 2 }, prototype: { usable: 2 } },
        retrieval: { by: 'chain', status: 'found', asked: 2 },
        scaling: {
          planned: { individual: 2, prototype: 2 },
          used: { individual: 2, prototype: 2 },
          saved: 0,
        },
        uncertainty: { probability: expect.any(Number) },
      });
      const neighbours = record.retrieval!.neighbours.map(({ userId }) => userId);
      // A user of the bank is never their own neighbour.
      expect(neighbours).not.toContain(record.userId);
      const similar = record.chains!.filter(({ level }) => level === 'prototype');
      expect(similar.map(({ neighbour }) => neighbour!.userId)).toEqual(neighbours);
      expect(record.chains!.filter(({ level }) => level === 'individual')).toHaveLength(2);
    }
    expect(records[6]).toMatchObject({
      userId: 'stranger',
      status: 'scored',
      retrieval: { by: null, status: 'nothingToGoOn' },
    });
    expect(summary.counts).toMatchObject({ usableChains: 26, rowsShortOfNeighbours: 1, savedChains: 0 });
  });

  it('names the bank and the options in its manifest, and resumes with the same ones only', async () => {
    const judge = { individual: 1, prototypes: 2, retrieveBy: 'history' } as const;
    await run(judge, 'new', 3);
    expect(await manifest()).toMatchObject({
      paths: { bank: world.bank.path },
      identity: {
        options: {
          individual: 1,
          prototypes: 2,
          retrieveBy: 'history',
          includeSelf: false,
          individualShare: 0.5,
          neighbourWeights: 'equal',
          bank: world.bank.manifest.checksum,
          bankAdditions: 0,
        },
      },
    });
    await expect(run({ ...judge, retrieveBy: 'chain' }, 'resume')).rejects.toMatchObject(
      error('RUN_MISMATCH', /retrieveBy was history, is chain/),
    );
    await expect(run({ individual: 1 }, 'resume')).rejects.toMatchObject(
      error('RUN_MISMATCH', /prototypes was 2, is absent/),
    );
    await expect(run({ ...judge, adaptive: 0.1 }, 'resume')).rejects.toMatchObject(
      error('RUN_MISMATCH', /adaptive was absent, is 0.1/),
    );
    expect((await run(judge, 'resume')).counts.rows).toBe(7);
    const resumed = await lines();
    expect(resumed.map(({ row: number }) => number)).toEqual([4, 5, 6, 7, 8, 9, 10]);
  });

  it('seeks a user’s later rows by their first one’s part 1, and resumes to the same lines', async () => {
    const judge = { individual: 2, prototypes: 2, retrieveBy: 'cached' } as const;
    const lasting = async () => (await lines()).map((line) => ({ ...line, ms: 0 }));
    await run(judge);
    const whole = await lasting();
    // Rows 4 to 6 are the first of u0 to u2, and 7 to 9 their second ones.
    expect(whole.map(({ id, retrieval }) => [id, retrieval!.by, retrieval!.from])).toEqual([
      ['c0', 'chain', undefined],
      ['c1', 'chain', undefined],
      ['c2', 'chain', undefined],
      ['c3', 'cached', 'c0'],
      ['c4', 'cached', 'c1'],
      ['c5', 'cached', 'c2'],
      ['c6', null, undefined],
    ]);
    expect(whole.map(({ analysis }) => analysis?.text !== undefined)).toEqual([
      ...[true, true, true, false, false, false, false],
    ]);
    await rm(out);
    await rm(`${out}.manifest.json`);
    world = await bankWorld(banks);
    await run(judge, 'new', 4);
    world = await bankWorld(banks);
    await run(judge, 'resume');
    expect(await lasting()).toEqual(whole);
    // The texts came from the lines: the second session wrote no part 1 of u1's and u2's first rows.
    expect(world.embedder.texts).toHaveLength(2);
    expect(world.embedder.texts[0]).toBe(whole[1]!.analysis!.text);
  });

  it('has nothing of it in lines and manifest where it is not asked for', async () => {
    await run({ individual: 2 });
    const { identity, paths } = await manifest();
    expect(Object.keys(identity.options)).not.toContain('prototypes');
    expect(Object.keys(identity.options)).not.toContain('adaptive');
    expect(paths.bank).toBeUndefined();
    for (const record of await lines()) {
      expect(record.retrieval).toBeUndefined();
      expect(record.levels).toBeUndefined();
      expect(record.scaling).toBeUndefined();
      expect(record.uncertainty).not.toBeUndefined();
    }
  });
});

describe('an adaptive run', () => {
  it('says how many chains each row and all of them were saved', async () => {
    const summary = await run({ individual: 16, prototypes: 8, adaptive: 0.1 });
    const records = await lines();
    const saved = records.reduce((sum, { scaling }) => sum + scaling!.saved, 0);
    expect(saved).toBeGreaterThan(0);
    expect(summary.counts.savedChains).toBe(saved);
    for (const { scaling, usable, chains, tie } of records) {
      expect(scaling!.used.individual + scaling!.used.prototype).toBe(chains!.length);
      expect(usable).toBe(chains!.length);
      // A tie that more chains could still break is never a reason to stop.
      if (tie) expect(scaling!.saved).toBe(0);
    }
    expect(await manifest()).toMatchObject({
      identity: { options: { adaptive: 0.1 } },
      counts: { savedChains: saved },
    });
  });
});
