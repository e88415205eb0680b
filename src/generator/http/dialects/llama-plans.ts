// Plans on a llama-server: tokens drawn with /completion, and choices weighed by the probabilities that it tells.
// Written from the sources of release v0.5.0.

import { PgenrmError } from '../../../errors.js';
import type { NodeReading } from '../../plan-run/choice-trie.js';
import { countOr, fieldsOf, wrongAnswer } from './dialect.js';
import type { DrawAsk, Drawn, PlanDialect, Post, WeighAsk, WrittenToken } from './plan-dialect.js';

/** Raises tokens above all others; all of them alike, so that what is between them stays. */
const RAISED = 100;
/** More than the tokens that were raised, where one that was not comes among them. */
const SPARE = 8;
/** Tokens that are looked at before one is raised. */
const FIRST_LOOK = 40;
/** So warm that no token's probability becomes 0 beside another one's. */
const WARM = 10;

/** Draws without raised tokens. */
const DRAWS = Array.from({ length: 12 }, () => 0);
/** How far a letter is raised above the raised tokens, in temperatures, from draw to draw. */
const LETTERS = [0, 0, 4, 10, 25, 50];

interface Candidate extends WrittenToken {
  readonly probability: number;
}

/** `base`: the fields of every request, which fix all that a server could have its own default for. */
export function llamaPlans(base: Readonly<Record<string, unknown>>): PlanDialect {
  let letter: Promise<number> | undefined;
  /** A token that writes whole characters. */
  const letterToken = (post: Post): Promise<number> => {
    letter ??= tokenize(post, 'a').then((tokens) => tokens.at(-1)!.id);
    letter.catch(() => {
      letter = undefined;
    });
    return letter;
  };

  /**
   * The likeliest tokens behind `ids` at a temperature, with the probabilities by which one would be drawn. The server tells
   * none where the one that it draws is half a character: then another one is drawn, a letter in the end where tokens are raised.
   */
  const candidates = async (
    post: Post,
    ids: readonly number[],
    count: number,
    temperature: number,
    raised: readonly number[] = [],
  ): Promise<readonly Candidate[]> => {
    for (const [seed, above] of raised.length === 0 ? DRAWS.entries() : LETTERS.entries()) {
      const bias = raised.map((token) => [token, RAISED]);
      if (above > 0) {
        const token = await letterToken(post);
        if (!raised.includes(token)) bias.push([token, RAISED + above * temperature]);
      }
      const body = {
        ...base,
        prompt: ids,
        n_predict: 1,
        seed,
        samplers: ['temperature'],
        temperature,
        logit_bias: bias,
        n_probs: count,
        post_sampling_probs: true,
        response_fields: ['completion_probabilities', 'tokens_evaluated'],
      };
      const told = await post('/completion', body, (answer) => candidatesIn(answer, ids.length));
      if (told !== null) return told;
    }
    throw new PgenrmError(
      'DECODE_FAILED',
      'llama-server tells no probabilities of tokens behind a text, for the token that it draws there is half a character',
    );
  };

  const weigh = async (post: Post, { ids, children, temperature, whole }: WeighAsk): Promise<NodeReading> => {
    const at = temperature > 0 ? temperature : 1;
    const first = whole ? await candidates(post, ids, FIRST_LOOK, at) : [];
    const best = first[0];
    const all = whole && children.every((child) => first.some(({ id }) => id === child));
    const wanted = best === undefined ? children : [...new Set([...children, best.id])];
    const seen = all ? first : await candidates(post, ids, wanted.length + SPARE, at, wanted);
    const logits = new Map(
      seen
        .filter(({ id }) => wanted.includes(id))
        .map(({ id, probability }) => [id, Math.log(probability)] as const),
    );
    if (best === undefined) return { logits, logSum: 0 };
    const raisedBest = logits.get(best.id) ?? Number.NaN;
    const top = Math.log(best.probability);
    // By the token that both answers have.
    for (const [id, logit] of logits) logits.set(id, logit - raisedBest + top);
    return { logits, logSum: temperature > 0 ? 0 : top };
  };

  return {
    tokenize,
    pieces: async (post, tokens, ids) => {
      const told = new Map<number, WrittenToken>();
      for (const one of await candidates(post, ids, tokens.length + SPARE, WARM, tokens))
        told.set(one.id, one);
      return tokens.map((token) => {
        const one = told.get(token);
        if (one === undefined) throw wrongAnswer(`what token ${token} writes`, [...told.keys()]).toError();
        return one;
      });
    },
    draw: (post, ask) => post('/completion', drawBody(base, ask), (answer) => drawn(answer, ask)),
    weigh,
  };
}

