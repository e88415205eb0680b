// Judgments for suites that compare ways to one judge: items with options, and a judgment as text without its times.

import type { JudgeInput, JudgeOptions, Judgment } from '../../src/reward-model/judgment.js';

/** One worker and one thread: what was computed before does not change the arithmetic of a judgment. */
export const MODEL = {
  model: 'nano',
  generator: 'native',
  gpu: 'off',
  threads: 1,
  contextTokens: 4096,
} as const;

const turn = (content: string) => [{ role: 'user' as const, content }];

/** Short judgments of several kinds. */
export const JUDGED: readonly {
  readonly name: string;
  readonly input: JudgeInput;
  readonly options: Omit<JudgeOptions, 'signal' | 'onEvent'>;
}[] = [
  {
    name: 'two candidates',
    input: { prompt: 'How do I boil an egg?', candidates: ['- Boil water\n- 8 minutes', 'Eggs are lovely!'] },
    options: { individual: 2, seed: 1, maxTokens: 400 },
  },
  {
    name: 'three candidates for a user with a history',
    input: {
      id: 'row-7',
      user: {
        id: 'ann',
        criteria: 'Likes lists.',
        history: [
          { context: turn('How do I clean a pan?'), chosen: '- Soak\n- Scrub', rejected: 'Just wash it.' },
        ],
      },
      context: turn('How do I water a cactus?'),
      candidates: ['- Rarely\n- A little', 'Pour water over it now and then.', 'Cacti are great 🌵'],
    },
    options: { individual: 2, seed: 4294967295, maxTokens: 300, temperature: 0.7 },
  },
  {
    name: 'chains that are lost',
    input: { prompt: 'Which?', candidates: ['a', 'b'] },
    options: { individual: 1, seed: 3, maxTokens: 8 },
  },
  {
    name: 'a guided chain',
    input: { prompt: 'Which?', candidates: ['a long reply of many words', 'b'] },
    options: { individual: 1, seed: 5, decoding: 'guided' },
  },
];

/** A judgment as JSON without what a clock says. */
export function plainly({ times: _, chains, ...rest }: Judgment): string {
  return JSON.stringify({ ...rest, chains: chains.map(({ elapsedMs: _ms, ...chain }) => chain) });
}
