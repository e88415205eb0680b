// Conformance: generators that follow plans write every part within its bounds and say what they read.

import type { Generator } from '../generator/generator.js';
import type { Plan, PlannedGeneration, PlannedRequest, PlannedSample, PlanPart } from '../generator/plan.js';
import { type Case, expectCode, expectThat, failureOf, promptOf, SHARP, same } from './conformance-tools.js';

const SCORES = Array.from({ length: 10 }, (_, index) => String(index + 1));

/** A persona, two to four criteria with weights, and for two responses a reason and a score by each criterion. */
export function judgmentPlan(): Plan {
  const response = (number: number): PlanPart[] => [
    { kind: 'given', text: `Response ${number}:\n` },
    {
      kind: 'forEach',
      over: 'criteria',
      between: '|',
      numbered: ')',
      body: [
        { kind: 'copy', of: 'criterion' },
        { kind: 'given', text: ': ' },
        { kind: 'free', name: `reason ${number}`, maxTokens: 4, stop: ['\n'], bars: ['/10'] },
        { kind: 'given', text: '\nScore:' },
        { kind: 'choice', name: `score ${number}`, texts: SCORES, terminator: '\n', mode: 'read' },
      ],
    },
  ];
  return {
    parts: [
      { kind: 'given', text: 'Persona: ' },
      { kind: 'free', name: 'persona', minTokens: 2, maxTokens: 8, stop: ['\n'] },
      { kind: 'given', text: '\nCriteria:\n' },
      {
        kind: 'repeat',
        name: 'criteria',
        least: 2,
        most: 4,
        another: '- ',
        numbered: '. ',
        end: 'Scores\n',
        body: [
          {
            kind: 'free',
            name: 'criterion',
            minTokens: 1,
            maxTokens: 3,
            stop: ['\n', '('],
            bars: [':', '<'],
          },
          { kind: 'given', text: ' (' },
          { kind: 'choice', name: 'weight', texts: ['low', 'high', 'highest'], terminator: ')\n' },
        ],
      },
      ...response(1),
      ...response(2),
    ],
  };
}

const TERMINATORS: Readonly<Record<string, string>> = { weight: ')\n', 'score 1': '\n', 'score 2': '\n' };

function follow(
  generator: Generator,
  plan: Plan,
  seeds: readonly number[],
  more: Partial<PlannedRequest> = {},
): Promise<PlannedGeneration> {
  const prompt = promptOf('A judge of texts.\n');
  return generator.generatePlanned!({
    prompt,
    seeds,
    sampling: { temperature: 1, topP: 1, minP: 0 },
    plan,
    ...more,
  });
}

const written = ({ parts }: PlannedSample, name: string) =>
  parts.filter((part) => part.name === name && part.kind !== 'copy');

/** Whether a sample holds to the bounds of {@link judgmentPlan}. */
function expectJudgment(sample: PlannedSample): void {
  expectThat(sample.finish === 'complete', 'a sample that is complete', sample);
  const names = written(sample, 'criterion').map(({ text }) => text);
  expectThat(names.length >= 2 && names.length <= 4, 'two to four criteria', names);
  for (const number of [1, 2]) {
    const scores = written(sample, `score ${number}`);
    expectThat(scores.length === names.length, `a score of response ${number} by each criterion`, scores);
    for (const { text, chosen = -1, probabilities = [] } of scores) {
      expectThat(SCORES[chosen] === text, 'a score that is one of the texts', { text, chosen });
      const sum = probabilities.reduce((total, p) => total + p, 0);
      expectThat(Math.abs(sum - 1) < 1e-6, 'probabilities that sum to 1', probabilities);
    }
    const barred = written(sample, `reason ${number}`).filter(({ text }) => /\n|\/10/.test(text));
    expectThat(barred.length === 0, 'reasons without stop texts and barred texts', barred);
  }
  const copies = sample.parts.filter(({ kind }) => kind === 'copy').map(({ text }) => text);
  expectThat(same(copies, [...names, ...names]), 'copies of the criteria, of each round its own', copies);
  const rounds = sample.parts.filter(({ kind }) => kind === 'repeat').map(({ text }) => text);
  const opened = [...names.map((_, index) => `- ${index + 1}. `), 'Scores\n'];
  expectThat(same(rounds, opened), 'rounds that are numbered, and an end', rounds);
  const drawn = sample.parts.reduce((sum, part) => sum + (part.drawn ?? 0), 0);
  expectThat(sample.tokens.free === drawn, 'counts of free tokens that agree', sample.tokens);
  const joined = sample.parts.map(({ text, name, kind }) =>
    kind === 'choice' ? text + TERMINATORS[name]! : text,
  );
  expectThat(sample.text === joined.join(''), 'a text that is that of its parts', sample);
}

const SCORE_AFTER = (mode: 'sample' | 'greedy' | 'read'): Plan => ({
  parts: [
    { kind: 'given', text: 'Score:' },
    { kind: 'choice', name: 'score', texts: SCORES, terminator: '\n', mode },
  ],
});

