import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { PromptTokens } from '../../src/generator/llama/prompt-tokens.js';
import type { HistoryEvent, User } from '../../src/preference/preference.js';
import { createChatTemplate } from '../../src/prompt/chat/chat-template.js';
import { fitPrompt } from '../../src/prompt/fit-prompt.js';
import type { PromptTemplate } from '../../src/prompt/template/template.js';
import { resolveTemplate } from '../../src/template-files/resolve-template.js';
import { counting, wordTokenizer } from '../generator/llama/word-tokenizer.js';
import { NANO } from './chat-templates.js';

const chat = createChatTemplate(NANO, { bosToken: '', eosToken: '' });
const context = [{ role: 'user' as const, content: 'query' }];
const responses = ['one', 'two'];
const history = (lengths: readonly number[]): HistoryEvent[] =>
  lengths.map((words, index) => ({
    context: [{ role: 'user', content: `event${index}` }],
    chosen: 'a '.repeat(words),
    rejected: 'no',
  }));
let template: PromptTemplate;
beforeAll(async () => {
  template = await resolveTemplate('compact');
});

async function fitTo(
  user: User,
  maxPromptTokens: number,
  maxEvents?: number,
  tokenizer = wordTokenizer(['<|end|>']),
) {
  const limits = maxEvents === undefined ? { maxPromptTokens } : { maxPromptTokens, maxEvents };
  const generator = counting(tokenizer);
  const fitted = await fitPrompt({ template, chat, generator, user, context, responses, ...limits });
  const tokens = new PromptTokens(tokenizer).of(fitted.prompt);
  expect(tokens).toHaveLength(fitted.promptTokens);
  return { ...fitted, text: tokenizer.text(tokens), tokenizer };
}

function needOf(user: User, events: number): number {
  const recent = { ...user, history: user.history.slice(user.history.length - events) };
  return new PromptTokens(wordTokenizer(['<|end|>'])).of(
    chat.apply(template.render({ user: recent, context, responses })),
  ).length;
}

describe('fitPrompt', () => {
  it('uses every event where there is room', async () => {
    const fitted = await fitTo({ history: history([3, 3, 3]) }, 10_000);
    expect(fitted).toMatchObject({ usedEvents: 3, droppedEvents: 0 });
    expect(fitted.text).toContain('event0');
  });

  it('drops the oldest events first', async () => {
    const user = { history: history([50, 50, 50, 50]) };
    const fitted = await fitTo(user, needOf(user, 2));
    expect(fitted).toMatchObject({ usedEvents: 2, droppedEvents: 2 });
    expect(fitted.text).not.toContain('event1');
    expect(fitted.text.indexOf('event2')).toBeLessThan(fitted.text.indexOf('event3'));
    expect((await fitTo(user, needOf(user, 2) - 1)).usedEvents).toBe(1);
  });

  it('keeps the most recent maxEvents and does not count the others as dropped', async () => {
    const user = { history: history([1, 1, 1, 1, 1]) };
    const fitted = await fitTo(user, 10_000, 2);
    expect(fitted).toMatchObject({ usedEvents: 2, droppedEvents: 0 });
    expect(fitted.text).toMatch(/event3[\s\S]*event4/);
    expect(fitted.text).not.toContain('event2');
    expect((await fitTo(user, 10_000, 0)).text).toContain('No preference history is known');
  });

  it('keeps the most events that fit, whatever their lengths', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(60), { maxLength: 40 }),
        fc.integer({ min: 0, max: 2500 }),
        async (lengths, extra) => {
          const user = { history: history(lengths) };
          const limit = needOf(user, 0) + extra;
          const { usedEvents, droppedEvents, promptTokens } = await fitTo(user, limit);
          expect(usedEvents + droppedEvents).toBe(lengths.length);
          expect(promptTokens).toBeLessThanOrEqual(limit);
          expect(promptTokens).toBe(needOf(user, usedEvents));
          if (droppedEvents > 0) expect(needOf(user, usedEvents + 1)).toBeGreaterThan(limit);
        },
      ),
    );
  });

  it.each([
    ['even', Array.from({ length: 500 }, () => 40)],
    ['one huge event among small ones', Array.from({ length: 500 }, (_, i) => (i === 480 ? 20_000 : 5))],
    ['growing', Array.from({ length: 500 }, (_, i) => i)],
  ])('tokenizes 500 events a few times only: %s', async (_what, lengths) => {
    const { tokenizer, promptTokens } = await fitTo({ history: history(lengths) }, 3000);
    expect(promptTokens).toBeGreaterThan(0);
    const systemTexts = tokenizer.calls.filter((text) => text.includes('preference history'));
    expect(systemTexts.length).toBeLessThanOrEqual(14);
  });

  it('says need and limit where not even the bare prompt fits', async () => {
    const user = { history: history([5, 5]) };
    const need = needOf(user, 0);
    expect((await fitTo(user, need)).usedEvents).toBe(0);
    await expect(fitTo(user, need - 1)).rejects.toThrowError(
      expect.objectContaining({
        code: 'CONTEXT_OVERFLOW',
        message: expect.stringMatching(new RegExp(`needs ${need} tokens.* ${need - 1} are free`)),
      }),
    );
  });

  it('keeps stated criteria when history goes', async () => {
    const user = { history: history([500]), criteria: 'Brief.' };
    expect((await fitTo(user, needOf(user, 0))).text).toContain('Brief.');
  });

  it.each([
    [0, undefined],
    [1.5, undefined],
    [Number.NaN, undefined],
    [100, -1],
    [100, 0.5],
  ])('refuses maxPromptTokens %s, maxEvents %s', async (maxPromptTokens, maxEvents) => {
    await expect(fitTo({ history: [] }, maxPromptTokens, maxEvents)).rejects.toThrowError(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    );
  });
});
