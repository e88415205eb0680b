// Has samples that follow a plan written over HTTP, each by one server as long as that one is there.
// Owns the vocabulary of the servers' model; what a step is comes from planned-sample.ts.

import { invalidOption } from '../../../options/option-range.js';
import type { Sampling } from '../../generation.js';
import type { Plan } from '../../plan.js';
import { describePart, type PlacedPart } from '../../plan-parts.js';
import { type PartText, PlanRun } from '../../plan-run/plan-run.js';
import { TokenJoins, toBytes } from '../../plan-run/token-joins.js';
import type { Attempts } from '../attempts.js';
import type { PlanDialect, Post } from '../dialects/plan-dialect.js';
import type { FleetServer } from '../fleet.js';
import type { SampleSignals } from './all-samples.js';
import { followPlan, type PlannedResult } from './planned-sample.js';
import { affinityHeaders } from './sample-run.js';
import { ServerVocabulary } from './server-vocabulary.js';

/** A sample to write. */
export interface PlanTask extends SampleSignals {
  readonly ids: readonly number[];
  readonly plan: Plan;
  readonly sampling: Sampling;
  readonly seed: number;
  readonly key: string;
  readonly onText: ((pieces: readonly PartText[], tokens: number) => void) | undefined;
}

type Ask = <T>(send: (server: FleetServer) => Promise<T>) => Promise<T>;

export class PlanWriter {
  readonly #vocabulary: ServerVocabulary;
  readonly #joins: TokenJoins;

  /** `end` ends what several samples wait for together. */
  constructor(
    private readonly dialect: PlanDialect,
    private readonly attempts: Attempts,
    end: AbortSignal,
    private readonly timeoutMs: number,
  ) {
    // A signal of its own for each request: Node warns of the eleventh listener of one.
    this.#vocabulary = new ServerVocabulary(dialect, (path, body, read) => {
      const signal = AbortSignal.any([end]);
      return this.#post((send) => attempts.aside('', signal, send), signal)(path, body, read);
    });
    this.#joins = new TokenJoins(this.#vocabulary);
  }

  /** Tokens that write exactly a text in the middle of another; null where the vocabulary has none. */
  spell(text: string): Promise<readonly number[] | null> {
    return this.#joins.spell(toBytes(text));
  }

  /** Errors: those of the servers and of the plan; rejects with the signal's reason unless `cancel` aborted. */
  async write(task: PlanTask): Promise<PlannedResult> {
    const { ids, plan, sampling, seed, key, signal, cancel, onText } = task;
    if (cancel?.aborted === true) return NOTHING;
    return this.attempts
      .holding(
        key,
        signal,
        async (ask) => {
          const post = this.#post(ask, signal, affinityHeaders(key));
          const last = ids.at(-1)!;
          await this.#vocabulary.learn([last], ids, post);
          const run = await PlanRun.begin(plan, this.#joins, sampling.temperature, seed, last);
          const { dialect } = this;
          const own = { joins: this.#joins, vocabulary: this.#vocabulary, dialect };
          return followPlan({ ids, run, sampling, seed, cancel, onText, ...own }, post);
        },
        ({ tokens }) => tokens.free + tokens.chosen,
      )
      .catch((error: unknown) => {
        // It ended while it waited for its turn.
        if (cancel?.aborted === true && error === cancel.reason) return NOTHING;
        throw error;
      });
  }

  #post(ask: Ask, signal: AbortSignal, headers: Record<string, string> = {}): Post {
    const { timeoutMs } = this;
    return (path, body, read) =>
      ask(async ({ connection }) =>
        read(await connection.json('POST', path, { body, signal, timeoutMs, headers })),
      );
  }
}

const NOTHING: PlannedResult = {
  text: '',
  parts: [],
  tokens: { given: 0, free: 0, chosen: 0, probed: 0, unjoined: 0 },
  finish: 'cancelled',
  decoded: 0,
};

/** Throws `INVALID_OPTION` for what no server does: a grammar that begins anew in the middle of a text. */
export function checkServerPlan(placed: readonly PlacedPart[]): void {
  for (const one of placed) {
    const { part } = one;
    if (part.kind !== 'free' || part.grammar === undefined) continue;
    const beside = (part.bars ?? []).length > 0 ? 'bars' : (part.minTokens ?? 0) > 0 ? 'minTokens' : null;
    if (beside !== null)
      throw invalidOption(
        `${beside} of ${describePart(one)}`,
        'left out beside a grammar, for a server cannot be given both',
        'both',
      );
  }
}
