// `/rerank`, `/v1/rerank` and `/v2/rerank`: documents in the order that a user would like them, in the shapes of vLLM, Jina and Cohere.
// Knows those shapes; documents are judged as replies to the query.

import { randomUUID } from 'node:crypto';
import type { Turn } from '../../preference/preference.js';
import { costOf, rewardOf } from '../judging/verdict.js';
import { admitted, type Call, type Route, route } from '../route.js';
import { RERANK_ANSWER, RERANK_REQUEST, type RerankAnswer, type RerankRequest } from '../shapes/rerank.js';
import { userOf } from './user-header.js';

async function rerank(call: Call<RerankRequest>): Promise<RerankAnswer> {
  const { body, server } = call;
  const { query, instruction, top_n: most, return_documents: wanted } = body;
  const model = server.judging().modelName;
  const candidates = body.documents.map((one) => (typeof one === 'string' ? one : one.text));
  const context: Turn[] = [
    ...(instruction ? [{ role: 'system' as const, content: instruction }] : []),
    { role: 'user', content: query },
  ];
  return admitted(server, [{ candidates: candidates.length }], () =>
    server.withUser(call, userOf(call), async (user, scope) => {
      const verdict = await server.compare({ user, context, candidates }, scope, body.options);
      const { scores, comparison, judgments } = verdict;
      const cost = costOf(judgments);
      const results = scores
        .map((raw_score, index) => ({
          index,
          ...(wanted === false ? {} : { document: { text: candidates[index]! } }),
          relevance_score: rewardOf(raw_score),
          raw_score,
        }))
        .sort((a, b) => b.raw_score - a.raw_score || a.index - b.index);
      const warnings =
        body.max_tokens_per_doc == null
          ? []
          : ['max_tokens_per_doc is not applied: documents are judged whole'];
      return {
        id: `rerank-${randomUUID()}`,
        model,
        usage: { prompt_tokens: cost.promptTokens, total_tokens: cost.promptTokens + cost.generatedTokens },
        results: most ? results.slice(0, most) : results,
        meta: {
          api_version: { version: '2' },
          billed_units: { search_units: 1 },
          ...(warnings.length === 0 ? {} : { warnings }),
        },
        comparison,
        cost,
      };
    }),
  );
}

export const RERANK_ROUTES: readonly Route[] = ['/rerank', '/v1/rerank', '/v2/rerank'].map((path) =>
  route({
    method: 'post',
    path,
    summary:
      'Reranks documents for a query and a user (the extra field user, or the header x-pgenrm-user); shapes of vLLM, Jina and Cohere.',
    body: RERANK_REQUEST,
    answer: RERANK_ANSWER,
    run: rerank,
  }),
);