const INVALID: readonly (readonly [string, readonly PlanPart[]])[] = [
  ['a plan without parts', []],
  ['free text of no tokens', [{ kind: 'free', name: 'a', maxTokens: 0 }]],
  ['a choice of one text twice', [{ kind: 'choice', name: 'a', texts: ['1', '1'] }]],
  ['a choice of which one begins another', [{ kind: 'choice', name: 'a', texts: ['1', '10'] }]],
  ['a copy of what was never written', [{ kind: 'copy', of: 'nothing' }]],
];

const CASES: Case[] = [
  {
    name: 'follows a plan to its end, every part within its bounds',
    async run(generator) {
      const seeds = [4, 5, 6, 7];
      const announced: number[] = [];
      const { samples, usage } = await follow(generator, judgmentPlan(), seeds, {
        onSample: ({ index }) => announced.push(index),
      });
      expectThat(
        same(
          samples.map(({ index, seed }) => [index, seed]),
          seeds.map((seed, index) => [index, seed]),
        ),
        'samples in the order of their seeds',
        samples,
      );
      for (const sample of samples) expectJudgment(sample);
      expectThat(same([...announced].sort(), [0, 1, 2, 3]), 'each sample announced once', announced);
      expectThat(usage.promptTokens > 0, 'the tokens of the prompt', usage);
      return undefined;
    },
  },
  {
    name: 'repeats the sample of a plan for its seed',
    async run(generator) {
      if (!generator.info.capabilities.seeds) return 'its seeds do not repeat';
      const texts = async (seeds: readonly number[]): Promise<string[]> =>
        (await follow(generator, judgmentPlan(), seeds, { sampling: SHARP })).samples.map(({ text }) => text);
      const [once, again] = [await texts([11]), await texts([11])];
      expectThat(same(once, again), 'the same sample for the same seed', [once, again]);
      return undefined;
    },
  },
  {
    name: 'takes the most probable text where a choice is greedy, and reads the same distribution otherwise',
    async run(generator) {
      const read = await follow(generator, SCORE_AFTER('read'), [3]);
      const greedy = await follow(generator, SCORE_AFTER('greedy'), [3]);
      const [, seen] = read.samples[0]!.parts;
      const [, taken] = greedy.samples[0]!.parts;
      const { probabilities = [] } = taken!;
      expectThat(taken!.chosen === probabilities.indexOf(Math.max(...probabilities)), 'the greatest', taken);
      const apart = probabilities.map((p, index) => Math.abs(p - seen!.probabilities![index]!));
      expectThat(Math.max(...apart) < 0.01, 'one distribution', { seen, taken });
      return undefined;
    },
  },
  {
    name: 'streams the parts of a plan in order, and all of their text',
    async run(generator) {
      if (!generator.info.capabilities.streaming) return 'it does not stream';
      const texts = ['', ''];
      const newest = [-1, -1];
      const { samples } = await follow(generator, judgmentPlan(), [8, 9], {
        onText({ index, part, text }) {
          expectThat(part >= newest[index]!, 'parts in their order', { index, part, newest });
          newest[index] = part;
          texts[index] += text;
        },
      });
      const whole = samples.map(({ text }) => text);
      expectThat(same(texts, whole), 'the text of the samples', { texts, whole });
      return undefined;
    },
  },
  {
    name: 'ends the sample of a plan whose own signal has aborted, and writes the others',
    async run(generator) {
      const { samples } = await follow(generator, judgmentPlan(), [1, 2], {
        sampleSignals: [AbortSignal.abort(), undefined],
      });
      const finishes = samples.map(({ finish }) => finish);
      expectThat(same(finishes, ['cancelled', 'complete']), 'the first cancelled, the second whole', samples);
      return undefined;
    },
  },
  {
    name: 'rejects a plan whose signal aborts with its reason',
    async run(generator) {
      const reason = new RangeError('a reason of the conformance suite');
      const error = await failureOf(
        follow(generator, judgmentPlan(), [1], { signal: AbortSignal.abort(reason) }),
        'the reason',
      );
      expectThat(error === reason, 'the reason of the signal', error);
      return undefined;
    },
  },
  {
    name: 'refuses a plan that the context cannot hold, naming the part',
    async run(generator) {
      const plan: Plan = {
        parts: [
          { kind: 'given', text: 'a' },
          { kind: 'free', name: 'a long one', maxTokens: generator.info.contextTokens },
        ],
      };
      const error = (await failureOf(follow(generator, plan, [1]), 'CONTEXT_OVERFLOW')) as Error;
      expectThat('code' in error && error.code === 'CONTEXT_OVERFLOW', 'CONTEXT_OVERFLOW', error);
      expectThat(error.message.includes('a long one'), 'the name of the part', error);
      return undefined;
    },
  },
  ...INVALID.map(
    ([what, parts]): Case => ({
      name: `refuses ${what}`,
      run: (generator) => expectCode(follow(generator, { parts }, [1]), 'INVALID_OPTION', what),
    }),
  ),
];

/** Cases that skip themselves where a generator follows no plans. */
export const planCases: Case[] = CASES.map(({ name, run }) => ({
  name,
  run: async (generator) => (generator.info.capabilities.plans ? run(generator) : 'it follows no plans'),
}));
