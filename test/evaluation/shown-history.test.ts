import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ChainsRow } from '../../src/evaluation/chains/chains-record.js';
import { type HistoryLimits, HistoryPick, shownUser } from '../../src/evaluation/controls/shown-history.js';
import type { Embedder } from '../../src/generator/embedder.js';
import type { HistoryEvent, User } from '../../src/preference/preference.js';
import { promptText } from '../support/fake-generator.js';
import { row, temporaryFolder, writeRows } from '../support/preference-file.js';
import { fakeEval } from './fake-eval.js';

const WORDS = ['park', 'road', 'school'];

/** One dimension a word of {@link WORDS}, and one that every text has. */
function wordEmbedder(): Embedder & { readonly texts: string[] } {
  const texts: string[] = [];
  const vectorOf = (text: string): number[] => {
    const counts = [1, ...WORDS.map((word) => 5 * (text.split(word).length - 1))];
    const length = Math.hypot(...counts);
    return counts.map((count) => count / length);
  };
  return {
    texts,
    modelPath: '/fake',
    maxTokens: 1000,
    embed: async (batch) => {
      texts.push(...batch);
      return { vectors: Float32Array.from(batch.flatMap(vectorOf)), dimension: WORDS.length + 1 };
    },
    close: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
}

const event = (query: string, chosen = 'yes', rejected = 'no'): HistoryEvent => ({
  context: [{ role: 'user', content: query }],
  chosen,
  rejected,
});
const user: User = { id: 'u', history: [event('park'), event('road'), event('park'), event('school')] };
const item = { context: event('the park').context, candidates: ['a', 'b'] };

async function shown(limits: HistoryLimits, of: User = user, embedder = wordEmbedder()): Promise<number[]> {
  // A token a character.
  const pick = new HistoryPick(limits, { embedder, countTokens: async (text) => text.length });
  const ranked = await pick.rank(of, item);
  return shownUser(ranked, ranked.most).history.map((one) => of.history.indexOf(one));
}

describe('history that is shown', () => {
  it('is all of it without limits, and the newest events under a number', async () => {
    expect(await shown({ by: 'newest' })).toEqual([0, 1, 2, 3]);
    expect(await shown({ by: 'newest', events: 2 })).toEqual([2, 3]);
    expect(await shown({ by: 'newest', events: 0 })).toEqual([]);
  });

  it('fits a budget of tokens, and is one event at least', async () => {
    // "User: park\nChosen: yes\nRejected: no" has 35 characters, those of the others 35 and 37.
    expect(await shown({ by: 'newest', budget: 72 })).toEqual([2, 3]);
    expect(await shown({ by: 'newest', budget: 71 })).toEqual([3]);
    expect(await shown({ by: 'newest', budget: 1 })).toEqual([3]);
    expect(await shown({ by: 'newest', budget: 1000 })).toEqual([0, 1, 2, 3]);
    expect(await shown({ by: 'newest', budget: 1000, events: 1 })).toEqual([3]);
    expect(await shown({ by: 'newest', budget: 5 }, { history: [] })).toEqual([]);
  });

  it('is what is most alike the query, in the order of time', async () => {
    expect(await shown({ by: 'alike', events: 2 })).toEqual([0, 2]);
    // Equally alike: the newer one first.
    expect(await shown({ by: 'alike', events: 1 })).toEqual([2]);
    expect(await shown({ by: 'alike', budget: 71 })).toEqual([0, 2]);
    expect(await shown({ by: 'alike', events: 0 })).toEqual([]);
  });

  it('does not tell by the order of replies which was chosen, and embeds an event once', async () => {
    const embedder = wordEmbedder();
    const both: User = { history: [event('q', 'b', 'a'), event('q', 'a', 'b')] };
    const pick = new HistoryPick({ by: 'alike', events: 1 }, { embedder });
    await pick.rank(both, item);
    expect(new Set(embedder.texts)).toEqual(new Set(['a', 'the park\n\na\n\nb', 'q\n\na\n\nb']));
    const before = embedder.texts.length;
    await pick.rank(both, item);
    expect(embedder.texts.slice(before)).toEqual(['the park\n\na\n\nb']);
  });
});

describe('pgenrm eval --history-budget', () => {
  /** u0 chooses short texts and u1 long ones in four events, u2 in one. */
  async function data(folder: string): Promise<string> {
    const made = (number: number, of: string, split: string, text: string) =>
      row(number, {
        user_id: of,
        split,
        context: [{ role: 'user', content: 'parks' }],
        chosen: { role: 'assistant', content: `${of}-${number} ${text}` },
        rejected: { role: 'assistant', content: 'no' },
      });
    const history = ['u0', 'u1'].flatMap((of, at) =>
      Array.from({ length: 4 }, (_, index) =>
        made(10 * (at + 1) + index, of, 'train', 'x'.repeat(at === 0 ? 5 : 400)),
      ),
    );
    const asked = ['u0', 'u1', 'u2'].map((of, at) => made(at, of, 'test', 'x'));
    return writeRows(join(folder, 'data.jsonl'), [...history, made(40, 'u2', 'train', 'x'), ...asked]);
  }

  it('shows as many events in every arm as fit in the one that has room for fewest', async () => {
    const folder = await temporaryFolder();
    const out = join(folder, 'out');
    const words = [await data(folder), '--out', out, '--quiet', '--levels', 'ind-2', '--resamples', '200'];
    const {
      code,
      err,
      out: said,
      generators,
    } = await fakeEval([...[...words, '--control', 'swapped', '--donors', '2', '--history-budget', '300']]);
    expect([code, err]).toEqual([0, '']);
    expect(said).toContain('the most recent history events, as many as fit 300 tokens and one at least');
    const rows = (await readFile(join(out, 'chains.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => JSON.parse(line) as ChainsRow);
    expect(rows).toHaveLength(3);
    for (const { usedEvents, swapped = [] } of rows) {
      expect(usedEvents).toBe(1);
      expect(swapped.map(({ events }) => events)).toEqual([1, 1]);
    }
    // u0 could show all four of its own.
    expect(rows.find(({ user: name }) => name === 'u0')!.swapped!.every(({ cut }) => cut)).toBe(true);
    const prompts = generators[0]!.requests.map(({ prompt }) => promptText(prompt));
    // Of u0 the newest event alone is shown.
    expect(prompts.some((text) => text.includes('u0-13'))).toBe(true);
    expect(prompts.some((text) => text.includes('u0-12'))).toBe(false);
    const again = await fakeEval([...words, '--control', 'swapped', '--donors', '2', '--resume']);
    expect(again.err).toMatch(/RUN_MISMATCH/);
  });

  it('refuses what has no meaning', async () => {
    const folder = await temporaryFolder();
    const words = [await data(folder), '--out', join(folder, 'out'), '--quiet'];
    const said = async (...more: string[]) => (await fakeEval([...words, ...more])).err;
    expect(await said('--history-by', 'alike')).toMatch(/--history-events or --history-budget/);
    expect(await said('--history-budget', '0')).toMatch(/--history-budget.*an integer from 1/);
    expect(await said('--embedder', 'x.gguf')).toMatch(/--embedder is that of a bank/);
  });
});
