// Plans on servers that tell the log-probabilities of given tokens (vLLM, SGLang): what both have in common.
// Knows their routes for tokens; what a request for a sample looks like is the dialect's.

import { PgenrmError } from '../../../errors.js';
import { fieldsOf, wrongAnswer } from './dialect.js';
import type { DrawAsk, Drawn, PlanDialect, Post, WeighAsk, WrittenToken } from './plan-dialect.js';

/** How a dialect is asked for tokens and for log-probabilities. */
export interface TokenRequests {
  /** As errors call it. */
  readonly engine: string;
  readonly model: string;
  /** Fields of `/detokenize` beside model and tokens, and the name of its text. */
  readonly decoding: { readonly fields: object; readonly text: string };
  readonly drawing: { readonly path: string; readonly body: (ask: DrawAsk) => object };
  readonly drawn: (answer: unknown, ask: DrawAsk) => Drawn;
  /** A request for one token at a temperature that tells the log-probabilities of `tokens`: at 1, or where it `scales` at it. */
  readonly weighing: {
    readonly path: string;
    readonly scales: boolean;
    readonly body: (ids: readonly number[], tokens: readonly number[], temperature: number) => object;
    /** By token, as far as they are told, and that of the token that was drawn. */
    readonly read: (answer: unknown, before: number) => { logits: Map<number, number>; drawn: number };
  };
}

/** Text in front of tokens that are decoded: many tokenizers drop a blank at the beginning. */
const ANCHOR = 'a';
/** Least log-probability that is one: less stands for none. */
const LEAST = -9_000;
const CONTROL = /^(?:<[|｜/]?[^<>\s]{1,60}>|\[\/?[A-Z][A-Z_]{1,30}\]|◁[^◁▷]{1,40}▷)$/;

export function tokenPlans(requests: TokenRequests): PlanDialect {
  const { engine, model, decoding, drawing, drawn, weighing } = requests;

  const idsOf = (post: Post, prompt: string): Promise<readonly number[]> =>
    post('/tokenize', { model, prompt, add_special_tokens: false }, (answer) => {
      const { tokens } = fieldsOf(answer);
      if (!isTokens(tokens)) throw wrongAnswer('token ids', answer);
      return tokens;
    });
  const textOf = (post: Post, tokens: readonly number[]): Promise<string> =>
    post('/detokenize', { model, tokens, ...decoding.fields }, (answer) => {
      const text = fieldsOf(answer)[decoding.text];
      if (typeof text !== 'string') throw wrongAnswer('the text of tokens', answer);
      return text;
    });

  const known = new Map<number, WrittenToken>();
  let anchor: Promise<readonly [readonly number[], string]> | undefined;
  const anchored = async (post: Post): Promise<readonly [readonly number[], string]> => {
    anchor ??= idsOf(post, ANCHOR).then(async (ids) => [ids, await textOf(post, ids)] as const);
    anchor.catch(() => {
      anchor = undefined;
    });
    return anchor;
  };
  /** What a token writes in the middle of a text; nothing where it is control, or a part of a character. */
  const piece = async (post: Post, token: number): Promise<WrittenToken> => {
    const before = known.get(token);
    if (before !== undefined) return before;
    const [ids, text] = await anchored(post);
    const whole = await textOf(post, [...ids, token]);
    if (!whole.startsWith(text)) throw wrongAnswer('a text that goes on', whole).toError();
    const own = whole.slice(text.length);
    const silent = own.includes('\ufffd') || CONTROL.test(own);
    const one = { id: token, bytes: new TextEncoder().encode(silent ? '' : own) };
    known.set(token, one);
    return one;
  };

  return {
    async tokenize(post, text) {
      const ids = await idsOf(post, text);
      return Promise.all(ids.map((token) => piece(post, token)));
    },
    pieces: (post, tokens) => Promise.all(tokens.map((token) => piece(post, token))),
    draw: (post, ask) => post(drawing.path, drawing.body(ask), (answer) => drawn(answer, ask)),
    async weigh(post, { ids, children, temperature, whole }: WeighAsk) {
      const told = (at: number): Promise<Reading> =>
        post(weighing.path, weighing.body(ids, children, at), (answer) => {
          const { logits, drawn: likeliest } = weighing.read(answer, ids.length);
          return { logits: logitsOf(children, logits), logSum: at === 0 ? likeliest : 0 };
        });
      if (temperature === 0) return told(0);
      const plain = await told(1);
      if (temperature === 1) return plain;
      const divided = new Map([...plain.logits].map(([token, logit]) => [token, logit / temperature]));
      // Beside each other tokens weigh what their logits say; beside all others only the server knows the sum.
      if (!whole) return { logits: divided, logSum: 0 };
      const warm = weighing.scales ? await told(temperature) : plain;
      if ([...warm.logits].every(([token, logit]) => logit === plain.logits.get(token)))
        throw new PgenrmError(
          'INVALID_OPTION',
          `a choice that is weighed whole needs a temperature of 0 or 1, for this server (${engine}) tells probabilities at 1 alone, got ${temperature}; weigh it by branches`,
        );
      return warm;
    },
  };
}

interface Reading {
  readonly logits: ReadonlyMap<number, number>;
  readonly logSum: number;
}

/** The log-probabilities of tokens, without those that are ruled out. Throws a failure `answer` where one is not told. */
function logitsOf(tokens: readonly number[], told: ReadonlyMap<number, number>): Map<number, number> {
  const logits = new Map<number, number>();
  for (const token of tokens) {
    const logit = told.get(token);
    if (typeof logit !== 'number' || !(logit <= 0.001))
      throw wrongAnswer(`the log-probability of token ${token}`, logit ?? null);
    if (logit > LEAST) logits.set(token, logit);
  }
  return logits;
}

/** What was drawn, without a token that ended it. Throws a failure `answer`. */
export function checkDrawn(
  tokens: unknown,
  finish: Drawn['finish'],
  endsWithOne: boolean,
  { maxTokens }: DrawAsk,
  cachedTokens: number | null,
): Drawn {
  if (!isTokens(tokens)) throw wrongAnswer('the tokens that it drew', tokens);
  if (tokens.length < 1 || tokens.length > maxTokens)
    throw wrongAnswer(`1 to ${maxTokens} new tokens`, tokens.length);
  return { tokens: endsWithOne ? tokens.slice(0, -1) : tokens, finish, cachedTokens };
}

function isTokens(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((token) => Number.isSafeInteger(token) && token >= 0);
}
