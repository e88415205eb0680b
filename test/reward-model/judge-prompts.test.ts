import { expect, it } from 'vitest';
import { modelDecoding } from '../../src/guided/decoding.js';
import { createChatTemplate } from '../../src/prompt/chat/chat-template.js';
import type { PromptTemplate } from '../../src/prompt/template/template.js';
import { JudgePrompts } from '../../src/reward-model/judge-prompts.js';
import { judgeSettings, judgeSubject } from '../../src/reward-model/judge-settings.js';
import { resolveTemplate } from '../../src/template-files/resolve-template.js';
import { FAKE_CHAT_TEMPLATE, FakeGenerator, promptText } from '../support/fake-generator.js';

/** A template under which a prompt is longer where this reply is shown first. */
async function longerWith(first: string, extra: number): Promise<PromptTemplate> {
  const template = await resolveTemplate('compact');
  return Object.assign(Object.create(template), {
    render: (input: Parameters<PromptTemplate['render']>[0]) => {
      const messages = template.render(input);
      const padding = input.responses[0] === first ? ' '.repeat(extra) : '';
      return messages.map((message, index) =>
        index === messages.length - 1 ? { ...message, content: `${message.content}${padding}` } : message,
      );
    },
  });
}

const EVENTS = Array.from({ length: 6 }, (_, number) => ({
  context: [{ role: 'user' as const, content: `query number ${number}` }],
  chosen: `chosen ${number}`,
  rejected: `rejected ${number}`,
}));

/** The prompts of a judgment of three replies, the prompt of the second shown first being `extra` tokens longer. */
async function promptsOf(extra: number, contextTokens: number, historyEvents: number | null = null) {
  const generator = new FakeGenerator({ contextTokens });
  const template = await longerWith('the second', extra);
  const chat = createChatTemplate(FAKE_CHAT_TEMPLATE, { bosToken: '', eosToken: '<|end|>' });
  const subject = judgeSubject({
    id: 'row',
    prompt: 'Which one?',
    candidates: ['the first', 'the second', 'the third'],
    user: { history: EVENTS },
  });
  const options = { individual: 7, maxTokens: 100, ...(historyEvents === null ? {} : { historyEvents }) };
  const settings = judgeSettings(options, generator.info, {
    usualMaxTokens: 100,
    hasBank: false,
    decoding: modelDecoding(new Map([['pgenrm.template', 'compact']]), false),
  });
  const parts = { generator, template, chat };
  const { own } = await JudgePrompts.of(parts, subject, settings, new AbortController().signal);
  return own.map((prompt) => {
    const text = promptText(prompt.prompt);
    expect(prompt.promptText).toBe(text);
    return {
      ...prompt,
      text,
      events: EVENTS.flatMap(({ chosen }, at) => (text.includes(chosen) ? [at] : [])),
    };
  });
}

it('shows every order the events that fit the order with the least room', async () => {
  const [any] = await promptsOf(0, 100_000);
  const whole = any!.promptTokens;
  const event = whole - (await promptsOf(0, 100_000, 5))[0]!.promptTokens;
  // The context holds all six events in any order but one, where only four have room.
  const prompts = await promptsOf(2 * event, whole + 100);
  expect(prompts.map(({ order }) => order.join('')).sort()).toEqual(['012', '120', '201']);
  for (const { usedEvents, events, promptTokens, order } of prompts) {
    expect(usedEvents).toBe(4);
    expect(events).toEqual([2, 3, 4, 5]);
    expect(promptTokens).toBe(order[0] === 1 ? whole : whole - 2 * event);
  }
  expect(prompts.flatMap(({ samples }) => samples).sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(prompts.map(({ samples }) => samples.length).sort()).toEqual([2, 2, 3]);
});

it('shows each order its own replies in its own order, with as many events as are asked for', async () => {
  for (const { order, text, usedEvents, events } of await promptsOf(0, 100_000, 2)) {
    expect({ usedEvents, events }).toEqual({ usedEvents: 2, events: [4, 5] });
    const names = ['the first', 'the second', 'the third'];
    const places = order.map((candidate) => text.lastIndexOf(names[candidate]!));
    expect(places.every((place) => place >= 0)).toBe(true);
    expect([...places].sort((a, b) => a - b)).toEqual(places);
  }
});
