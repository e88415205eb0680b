// Users who met the same prompts, in an order that is drawn by a seed.
// Knows names of users and of prompts; nothing of their histories.

import { createHash } from 'node:crypto';
import type { Turn } from '../../preference/preference.js';

/** Who met which prompt. */
export class PromptPeers {
  readonly #promptsOf: ReadonlyMap<string, ReadonlySet<string>>;
  readonly #usersOf = new Map<string, Set<string>>();
  readonly #seed: number;

  /** `promptsOf`: names of prompts by user, as {@link promptName} gives them. */
  constructor(promptsOf: ReadonlyMap<string, ReadonlySet<string>>, seed: number) {
    this.#promptsOf = promptsOf;
    this.#seed = seed;
    for (const [user, prompts] of promptsOf)
      for (const prompt of prompts)
        this.#usersOf.set(prompt, (this.#usersOf.get(prompt) ?? new Set()).add(user));
  }

  /** The other users of the user's prompts who pass the test; their order depends on the seed and the two users alone. */
  of(user: string, test: (peer: string) => boolean = () => true): string[] {
    const peers = new Set<string>();
    for (const prompt of this.#promptsOf.get(user) ?? [])
      for (const peer of this.#usersOf.get(prompt) ?? []) if (peer !== user) peers.add(peer);
    const places = [...peers].filter(test).map((peer) => [this.#place(user, peer), peer] as const);
    return places.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, peer]) => peer);
  }

  #place(user: string, peer: string): string {
    return createHash('sha256')
      .update(JSON.stringify([this.#seed, user, peer]))
      .digest('hex');
  }
}

/** A prompt's name: its id where the data names one, else the text of its last turn. */
export function promptName(context: readonly Turn[], id: string | undefined): string {
  const named = id === undefined ? ['text', context.at(-1)?.content.trim() ?? ''] : ['id', id];
  return createHash('sha256').update(JSON.stringify(named)).digest('base64');
}
