// `/v1/judge` and `/v1/rank`: one item or many, at once or as a stream of chains; n candidates in their order.
// Knows our own shapes.

import { type Send, streamOf } from '../event-stream.js';
import { failureBody, failureOf } from '../failures.js';
import { turnsOf } from '../judging/known-users.js';
import { costOf, lostOf, rewardOf, type Verdict, winnerOf } from '../judging/verdict.js';
import { admitted, type Call, type Route, route } from '../route.js';
import {
  JUDGE_ANSWER,
  JUDGE_REQUEST,
  type Judged,
  type JudgeRequest,
  RANK_ANSWER,
  RANK_REQUEST,
  type RankAnswer,
  type RankRequest,
} from '../shapes/judge.js';

type Item = Pick<JudgeRequest, 'id' | 'user' | 'prompt' | 'context' | 'groupSize'> & {
  readonly candidates: readonly string[];
};
type EventListener = Parameters<Call['server']['compare']>[3];
type JudgeCall = Call<JudgeRequest>;

async function judgeItem(call: JudgeCall, item: Item, onEvent?: EventListener): Promise<Judged> {
  const { server, body } = call;
  const { id, candidates, groupSize } = item;
  const context = turnsOf(item);
  return server.withUser(call, item.user, async (user, scope) => {
    const task = { id, user, context, candidates, groupSize };
    const verdict = await server.compare(task, scope, body.options, onEvent);
    return judged(verdict, id, server.judging().modelName, body.chains === true);
  });
}

function judged(verdict: Verdict, id: string | undefined, model: string, withChains: boolean): Judged {
  const { scores, comparison, judgments } = verdict;
  const [first] = judgments;
  return {
    ...(id === undefined ? {} : { id }),
    model,
    scores: [...scores],
    rewards: scores.map(rewardOf),
    ...winnerOf(scores),
    uncertainty: judgments.length === 1 && comparison.kind === 'whole' ? first!.uncertainty : null,
    usable: judgments.reduce((sum, { usable }) => sum + usable, 0),
    lost: lostOf(judgments),
    usedEvents: Math.min(...judgments.map(({ usedEvents }) => usedEvents)),
    droppedEvents: Math.max(...judgments.map(({ droppedEvents }) => droppedEvents)),
    comparison,
    cost: costOf(judgments),
    ...(withChains
      ? {
          chains: judgments.flatMap(({ chains }, number) => chains.map((chain) => chainOf(chain, number))),
        }
      : {}),
  };
}

function chainOf(chain: Verdict['judgments'][number]['chains'][number], comparison: number) {
  const { level, index, seed, order, text, scores, lost, tokens } = chain;
  return {
    ...{ comparison, level, index, seed, order: [...order], text },
    ...{ scores: scores === null ? null : [...scores], lost, tokens },
  };
}

async function judge(call: JudgeCall): Promise<object | Response> {
  const { body, server } = call;
  const items: readonly Item[] = body.inputs ?? [{ ...body, candidates: body.candidates! }];
  const rows = items.map(({ candidates }) => ({ candidates: candidates.length }));
  server.judging();
  call.note({ rows: rows.length });
  if (body.stream === true) return streamed(call, items, rows);
  return admitted(server, rows, async () => {
    if (body.inputs === undefined) return judgeItem(call, items[0]!);
    return { results: await Promise.all(items.map((item, index) => outcomeOf(call, item, index))) };
  });
}

/** One row of many: what failed is its own, unless all of the request ends. */
async function outcomeOf(call: JudgeCall, item: Item, index: number, onEvent?: EventListener) {
  try {
    return { index, ...(await judgeItem(call, item, onEvent)) };
  } catch (error) {
    if (call.signal.aborted) throw error;
    return { index, error: (failureBody(failureOf(error)) as { error: object }).error };
  }
}

/** Server-sent events: `started` and `chain` as they come, `judged` or `error` a row, `done` at the end. */
async function streamed(
  call: JudgeCall,
  items: readonly Item[],
  rows: readonly { readonly candidates: number }[],
): Promise<Response> {
  const leave = call.server.enter(rows);
  const one = async (item: Item, index: number, send: Send): Promise<void> => {
    const outcome = await outcomeOf(call, item, index, (event, comparison) => {
      if (event.type === 'started') {
        const { chains, promptTokens, usedEvents, droppedEvents } = event;
        send('started', { item: index, comparison, chains, promptTokens, usedEvents, droppedEvents });
      }
      if (event.type === 'chain') {
        const { chain, done, chains } = event;
        send('chain', { item: index, ...chainOf(chain, comparison), done, chains });
      }
    });
    send('error' in outcome ? 'error' : 'judged', outcome);
  };
  return streamOf(call, async (send) => {
    try {
      await Promise.all(items.map((item, index) => one(item, index, send)));
      send('done', {});
    } finally {
      leave();
    }
  });
}

async function rank(call: Call<RankRequest>): Promise<RankAnswer> {
  const { body, server } = call;
  const { id, candidates, groupSize, topN } = body;
  const context = turnsOf(body);
  const model = server.judging().modelName;
  return admitted(server, [{ candidates: candidates.length }], () =>
    server.withUser(call, body.user, async (user, scope) => {
      const verdict = await server.compare({ id, user, context, candidates, groupSize }, scope, body.options);
      const { scores, comparison, judgments } = verdict;
      const ranked = scores
        .map((score, index) => ({ index, candidate: candidates[index]!, score, reward: rewardOf(score) }))
        .sort((a, b) => b.score - a.score || a.index - b.index)
        .map((one) => ({ ...one, rank: 1 + scores.filter((score) => score > one.score).length }));
      return {
        ...(id === undefined ? {} : { id }),
        model,
        best: ranked[0]!,
        tie: ranked[1]?.rank === 1,
        ranked: ranked.slice(0, topN),
        comparison,
        cost: costOf(judgments),
      };
    }),
  );
}

export const JUDGE_ROUTES: readonly Route[] = [
  route({
    method: 'post',
    path: '/v1/judge',
    summary:
      'Judges candidates for a user: one item, or several under inputs; server-sent events with stream.',
    body: JUDGE_REQUEST,
    answer: JUDGE_ANSWER,
    run: judge,
  }),
  route({
    method: 'post',
    path: '/v1/rank',
    summary: 'Ranks n candidates for a user and gives the best of them.',
    body: RANK_REQUEST,
    answer: RANK_ANSWER,
    run: rank,
  }),
];
