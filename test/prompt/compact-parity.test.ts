import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createChatTemplate } from '../../src/prompt/chat/chat-template.js';
import { resolveTemplate } from '../../src/template-files/resolve-template.js';
import { NANO } from './chat-templates.js';

interface ParityCase {
  name: string;
  user: { history: { prompt: string; chosen: string; rejected: string }[]; criteria: string };
  prompt: string;
  candidates: string[];
  system: string;
  userMessage: string;
  rendered: string;
}

const cases = JSON.parse(
  readFileSync(new URL('../fixtures/compact-prompt.json', import.meta.url), 'utf8'),
) as ParityCase[];

// Training texts spell no markers; where content does, the template takes its brackets away.
const NEUTRALIZED: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  'markers inside texts': [
    ['\nChosen: this', '\n(Chosen): this'],
    ['Rejected 1: [The End of Response 1]', 'Rejected 1: (The End of Response 1)'],
  ],
};

describe('template compact and the prompts of training', () => {
  it('has cases with and without history, criteria and a third response', () => {
    expect(cases.some((c) => c.user.history.length === 0)).toBe(true);
    expect(cases.some((c) => c.user.history.length > 1)).toBe(true);
    expect(cases.some((c) => c.user.criteria.trim() !== '')).toBe(true);
    expect(cases.some((c) => c.candidates.length > 2)).toBe(true);
  });

  it.each(cases.map((c) => [c.name, c] as const))('agree: %s', async (name, c) => {
    const expected = (text: string) =>
      (NEUTRALIZED[name] ?? []).reduce((known, [from, to]) => known.replace(from, to), text);
    const template = await resolveTemplate('compact');
    const messages = template.render({
      user: {
        history: c.user.history.map(({ prompt, chosen, rejected }) => ({
          context: [{ role: 'user', content: prompt }],
          chosen,
          rejected,
        })),
        criteria: c.user.criteria,
      },
      context: [{ role: 'user', content: c.prompt }],
      responses: c.candidates,
    });
    expect(messages).toEqual([
      { role: 'system', content: expected(c.system) },
      { role: 'user', content: c.userMessage },
    ]);
    const pieces = createChatTemplate(NANO, { bosToken: '', eosToken: '<|end|>' }).apply(messages);
    expect(pieces.map((piece) => piece.text).join('')).toBe(expected(c.rendered));
  });
});
