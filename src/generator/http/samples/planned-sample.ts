// Follows a plan over HTTP: given text is sent as tokens, free text drawn, choices weighed and drawn here.
// What comes next is PlanRun's; how a server is asked is the dialect's. What may not occur is drawn again, without the token.

import { PgenrmError } from '../../../errors.js';
import type { Sampling } from '../../generation.js';
import type { PlannedSample } from '../../plan.js';
import type { PartText, PlanRun } from '../../plan-run/plan-run.js';
import { type TokenJoins, toBytes } from '../../plan-run/token-joins.js';
import type { Drawn, PlanDialect, Post } from '../dialects/plan-dialect.js';
import { END_TOKEN, type ServerVocabulary } from './server-vocabulary.js';

/** What a sample follows its plan with. */
export interface PlannedTask {
  readonly ids: readonly number[];
  readonly run: PlanRun;
  readonly joins: TokenJoins;
  readonly vocabulary: ServerVocabulary;
  readonly dialect: PlanDialect;
  readonly sampling: Sampling;
  readonly seed: number;
  /** Ends the sample alone, which keeps what it has. */
  readonly cancel: AbortSignal | undefined;
  readonly onText: ((pieces: readonly PartText[], tokens: number) => void) | undefined;
}

/** A sample as it was written, with the prompt's tokens that the server had to decode. */
export type PlannedResult = Pick<PlannedSample, 'text' | 'parts' | 'tokens' | 'finish'> & {
  readonly decoded: number;
};

/** Tokens that are drawn in vain at one place before that is given up. */
const MOST_REFUSED = 256;

/** Follows the plan to its end. Errors: those of the server, and of the plan; rejects with the signal's reason. */
export async function followPlan(task: PlannedTask, post: Post): Promise<PlannedResult> {
  const { run, cancel } = task;
  const sample = new Following(task, post);
  let finish: PlannedSample['finish'] = 'complete';
  try {
    while (run.state !== 'done') {
      cancel?.throwIfAborted();
      task.onText?.(run.takeText(), run.tokens.length);
      await (run.state === 'draws' ? sample.draw() : sample.weigh());
    }
  } catch (error) {
    if (cancel?.aborted !== true || error !== cancel.reason) throw error;
    await run.cancel();
    finish = 'cancelled';
  }
  task.onText?.(run.takeText(), run.tokens.length);
  return { text: run.text, parts: run.written, tokens: run.counts, finish, decoded: sample.decoded };
}

class Following {
  decoded = 0;
  #asked = false;

  constructor(
    private readonly task: PlannedTask,
    private readonly post: Post,
  ) {}

  /** Writes the free text to its end. */
  async draw(): Promise<void> {
    const { run, joins } = this.task;
    const { free } = run;
    const barred = new Barred(free.part);
    let never: number[] = [];
    const grows = (): boolean => run.state === 'draws' && run.free === free;
    while (grows()) {
      const drawn = await this.#drawn(never);
      for (const token of drawn.tokens) {
        const piece = joins.piece(token);
        if (piece === '' || barred.completes(free.bytes, piece)) {
          // It may not come here: another one is drawn in its place, by the probabilities of the others.
          never = [...never, token];
          if (never.length > MOST_REFUSED) run.failFree();
          break;
        }
        never = [];
        await run.accept(token);
        if (!grows()) return;
      }
      if (never.length > 0) continue;
      if (drawn.finish === 'end') await run.accept(END_TOKEN);
      else if (drawn.finish === 'stop')
        throw new PgenrmError(
          'DECODE_FAILED',
          'the server ended a text at a stop string that its tokens do not have',
        );
    }
  }

  async #drawn(never: readonly number[]): Promise<Drawn> {
    const { run, ids, dialect, sampling, seed, vocabulary } = this.task;
    const { part, drawn } = run.free;
    const { minTokens = 0, maxTokens, stop = [], grammar } = part;
    const before = [...ids, ...run.tokens];
    const least = minTokens - drawn;
    const answer = await dialect.draw(this.post, {
      ids: before,
      // Another seed for each request: a sampler begins anew with each.
      seed: (seed + Math.imul(run.draws, 0x9e3779b9) + Math.imul(never.length, 0x85ebca6b)) >>> 0,
      sampling,
      maxTokens: never.length > 0 ? 1 : least > 0 ? least : maxTokens - drawn,
      stop,
      grammar,
      mayEnd: least <= 0,
      never,
    });
    if (answer.finish === 'length' && answer.tokens.length === 0)
      throw new PgenrmError('DECODE_FAILED', 'the server drew no token and says that there were enough');
    if (!this.#asked) this.decoded = ids.length - Math.min(ids.length, answer.cachedTokens ?? 0);
    this.#asked = true;
    await vocabulary.learn(answer.tokens, before, this.post);
    return answer;
  }

  /** Weighs the texts of a choice at each place where they part. */
  async weigh(): Promise<void> {
    const { run, ids, dialect } = this.task;
    const { trie } = run;
    const before = [...ids, ...run.tokens];
    const at = async (node: number, below: readonly number[]): Promise<void> => {
      const reading = await dialect.weigh(this.post, {
        ids: [...before, ...below],
        children: trie.children(node),
        temperature: trie.temperature,
        whole: trie.weighing === 'whole' && node > 0,
      });
      await run.read(node, reading);
    };
    await at(0, []);
    for (const { nodes, tokens } of trie.paths) {
      run.countProbed(tokens.length);
      for (const [index, node] of nodes.entries())
        if (trie.wants(node)) await at(node, tokens.slice(0, index + 1));
    }
  }
}

/** Whether a token would complete a text that may not occur; behind a stop text, which ends the free text, nothing is barred. */
class Barred {
  readonly #bars: readonly string[];
  readonly #stops: readonly string[];
  readonly #before: number;

  constructor({
    bars = [],
    stop = [],
  }: { readonly bars?: readonly string[]; readonly stop?: readonly string[] }) {
    this.#bars = bars.map(toBytes);
    this.#stops = stop.map(toBytes);
    this.#before = Math.max(0, ...[...this.#bars, ...this.#stops].map((text) => text.length)) - 1;
  }

  completes(bytes: string, piece: string): boolean {
    if (this.#bars.length === 0) return false;
    const joined = (this.#before > 0 ? bytes.slice(-this.#before) : '') + piece;
    const cuts = this.#stops.map((text) => joined.indexOf(text)).filter((at) => at >= 0);
    const kept = cuts.length === 0 ? joined : joined.slice(0, Math.min(...cuts));
    return this.#bars.some((text) => kept.includes(text));
  }
}
