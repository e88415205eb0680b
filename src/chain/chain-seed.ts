// One seed for each chain, fixed by what the chain is and never by when it finishes.
// Knows nothing of generators or prompts.

import { sha256, sha256Hex } from '../hashing/sha256.js';
import type { Item, User } from '../preference/preference.js';

/** The scaling level that a chain belongs to. */
export type ChainLevel = 'individual' | 'prototype';

/** What makes a chain one of its kind. */
export interface ChainIdentity {
  /** Seed of the run, an unsigned 32-bit integer. */
  readonly seed: number;
  /** The row's id, or a SHA-256 of its content where it has none. */
  readonly key: string;
  readonly level: ChainLevel;
  /** Number of the sample within its level, from 0. */
  readonly index: number;
  /** Which try of the row this is, from 1. */
  readonly attempt: number;
}

/** llama.cpp reads this seed as "draw one at random", so it is never given out. */
const RANDOM_SEED = 0xffffffff;

/**
 * The seed of one chain: an unsigned 32-bit integer below 4294967295.
 *
 * It is the first four bytes, little-endian, of SHA-256 over the UTF-8 text
 * `JSON.stringify(['pgenrm-chain', seed, key, level, index, attempt])`, modulo 4294967295.
 */
export function chainSeed(identity: ChainIdentity): number {
  const { seed, key, level, index, attempt } = identity;
  return hashed(['pgenrm-chain', seed, key, level, index, attempt]);
}

/** Chooses which candidate a row shows first; hashed as {@link chainSeed}, over `['pgenrm-order', seed, key]`. */
export function orderSeed(seed: number, key: string): number {
  return hashed(['pgenrm-order', seed, key]);
}

/** A key for an item without an id: SHA-256 of the user's signals, the context and the candidates. */
export function contentKey(user: User, item: Item): string {
  return digestOf([user.id ?? null, ...signalsOf(user), turnsOf(item.context), item.candidates]);
}

/** Equal for the same user of whom the same is known: SHA-256 of the id, if there is one, and the user's signals. */
export function userKey(user: User): string {
  return digestOf([user.id ?? null, ...signalsOf(user)]);
}

function signalsOf({ criteria, history }: User): [string, unknown[]] {
  return [criteria ?? '', history.map((event) => [turnsOf(event.context), event.chosen, event.rejected])];
}

function digestOf(content: readonly unknown[]): string {
  return sha256Hex(JSON.stringify(content));
}

function turnsOf(context: Item['context']): [string, string][] {
  return context.map((turn) => [turn.role, turn.content]);
}

function hashed(parts: readonly (string | number)[]): number {
  const [a, b, c, d] = sha256(JSON.stringify(parts));
  return (a! + b! * 2 ** 8 + c! * 2 ** 16 + d! * 2 ** 24) % RANDOM_SEED;
}