/** Null where the server tells none. */
function candidatesIn(answer: unknown, before: number): readonly Candidate[] | null {
  const { completion_probabilities: told, tokens_evaluated: read } = fieldsOf(answer);
  if (read !== before) throw wrongAnswer(`${before} tokens before the one asked for`, read);
  if (told === undefined) return null;
  const { top_probs: top } = fieldsOf(Array.isArray(told) ? told[0] : undefined);
  if (!Array.isArray(top) || top.length === 0) throw wrongAnswer('probabilities of tokens', answer);
  return top.map(candidateOf);
}

function tokenize(post: Post, text: string): Promise<readonly WrittenToken[]> {
  const body = { content: text, add_special: false, parse_special: false, with_pieces: true };
  return post('/tokenize', body, (answer) => {
    const { tokens } = fieldsOf(answer);
    if (!Array.isArray(tokens)) throw wrongAnswer('tokens', answer);
    return tokens.map((token: unknown): WrittenToken => {
      const { id, piece } = fieldsOf(token);
      if (countOr(id) === null) throw wrongAnswer('token ids', token);
      return { id: id as number, bytes: bytesOf(piece) };
    });
  });
}

function candidateOf(value: unknown): Candidate {
  const { id, bytes, prob } = fieldsOf(value);
  if (countOr(id) === null || typeof prob !== 'number' || !(prob >= 0 && prob <= 1.001))
    throw wrongAnswer('a token with its probability', value);
  return { id: id as number, bytes: bytesOf(bytes), probability: prob };
}

/** Bytes as the server tells them: as a text, or as numbers where they are none. */
function bytesOf(value: unknown): Uint8Array {
  if (typeof value === 'string') return new TextEncoder().encode(value);
  if (!Array.isArray(value) || !value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte < 256))
    throw wrongAnswer('bytes of a token', value);
  return Uint8Array.from(value as number[]);
}

/** The largest seed asks for a random one: another one stands for it. */
export function seedOf(seed: number): number {
  return seed === 2 ** 32 - 1 ? seed - 1 : seed;
}

function drawBody(base: Readonly<Record<string, unknown>>, ask: DrawAsk): object {
  const { ids, sampling, grammar } = ask;
  return {
    ...base,
    prompt: ids,
    n_predict: ask.maxTokens,
    seed: seedOf(ask.seed),
    temperature: sampling.temperature,
    min_p: sampling.minP,
    top_p: sampling.topP,
    stop: ask.stop,
    ignore_eos: !ask.mayEnd,
    logit_bias: ask.never.map((token) => [token, false]),
    return_tokens: true,
    response_fields: ['tokens', 'stop_type', 'tokens_evaluated', 'timings'],
    ...(grammar === undefined ? {} : { grammar }),
  };
}

function drawn(answer: unknown, ask: DrawAsk): Drawn {
  const { tokens, stop_type: type, tokens_evaluated: read, timings } = fieldsOf(answer);
  if (read !== ask.ids.length) throw wrongAnswer(`${ask.ids.length} tokens before those asked for`, read);
  if (!Array.isArray(tokens) || !tokens.every((token) => countOr(token) !== null))
    throw wrongAnswer('token ids', tokens);
  if (tokens.length < 1 || tokens.length > ask.maxTokens)
    throw wrongAnswer(`1 to ${ask.maxTokens} new tokens`, tokens.length);
  const ends = { word: 'stop', eos: 'end', limit: 'length' } as const;
  const finish = ends[type as keyof typeof ends];
  if (finish === undefined) throw wrongAnswer('a stop_type of word, eos or limit', type);
  return {
    tokens: finish === 'end' ? tokens.slice(0, -1) : tokens,
    finish,
    cachedTokens: countOr(fieldsOf(timings).cache_n),
  };
}
