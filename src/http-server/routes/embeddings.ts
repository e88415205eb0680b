// `/v1/embeddings` in the shape of OpenAI's.
// Knows the shape; the vectors come from the embedder.

import { PgenrmError } from '../../errors.js';
import { admitted, type Call, type Route, route } from '../route.js';
import {
  EMBEDDINGS_ANSWER,
  EMBEDDINGS_REQUEST,
  type EmbeddingsAnswer,
  type EmbeddingsRequest,
} from '../shapes/others.js';

async function embeddings(call: Call<EmbeddingsRequest>): Promise<EmbeddingsAnswer> {
  const { input, encoding_format: format, dimensions } = call.body;
  const { embed, modelName } = call.server.judging();
  if (embed === null) {
    throw new PgenrmError(
      'GENERATOR_UNAVAILABLE',
      'this server has no embedder; start it with --embedder MODEL',
    );
  }
  const texts = typeof input === 'string' ? [input] : input;
  const rows = texts.map(() => ({ candidates: 1 }));
  const { vectors, dimension } = await admitted(call.server, rows, () => embed(texts, call.signal));
  if (dimensions != null && dimensions !== dimension) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `dimensions must be ${dimension}, which the embedder's vectors have; got ${dimensions}`,
    );
  }
  return {
    object: 'list',
    model: modelName,
    data: texts.map((_, index) => {
      const vector = vectors.slice(index * dimension, (index + 1) * dimension);
      return {
        object: 'embedding' as const,
        index,
        embedding: format === 'base64' ? Buffer.from(vector.buffer).toString('base64') : [...vector],
      };
    }),
  };
}

export const EMBEDDING_ROUTES: readonly Route[] = [
  route({
    method: 'post',
    path: '/v1/embeddings',
    summary: 'Unit vectors of texts.',
    body: EMBEDDINGS_REQUEST,
    answer: EMBEDDINGS_ANSWER,
    run: embeddings,
  }),
];
