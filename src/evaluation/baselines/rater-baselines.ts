// What can be told of raters' choices without a language model: length, others' choices, style.
// Knows choices; nothing of files or of how figures are shown.

import { PromptPeers } from '../controls/peers.js';
import { dot, ridgeFit, sigmoid } from './ridge.js';
import { STYLE_FEATURES, styleOf } from './style.js';

/** One choice of one user. */
export interface Choice {
  readonly user: string;
  readonly chosen: string;
  readonly rejected: string;
  /** Names the prompt; users of the same prompts are one another's peers. Absent: all users are. */
  readonly prompt?: string;
  /** Whether it is judged; the others are what is known. */
  readonly test: boolean;
}

/** The baselines, in the order of a table. */
export const RATER_BASELINES = ['longer', 'others', 'ownStyle', 'allStyle', 'bothStyles'] as const;

/** One of {@link RATER_BASELINES}. */
export type RaterBaseline = (typeof RATER_BASELINES)[number];

/** The choices that were judged, and each baseline's values on them: 1 right, 0.5 undecided, 0 wrong. */
export interface RaterBaselines {
  readonly users: Uint32Array;
  readonly values: Readonly<Record<RaterBaseline, Float64Array>>;
  /**
   * `bothStyles` with a peer's weights in place of the user's own: means over up to five peers. NaN of a user
   * without peers.
   */
  readonly swapped: { readonly values: Float64Array; readonly tied: Float64Array };
}

/** Peers whose weights take the place of a user's own. */
export const STYLE_PEERS = 5;

/** Strength that draws weights to zero, of one user alone and of all users together. */
const RIDGE = 3;

/**
 * Judges the test choices. `longer`: more characters. `others`: log-odds of (wins + 1) / (appearances + 2) of each reply
 * among all choices of other users. `ownStyle`: regression on 16 style features of the user's known choices. `allStyle`:
 * of everybody's. `bothStyles`: a user's own weights on top of everybody's, drawn to zero the more the less users differ
 * in a feature. Features are scaled by the root mean square of their differences over all choices. `seed` draws the peers.
 */
export function raterBaselines(choices: readonly Choice[], seed = 0): RaterBaselines {
  const features = scaledStyle(choices);
  const names = [...new Set(choices.map(({ user }) => user))];
  const numberOf = new Map(names.map((name, at) => [name, at]));
  const known = names.map((): number[] => []);
  const asked: number[] = [];
  choices.forEach(({ user, test }, at) => {
    if (test) asked.push(at);
    else known[numberOf.get(user)!]!.push(at);
  });
  const history = known.flat();
  const at = (rows: readonly number[]): Float64Array[] => rows.map((row) => features[row]!);
  const flat = new Float64Array(STYLE_FEATURES.length).fill(RIDGE);
  const all = ridgeFit(at(history), new Array<number>(history.length).fill(0), flat);
  const base = features.map((row) => dot(row, all));
  const drawn = spread(known, features, base).map((variance) => 1 / Math.min(1, Math.max(1e-3, variance)));
  const own = known.map((rows) => ridgeFit(at(rows), new Array<number>(rows.length).fill(0), flat));
  const above = known.map((rows) =>
    ridgeFit(
      at(rows),
      rows.map((row) => base[row]!),
      drawn,
    ),
  );
  const others = othersScores(choices);
  const userOf = (row: number): number => numberOf.get(choices[row]!.user)!;
  const judged = (score: (row: number) => number): Float64Array =>
    Float64Array.from(asked, (row) => rightness(score(row)));
  const peers = peersOf(choices, seed);
  const swapped = asked.map((row) =>
    peers(choices[row]!.user).map((peer) =>
      rightness(base[row]! + dot(features[row]!, above[numberOf.get(peer)!]!)),
    ),
  );
  return {
    users: Uint32Array.from(asked, userOf),
    values: {
      longer: judged((row) => [...choices[row]!.chosen].length - [...choices[row]!.rejected].length),
      others: judged((row) => others[row]!),
      ownStyle: judged((row) => dot(features[row]!, own[userOf(row)]!)),
      allStyle: judged((row) => base[row]!),
      bothStyles: judged((row) => base[row]! + dot(features[row]!, above[userOf(row)]!)),
    },
    swapped: {
      values: Float64Array.from(swapped, meanOf),
      tied: Float64Array.from(swapped, (all) => meanOf(all.map((value) => (value === 0.5 ? 1 : 0)))),
    },
  };
}

