import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FormatName, OpenOptions } from '../../src/data/preference-data.js';
import { openPreferenceData } from '../../src/data/preference-data.js';
import type { Row } from './made-files.js';
import { jsonLines, makeFolder, parquet, readRows } from './made-files.js';

const write = makeFolder();

const text = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
  .filter((value) => value.trim() !== '');
const name = fc.constantFrom('u1', 'u2', 'u3');
const score = fc.option(fc.integer({ min: 1, max: 100 }), { nil: null });
const turn = (role: string) => fc.record({ role: fc.constant(role), content: text });
const context = fc
  .tuple(fc.array(fc.tuple(turn('user'), turn('model')), { maxLength: 2 }), turn('user'))
  .map(([earlier, last]) => [...earlier.flat(), last]);
const history = fc.option(
  fc.array(fc.record({ prompt: text, chosen: text, rejected: text }), { maxLength: 3 }),
  { nil: null },
);
const split = fc.constantFrom('train', 'val', 'test');

const FORMATS: Record<FormatName, fc.Arbitrary<Row>> = {
  'personal-reward-bench': fc.record({
    conversation_id: text,
    user_id: name,
    context,
    chosen: turn('model'),
    rejected: turn('assistant'),
    chosen_score: score,
    rejected_score: score,
    turns: fc.integer(),
    split,
  }),
  trl: fc.record({
    user_id: fc.integer({ min: 1, max: 3 }),
    prompt: context,
    chosen: fc.array(turn('assistant'), { minLength: 1, maxLength: 1 }),
    rejected: fc.array(turn('assistant'), { minLength: 1, maxLength: 1 }),
    history,
    stated_criteria: fc.option(text, { nil: null }),
  }),
  'reward-bench': fc.record({ id: fc.nat(), prompt: text, chosen: text, rejected: text, subset: text }),
  'lamp-qa': fc.record({
    id: text,
    question: text,
    profile: fc.array(fc.record({ id: text, category: text, text }), { minLength: 1, maxLength: 12 }),
    rubric_aspects: fc.array(fc.record({ aspect: text }), { maxLength: 2 }),
    narrative: text,
    chosen: text,
    rejected: text,
  }),
  prism: fc.record({
    conversation_id: text,
    user_id: name,
    choice_attributes: fc.record({ factuality: score, safety: score }),
    conversation_history: fc
      .array(
        fc.tuple(
          text,
          fc.array(fc.tuple(text, fc.integer({ min: 1, max: 100 })), { minLength: 2, maxLength: 4 }),
        ),
        {
          minLength: 1,
          maxLength: 3,
        },
      )
      .map((turns) =>
        turns.flatMap(([query, replies], turn) => [
          { turn, role: 'user', content: query, score: null, if_chosen: null },
          ...replies.map(([content, score], index) => ({
            turn,
            role: 'model',
            content,
            score,
            if_chosen: index === 0,
          })),
        ]),
      ),
  }),
};

describe('rows that fit read the same from every kind of file', () => {
  it.each(Object.entries(FORMATS))('%s', async (format, row) => {
    const options: OpenOptions = { format: format as FormatName };
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 5 }),
        async (rows, group) => {
          const expected = await readRows(write('rows.jsonl', jsonLines(rows)), options);
          expect(expected.length).toBeGreaterThanOrEqual(rows.length);
          expect(await readRows(write('rows.jsonl.gz', gzipSync(jsonLines(rows))), options)).toEqual(
            expected,
          );
          expect(await readRows(write('rows.json', JSON.stringify(rows)), options)).toEqual(expected);
          expect(await readRows(write('rows.parquet', parquet(rows, group)), options)).toEqual(expected);
          expect((await openPreferenceData(write('rows.jsonl', jsonLines(rows)))).format).toBe(format);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('keeps laws of every row: a query last, two replies or more, a label among them, an id of its own', async () => {
    const any = fc
      .constantFrom(...Object.keys(FORMATS))
      .chain((format) => fc.array(FORMATS[format as FormatName], { minLength: 1, maxLength: 8 }));
    await fc.assert(
      fc.asyncProperty(any, async (rows) => {
        const read = await readRows(write('laws.jsonl', jsonLines(rows)));
        expect(new Set(read.map((row) => row.id)).size).toBe(read.length);
        for (const { item, label, user } of read) {
          expect(item.context.at(-1)?.role).toBe('user');
          expect(item.candidates.length).toBeGreaterThanOrEqual(2);
          expect(label === undefined || item.candidates[label] !== undefined).toBe(true);
          const query = item.context.at(-1)?.content;
          for (const event of user.history) {
            const same =
              event.context.at(-1)?.content === query &&
              item.candidates.includes(event.chosen) &&
              item.candidates.includes(event.rejected);
            expect(same && label !== undefined).toBe(false);
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});
