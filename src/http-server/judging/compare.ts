// How the candidates of one task are compared: all in one prompt, in groups, with those of other requests, or with anchors.
// Knows the ways and when each is taken; nothing of HTTP.

import { userKey } from '../../chain/chain-seed.js';
import { PgenrmError } from '../../errors.js';
import { sha256Hex } from '../../hashing/sha256.js';
import type { Turn, User } from '../../preference/preference.js';
import type { JudgeEvent, JudgeOptions, Judgment } from '../../reward-model/judgment.js';
import type { Admission } from './admission.js';
import { anchorsOf } from './anchors.js';
import { Gathering, type GatheringLimits } from './gathering.js';
import { joinGroups, planGroups } from './groups.js';
import type { Judging } from './judging.js';
import { scoresOf, type Verdict } from './verdict.js';

/** Candidates for one user in one situation. */
export interface Task {
  readonly id?: string | undefined;
  readonly user?: User | undefined;
  readonly context: readonly Turn[];
  readonly candidates: readonly string[];
  /** Of a single candidate: how many requests will come. */
  readonly groupSize?: number | undefined;
}

/** How a task is compared. */
export interface CompareOptions {
  readonly judge: JudgeOptions;
  readonly signal: AbortSignal;
  /** Called for each chain with the number of its comparison. */
  readonly onEvent?: ((event: JudgeEvent, comparison: number) => void) | undefined;
}

/** Candidates of one comparison at most, and how single ones are brought together. */
export interface CompareLimits {
  readonly groupSize: number;
  readonly gathering: GatheringLimits;
}

type Judge = Pick<Judging, 'judge'>;

/** Compares candidates. */
export class Comparing {
  readonly #judging: Judge;
  readonly #admission: Admission;
  readonly #limits: CompareLimits;
  readonly #gathering: Gathering<Verdict>;

  constructor(judging: Judge, admission: Admission, limits: CompareLimits) {
    this.#judging = judging;
    this.#admission = admission;
    this.#limits = limits;
    this.#gathering = new Gathering(limits.gathering);
  }

  /**
   * Errors: `NO_USABLE_CHAIN`, `NO_ANCHORS`, `CONTEXT_OVERFLOW` where not even two candidates fit one prompt, those of
   * `RewardModel.judge`; rejects with the signal's reason.
   */
  compare(task: Task, options: CompareOptions): Promise<Verdict> {
    const { candidates } = task;
    if (candidates.length === 1) return this.#single(task, options);
    return this.#several(task, options);
  }

  /** In one prompt where they fit, else in groups of half the size until these fit. */
  async #several(task: Task, options: CompareOptions): Promise<Verdict> {
    const { candidates } = task;
    for (let size = Math.min(this.#limits.groupSize, candidates.length); ; size = Math.ceil(size / 2)) {
      try {
        return size >= candidates.length
          ? await this.#whole(task, options)
          : await this.#groups(task, size, options);
      } catch (error) {
        // Two candidates and an anchor are the smallest group that overlaps another.
        const smaller = candidates.length > 2 && size > 3;
        if (!(error instanceof PgenrmError) || error.code !== 'CONTEXT_OVERFLOW' || !smaller) throw error;
      }
    }
  }

  async #whole(task: Task, options: CompareOptions): Promise<Verdict> {
    const judgment = await this.#judge(task, task.candidates, options, 0);
    return { scores: scoresOf(judgment), comparison: { kind: 'whole' }, judgments: [judgment] };
  }

  async #groups(task: Task, size: number, options: CompareOptions): Promise<Verdict> {
    const { candidates } = task;
    const plan = planGroups(candidates.length, Math.max(3, size), options.judge.seed ?? 0);
    const stop = new AbortController();
    const onAbort = (): void => stop.abort(options.signal.reason);
    options.signal.addEventListener('abort', onAbort, { once: true });
    try {
      const judgments = await Promise.all(
        plan.groups.map((group, number) =>
          this.#judge(
            task,
            group.map((index) => candidates[index]!),
            { ...options, signal: stop.signal },
            number,
          ).catch((error: unknown) => {
            stop.abort(error);
            throw error;
          }),
        ),
      );
      const stated = judgments.map(scoresOf);
      const { scores, shifts } = joinGroups(plan, stated, candidates.length);
      const groups = plan.groups.map((group, number) => ({
        candidates: [...group],
        scores: [...stated[number]!],
        shift: shifts[number]!,
      }));
      const comparison = { kind: 'groups' as const, seed: plan.seed, anchors: [...plan.anchors], groups };
      return { scores, comparison, judgments };
    } finally {
      options.signal.removeEventListener('abort', onAbort);
    }
  }

  async #single(task: Task, options: CompareOptions): Promise<Verdict> {
    const [candidate] = task.candidates as [string];
    const { ms } = this.#limits.gathering;
    if (ms === 0 || task.groupSize === 1) return this.#anchored(task, options);
    const together = (candidates: readonly string[], signal: AbortSignal): Promise<Verdict> =>
      candidates.length === 1
        ? this.#anchored(task, { ...options, signal })
        : this.#several({ ...task, id: undefined, candidates }, { ...options, signal });
    const { outcome, group, size, requests, position } = await this.#gathering.join(
      this.#keyOf(task, options),
      candidate,
      { expected: task.groupSize, signal: options.signal, compare: together },
    );
    if (outcome.comparison.kind === 'anchored') return outcome;
    return {
      scores: [outcome.scores[position]!],
      comparison: { kind: 'gathered', group, size, requests, position },
      judgments: outcome.judgments,
    };
  }

  async #anchored(task: Task, options: CompareOptions): Promise<Verdict> {
    const [candidate] = task.candidates as [string];
    const anchors = anchorsOf(task.user, candidate);
    const all = [candidate, ...anchors.map(({ text }) => text)];
    const judgment = await this.#judge({ ...task, id: undefined }, all, options, 0);
    const [score, ...others] = scoresOf(judgment);
    return {
      scores: [score!],
      comparison: {
        kind: 'anchored',
        anchors: anchors.map(({ event, which }, at) => ({ event, which, score: others[at]! })),
      },
      judgments: [judgment],
    };
  }

  #judge(
    { id, user, context }: Task,
    candidates: readonly string[],
    { judge, signal, onEvent }: CompareOptions,
    comparison: number,
  ): Promise<Judgment> {
    const key = user === undefined ? undefined : (user.id ?? userKey(user));
    return this.#admission.run(key, signal, () =>
      this.#judging.judge(
        { context, candidates, ...(id === undefined ? {} : { id }), ...(user === undefined ? {} : { user }) },
        {
          ...judge,
          signal,
          ...(onEvent === undefined ? {} : { onEvent: (event: JudgeEvent) => onEvent(event, comparison) }),
        },
      ),
    );
  }

  /** Requests of one key are compared with each other: the same user of whom the same is known, situation and options. */
  #keyOf({ user, context }: Task, { judge }: CompareOptions): string {
    const turns = context.map(({ role, content }) => [role, content]);
    return sha256Hex(JSON.stringify([user === undefined ? null : userKey(user), turns, judge]));
  }
}