/** 1 right, 0.5 undecided, 0 wrong. */
function rightness(score: number): number {
  return score > 1e-12 ? 1 : Math.abs(score) <= 1e-12 ? 0.5 : 0;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The first peers of a user of whom choices are known. */
function peersOf(choices: readonly Choice[], seed: number): (user: string) => readonly string[] {
  const prompts = new Map<string, Set<string>>();
  const known = new Set<string>();
  for (const { user, prompt = '', test } of choices) {
    prompts.set(user, (prompts.get(user) ?? new Set()).add(prompt));
    if (!test) known.add(user);
  }
  const peers = new PromptPeers(prompts, seed);
  const found = new Map<string, readonly string[]>();
  return (user) => {
    const drawn = found.get(user) ?? peers.of(user, (peer) => known.has(peer)).slice(0, STYLE_PEERS);
    found.set(user, drawn);
    return drawn;
  };
}

function scaledStyle(choices: readonly Choice[]): Float64Array[] {
  const styles = new Map<string, Float64Array>();
  const style = (text: string): Float64Array => {
    const seen = styles.get(text) ?? styleOf(text);
    styles.set(text, seen);
    return seen;
  };
  const differences = choices.map(({ chosen, rejected }) => {
    const other = style(rejected);
    return style(chosen).map((value, at) => value - other[at]!);
  });
  const scale = STYLE_FEATURES.map((_, at) =>
    Math.max(1e-9, Math.sqrt(differences.reduce((sum, row) => sum + row[at]! ** 2, 0) / choices.length)),
  );
  return differences.map((row) => row.map((value, at) => value / scale[at]!));
}

/** How much users' weights vary around everybody's, one variance a feature: from E[g^2] = h + variance h^2 of each user. */
function spread(
  known: readonly (readonly number[])[],
  features: readonly Float64Array[],
  base: readonly number[],
): Float64Array {
  return Float64Array.from(STYLE_FEATURES, (_, feature) => {
    let [above, below] = [0, 0];
    for (const rows of known) {
      let [gradient, curvature] = [0, 0];
      for (const row of rows) {
        const p = sigmoid(base[row]!);
        gradient += (1 - p) * features[row]![feature]!;
        curvature += p * (1 - p) * features[row]![feature]! ** 2;
      }
      above += gradient ** 2 - curvature;
      below += curvature ** 2;
    }
    return above / Math.max(1e-9, below);
  });
}

/** Log-odds of the chosen reply less those of the rejected one, from the choices of other users. */
function othersScores(choices: readonly Choice[]): number[] {
  const [wins, seen] = [new Map<string, number>(), new Map<string, number>()];
  const add = (counts: Map<string, number>, key: string): unknown =>
    counts.set(key, (counts.get(key) ?? 0) + 1);
  const own = (user: string, reply: string): string => JSON.stringify([user, reply]);
  for (const { user, chosen, rejected } of choices) {
    for (const key of [chosen, own(user, chosen)]) add(wins, key);
    for (const key of [chosen, rejected, own(user, chosen), own(user, rejected)]) add(seen, key);
  }
  const less = (counts: Map<string, number>, user: string, reply: string): number =>
    (counts.get(reply) ?? 0) - (counts.get(own(user, reply)) ?? 0);
  const score = (user: string, reply: string): number => {
    const share = (less(wins, user, reply) + 1) / (less(seen, user, reply) + 2);
    return Math.log(share / (1 - share));
  };
  return choices.map(({ user, chosen, rejected }) => score(user, chosen) - score(user, rejected));
}
