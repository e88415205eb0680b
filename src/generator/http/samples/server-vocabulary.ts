// The tokens of a server's model as plans need them: asked for once, and remembered.
// Knows a dialect's questions; nothing of plans.

import { PgenrmError } from '../../../errors.js';
import type { Vocabulary } from '../../plan-run/token-joins.js';
import type { PlanDialect, Post } from '../dialects/plan-dialect.js';

/** Stands for whichever token ended a text. */
export const END_TOKEN = -1;

export class ServerVocabulary implements Vocabulary {
  readonly #pieces = new Map<number, Uint8Array>([[END_TOKEN, new Uint8Array()]]);

  /** `post` asks any of the servers. */
  constructor(
    private readonly dialect: PlanDialect,
    private readonly post: Post,
  ) {}

  async tokenize(text: string): Promise<readonly number[]> {
    const tokens = await this.dialect.tokenize(this.post, text);
    for (const { id, bytes } of tokens) if (!this.#pieces.has(id)) this.#pieces.set(id, bytes);
    return tokens.map(({ id }) => id);
  }

  /** Finds out what tokens write that a server drew behind `ids`; errors as those of a request. */
  async learn(tokens: readonly number[], ids: readonly number[], post: Post): Promise<void> {
    const unknown = [...new Set(tokens)].filter((token) => !this.#pieces.has(token));
    if (unknown.length === 0) return;
    for (const { id, bytes } of await this.dialect.pieces(post, unknown, ids)) this.#pieces.set(id, bytes);
  }

  piece(token: number): Uint8Array {
    const piece = this.#pieces.get(token);
    if (piece === undefined)
      throw new PgenrmError('INTERNAL', `nobody asked the server what token ${token} writes`);
    return piece;
  }

  ends(token: number): boolean {
    return token === END_TOKEN;
  }
}
