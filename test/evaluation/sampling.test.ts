import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openPreferenceData } from '../../src/data/preference-data.js';
import { ChainsWriter } from '../../src/evaluation/chains/chains-file.js';
import { largestLevel, type SampleOptions, sampleChains } from '../../src/evaluation/chains/sample-chains.js';
import { protocolOf } from '../../src/evaluation/protocol.js';
import { RewardModel } from '../../src/reward-model/reward-model.js';
import {
  byLength,
  FakeGenerator,
  type FakeOptions,
  promptText,
  withKvCache,
} from '../support/fake-generator.js';
import { temporaryFolder, writeGoodRows, writeRows } from '../support/preference-file.js';
import { fakeEval } from './fake-eval.js';

const PLAIN = protocolOf('trl');

async function sampled(
  path: string,
  out: string,
  changes: Partial<SampleOptions> = {},
  fake: FakeOptions = {},
) {
  await using writer = await ChainsWriter.open(out, 'resume');
  const generator = new FakeGenerator(fake);
  const model = await RewardModel.over(generator, { modelSha256: 'a' });
  const summary = await sampleChains({
    data: await openPreferenceData(path),
    model,
    writer,
    protocol: PLAIN,
    levels: [{ individual: 2, prototype: 0 }],
    ...changes,
  });
  return { summary, generator, text: await readFile(out, 'utf8') };
}

/** Lines without what time makes of them. */
function lasting(text: string): unknown[] {
  return text
    .split('\n')
    .slice(1, -1)
    .map((line) => ({ ...JSON.parse(line), ms: 0, crc: '' }));
}

describe('sampleChains', () => {
  it('stopped and resumed writes what a run that was not stopped writes', async () => {
    const folder = await temporaryFolder();
    const data = await writeGoodRows(join(folder, 'data.jsonl'), 20);
    const whole = await sampled(data, join(folder, 'whole.jsonl'));
    const out = join(folder, 'parts.jsonl');
    const stop = new AbortController();
    const part = await sampled(
      data,
      out,
      {
        signal: stop.signal,
        concurrency: 3,
        onEvent: (event) => {
          if (event.type === 'row' && event.done === 7) stop.abort(new Error('enough'));
        },
      },
      { delayMs: 2 },
    );
    expect(part.summary).toMatchObject({ status: 'stopped', rows: 20, done: 7 });
    const rest = await sampled(data, out);
    expect(rest.summary).toMatchObject({ status: 'finished', done: 20, session: { rows: 13 } });
    expect(lasting(rest.text)).toEqual(lasting(whole.text));
  });

  it('writes the same lines in the same order whatever rows are brought together, stopped and resumed too', async () => {
    const folder = await temporaryFolder();
    const data = await writeGoodRows(join(folder, 'data.jsonl'), 20);
    const plain = await sampled(data, join(folder, 'plain.jsonl'), { reorder: 1 });
    for (const reorder of [2, 6, undefined]) {
      const changes = reorder === undefined ? {} : { reorder };
      const out = join(folder, `${reorder}.jsonl`);
      const stop = new AbortController();
      const onEvent: SampleOptions['onEvent'] = (event) => {
        if (event.type === 'row' && event.done === 8) stop.abort(new Error('enough'));
      };
      const part = await sampled(data, out, { ...changes, signal: stop.signal, onEvent });
      expect(lasting(part.text)).toEqual(lasting(plain.text).slice(0, 8));
      const { text } = await sampled(data, out, changes);
      expect(lasting(text)).toEqual(lasting(plain.text));
    }
  });

  it('states how the generator keeps keys and values, which a resumed run may do otherwise', async () => {
    const folder = await temporaryFolder();
    const data = await writeGoodRows(join(folder, 'data.jsonl'), 4);
    const out = join(folder, 'out');
    const kvCache = { type: 'f16', flashAttention: 'auto', cells: 4096 } as const;
    const first = await sampled(data, out, { limit: 2 }, withKvCache(kvCache));
    expect(JSON.parse(first.text.split('\n')[0]!)).toMatchObject({ kvCache });
    const other = { ...kvCache, type: 'q8_0', flashAttention: 'on' } as const;
    const { text, summary } = await sampled(data, out, {}, withKvCache(other));
    expect(summary).toMatchObject({ status: 'finished', done: 4 });
    expect(JSON.parse(text.split('\n')[3]!)).toMatchObject({ rows: 4, kvCache: other });
    const unknown = await sampled(data, join(folder, 'unknown'));
    expect(JSON.parse(unknown.text.split('\n')[0]!)).toMatchObject({ kvCache: null });
  });

  it('has no more rows at work than asked for, however many there are', async () => {
    const folder = await temporaryFolder();
    const data = await writeGoodRows(join(folder, 'data.jsonl'), 30);
    const { generator } = await sampled(data, join(folder, 'out'), { concurrency: 2 }, { delayMs: 1 });
    // Two rows, each with a request for either order.
    expect(generator.mostActive).toBeLessThanOrEqual(4);
  });

  it('keeps the rows before an error that ends the run', async () => {
    const folder = await temporaryFolder();
    const data = await writeGoodRows(join(folder, 'data.jsonl'), 10);
    const out = join(folder, 'out');
    const script: FakeOptions['script'] = (sample) => {
      if (sample.prompt.includes('query 5 end')) throw new Error('the engine broke');
      return byLength(sample);
    };
    await expect(sampled(data, out, { concurrency: 1 }, { script })).rejects.toThrow('the engine broke');
    expect(lasting(await readFile(out, 'utf8'))).toHaveLength(5);
    expect((await sampled(data, out)).summary).toMatchObject({ done: 10, session: { rows: 5 } });
  });

  it('notes rows with an error of their own and goes on', async () => {
    const folder = await temporaryFolder();
    const long = { context: [{ role: 'user', content: 'x'.repeat(5000) }], chosen: 'a', rejected: 'b' };
    const data = await writeRows(join(folder, 'data.jsonl'), [
      { prompt: 'short', chosen: 'a', rejected: 'b' },
      { prompt: long.context[0]!.content, chosen: 'a', rejected: 'b' },
    ]);
    const { text } = await sampled(data, join(folder, 'out'), {}, { contextTokens: 4000 });
    expect(lasting(text)).toMatchObject([
      { status: 'judged' },
      { status: 'failed', label: expect.any(Number), error: { code: 'CONTEXT_OVERFLOW' } },
    ]);
  });
});

