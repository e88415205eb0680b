// `/get_reward` as OpenRLHF calls it and `/classify` as verl's built-in client reads it: one reward a sample.
// Knows those shapes; samples of one prompt are brought together by `judging/`.

import { randomUUID } from 'node:crypto';
import { PgenrmError } from '../../errors.js';
import type { Turn } from '../../preference/preference.js';
import { misfit } from '../failures.js';
import { turnsOf } from '../judging/known-users.js';
import { costOf, lostOf, rewardOf, type Verdict } from '../judging/verdict.js';
import { admitted, type Call, type Route, route } from '../route.js';
import type { Comparison, GivenUser } from '../shapes/common.js';
import {
  CLASSIFY_ANSWER,
  CLASSIFY_REQUEST,
  type ClassifyAnswer,
  type ClassifyRequest,
  GET_REWARD_ANSWER,
  GET_REWARD_REQUEST,
  type GetRewardAnswer,
  type GetRewardRequest,
  LABEL,
} from '../shapes/trainers.js';
import { conversationOf, situationOf, withoutEndTokens } from './chat-text.js';
import { userOf } from './user-header.js';

interface Sample {
  readonly user?: GivenUser | undefined;
  readonly context: readonly Turn[];
  readonly candidate: string;
  readonly groupSize?: number | undefined;
}

/** A sample each; those of one request for one user and situation know of each other, so that none waits in vain. */
async function rewardsOf(call: Call<unknown>, samples: readonly Sample[]): Promise<Verdict[]> {
  const { server } = call;
  server.judging();
  call.note({ rows: samples.length });
  return admitted(
    server,
    samples.map(() => ({ candidates: 1 })),
    () =>
      Promise.all(
        samples.map(({ user: given, context, candidate, groupSize }) =>
          server.withUser(call, given, (user, scope) =>
            server.compare({ user, context, candidates: [candidate], groupSize }, scope),
          ),
        ),
      ),
  );
}

function sizeOf(comparison: Comparison): number {
  if (comparison.kind === 'gathered') return comparison.size;
  return comparison.kind === 'anchored' ? 1 + comparison.anchors.length : 1;
}

async function getReward(call: Call<GetRewardRequest>): Promise<GetRewardAnswer> {
  const { query, prompts, labels } = call.body;
  const samples = query.map((text, index) => sampleOf(text, prompts[index]!, labels?.[index], index));
  const verdicts = await rewardsOf(call, samples);
  const raw_score = verdicts.map(({ scores }) => scores[0]!);
  const rewards = raw_score.map(rewardOf);
  return {
    rewards,
    scores: rewards,
    extra_logs: {
      raw_score,
      group_size: verdicts.map(({ comparison }) => sizeOf(comparison)),
      lost_chains: verdicts.map(({ judgments }) =>
        Object.values(lostOf(judgments)).reduce((sum, count) => sum + count, 0),
      ),
    },
  };
}

function sampleOf(query: string, prompt: string, label: string | null | undefined, index: number): Sample {
  if (!query.startsWith(prompt)) {
    throw new PgenrmError('INPUT_MALFORMED', `query[${index}] must begin with prompts[${index}]`);
  }
  const { user, groupSize, ...situation } = readLabel(label);
  const given = situation.prompt !== undefined || situation.context !== undefined;
  return {
    user,
    context: given ? turnsOf(situation) : situationOf(prompt),
    candidate: withoutEndTokens(query.slice(prompt.length)),
    groupSize,
  };
}

/** A label: JSON of an object with `user`, or the id of a stored user; nothing: a user of whom nothing is known. */
function readLabel(label: string | null | undefined) {
  const text = label?.trim() ?? '';
  if (text === '') return {};
  if (!text.startsWith('{')) return { user: text };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new PgenrmError(
      'INPUT_MALFORMED',
      'a label that begins with { must be JSON, such as {"user": "ID"}',
      {
        cause: error,
      },
    );
  }
  const { data, error } = LABEL.safeParse(value);
  if (error !== undefined) throw misfit(error);
  return data;
}

/** A system turn may name the user in its first line, which is taken out: verl's client sends no other field. */
const USER_LINE = /^pgenrm-user: (\S.{0,199})(?:\n+|$)/;

async function classify(call: Call<ClassifyRequest>): Promise<ClassifyAnswer> {
  const { input, groupSize } = call.body;
  const user = userOf(call);
  const samples = (typeof input === 'string' ? [input] : input).map((text): Sample => {
    const { context, candidate } = conversationOf(text);
    const [first, ...rest] = context as [Turn, ...Turn[]];
    const named = first.role === 'system' ? USER_LINE.exec(first.content) : null;
    if (named === null) return { user, context, candidate, groupSize };
    const system = first.content.slice(named[0].length);
    const turns = system === '' && rest.length > 0 ? rest : [{ ...first, content: system }, ...rest];
    return { user: user ?? named[1]!.trim(), context: turns, candidate, groupSize };
  });
  const verdicts = await rewardsOf(call, samples);
  const cost = costOf(verdicts.flatMap(({ judgments }) => judgments));
  return {
    id: `classify-${randomUUID()}`,
    object: 'list',
    created: Math.floor(Date.now() / 1000),
    model: call.server.judging().modelName,
    data: verdicts.map(({ scores, comparison }, index) => ({
      index,
      label: 'reward',
      probs: [rewardOf(scores[0]!)],
      num_classes: 1,
      raw_score: scores[0]!,
      comparison,
    })),
    usage: { prompt_tokens: cost.promptTokens, total_tokens: cost.promptTokens + cost.generatedTokens },
  };
}

export const TRAINER_ROUTES: readonly Route[] = [
  route({
    method: 'post',
    path: '/get_reward',
    summary: 'Rewards of samples, as OpenRLHF asks for them.',
    body: GET_REWARD_REQUEST,
    answer: GET_REWARD_ANSWER,
    run: getReward,
  }),
  route({
    method: 'post',
    path: '/classify',
    summary: "Rewards of conversations, as verl's built-in client reads them.",
    body: CLASSIFY_REQUEST,
    answer: CLASSIFY_ANSWER,
    run: classify,
  }),
];