describe('largestLevel', () => {
  const levels = [
    { individual: 3, prototype: 0 },
    { individual: 1, prototype: 4 },
  ];

  it('holds all levels, and every order where the protocol asks for it', () => {
    expect(largestLevel(levels, PLAIN)).toEqual({ individual: 3, prototype: 4 });
    expect(largestLevel(levels, protocolOf('prism'))).toEqual({ individual: 4, prototype: 4 });
  });
});

describe('protocols', () => {
  it('are those of the formats', () => {
    expect(protocolOf('personal-reward-bench')).toMatchObject({ ties: 'wrong', everyOrder: true });
    expect(protocolOf('prism').name).toBe('personal-reward-bench');
    expect(protocolOf('lamp-qa').name).toBe('lamp-qa');
    expect(protocolOf('reward-bench').name).toBe('plain');
    expect(protocolOf('trl', 'lamp-qa').name).toBe('lamp-qa');
  });

  it('take train and validation rows as history of test rows, and leave a validation row out of its own', async () => {
    const folder = await temporaryFolder();
    const of = (split: string, number: number) => ({
      conversation_id: `${split}${number}`,
      user_id: 'u',
      context: [{ role: 'user', content: `${split} question ${number}` }],
      chosen: { role: 'assistant', content: `${split} good ${number}` },
      rejected: { role: 'assistant', content: `${split} poor ${number}` },
      split,
    });
    const data = await writeRows(join(folder, 'data.jsonl'), [
      of('train', 1),
      of('val', 1),
      of('val', 2),
      of('test', 1),
      of('test', 2),
    ]);
    const historyOf = async (split: string): Promise<string[]> => {
      const { generators } = await fakeEval([
        ...[data, '--split', split, '--out', join(folder, split)],
        ...['--levels', '1', '--quiet', '--resamples', '100', '--concurrency', '1'],
      ]);
      const { requests } = generators[0]!;
      return requests.map(({ prompt }) => promptText(prompt).split('[The Start of User Input]')[0]!);
    };
    for (const history of await historyOf('test')) {
      expect(history).toContain('train good 1');
      expect(history).toContain('val good 2');
      expect(history).not.toContain('test');
    }
    const [first] = await historyOf('validation');
    expect(first).toContain('train good 1');
    expect(first).toContain('val good 2');
    expect(first).not.toContain('val good 1');
  });

  it('keep the answer key of LaMP-QA from the model, the chains and the report', async () => {
    const folder = await temporaryFolder();
    const rows = Array.from({ length: 4 }, (_, index) => ({
      id: `q${index}`,
      question: `How do I prune tree ${index}?`,
      profile: [{ id: 'p', category: 'garden', text: 'I write of pruning and of pears.' }],
      rubric_aspects: [{ aspect: 'KEYASPECT', reason: 'KEYREASON', evidence: 'KEYEVIDENCE' }],
      narrative: 'KEYNARRATIVE',
      chosen: `Cut above a bud ${index}.`,
      rejected: `Leave it ${index}.`,
    }));
    const data = await writeRows(join(folder, 'data.jsonl'), rows);
    const out = join(folder, 'out');
    const {
      code,
      out: text,
      generators,
    } = await fakeEval([
      ...[data, '--out', out, '--levels', '1,ind-2', '--control', 'none', '--texts'],
      ...['--quiet', '--resamples', '100'],
    ]);
    expect(code).toBe(0);
    const prompts = generators[0]!.requests.map(({ prompt }) => promptText(prompt));
    expect(prompts.some((prompt) => prompt.includes('pruning and of pears'))).toBe(true);
    const files = await Promise.all(
      ['chains.jsonl', 'report.json', 'report.md', 'report.html', 'figures.csv'].map((name) =>
        readFile(join(out, name), 'utf8'),
      ),
    );
    for (const seen of [...prompts, ...files, text]) expect(seen).not.toMatch(/KEY[A-Z]+/);
    expect(text).toContain('protocol lamp-qa');
  });
});
