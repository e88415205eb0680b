// The chains of one judgment in waves, similar users' among the user's own, until all have ended or enough have.
// Knows which chains come when; how they are written, found and weighed each has its own file.

import type { Generator } from '../../generator/generator.js';
import type { Guide } from '../../guided/guide.js';
import type { ChatTemplate } from '../../prompt/chat/chat-template.js';
import type { ScalingLevel } from '../../scaling/level.js';
import type { StopReason } from '../../scaling/stopping.js';
import { planWaves } from '../../scaling/waves.js';
import type { AnalysisTurn } from '../analysis-cache.js';
import type { JudgePrompts } from '../judge-prompts.js';
import { type JudgeSettings, type JudgeSubject, overlapsWaves } from '../judge-settings.js';
import type { JudgedChain, JudgeEvent } from '../judgment.js';
import { type BankParts, type Neighbour, NeighbourSearch } from '../neighbour-search.js';
import type { ChainRoom } from './chain-room.js';
import { type ChainJob, ChainWriter } from './chain-writer.js';
import { StoppingWatch } from './stopping-watch.js';

/** What the waves are made of. */
export interface WaveWriterOptions {
  readonly generator: Generator;
  /** Null where there is no bank. */
  readonly prototypes: BankParts | null;
  readonly subject: JudgeSubject;
  readonly settings: JudgeSettings;
  /** How guided chains are written; null where chains are free. */
  readonly guide: Guide | null;
  readonly prompts: JudgePrompts;
  readonly chat: ChatTemplate;
  /** What earlier items of the user left; null where nobody keeps it. */
  readonly turn: AnalysisTurn | null;
  /** Ends the judgment; a chain that fails aborts it with its error. */
  readonly stop: AbortController;
  readonly report: (event: JudgeEvent) => void;
  /** How many more chains the generator has room for. */
  readonly room: ChainRoom;
  /** Whether text is reported as it is written. */
  readonly streamText: boolean;
}

/** How the writing of a judgment ended. */
export interface Written {
  /** Those that count. */
  readonly chains: JudgedChain[];
  readonly waves: number;
  readonly stopped: StopReason | null;
}

/** The chains of one judgment, wave by wave. */
export class WaveWriter {
  readonly writer: ChainWriter;
  readonly search: NeighbourSearch | null;
  readonly #prompts: JudgePrompts;
  readonly #stop: AbortController;
  readonly #settled = new AbortController();
  readonly #report: (event: JudgeEvent) => void;
  readonly #key: string;
  /** Chains of all waves. */
  readonly #chains: number;
  readonly #waves: readonly ScalingLevel[];
  readonly #watch: StoppingWatch | null;
  readonly #room: ChainRoom;
  readonly #overlaps: boolean;
  /** Own chains that were asked for, and the end of their writing. */
  #begun = 0;
  #writing: Promise<void> = Promise.resolve();
  #onEnded: () => void = () => undefined;
  /** Neighbours whose chains were asked for. */
  #admittedNeighbours = 0;
  /** Chains that have ended. */
  #done = 0;

  constructor(options: WaveWriterOptions) {
    const { subject, settings, stop, report } = options;
    this.#prompts = options.prompts;
    this.#stop = stop;
    this.#report = report;
    this.#key = subject.key;
    const { individual, prototypes, adaptive } = settings;
    this.#chains = individual + prototypes;
    this.#room = options.room;
    const level = { individual, prototype: prototypes };
    const candidates = subject.item.candidates.length;
    this.#overlaps = overlapsWaves(settings, candidates);
    this.#waves = adaptive === null ? [level] : planWaves(level, candidates);
    this.#watch =
      adaptive === null ? null : new StoppingWatch(settings, candidates, adaptive, this.#waves.length - 1);
    this.search =
      prototypes === 0 || options.prototypes === null
        ? null
        : new NeighbourSearch(options.prototypes, subject, settings, stop.signal, options.turn);
    this.writer = new ChainWriter({
      generator: options.generator,
      thoughtsOpened: options.chat.opensThought !== null,
      guide: options.guide,
      subject,
      settings,
      stop: stop.signal,
      settled: this.#settled.signal,
      ...(options.streamText ? { onText: (text) => report({ type: 'text', key: this.#key, ...text }) } : {}),
    });
  }

  /**
   * Writes chains until all have ended, or no more are needed. Waves may overlap (`overlapsWaves`): their own chains share
   * a prompt. What a chain says counts from its own wave on, so that the chains of a judgment do not depend on the room
   * that the generator had.
   */
  async run(): Promise<Written> {
    try {
      for (const [index, wave] of this.#waves.entries()) {
        const last = index === this.#waves.length - 1;
        if (this.#begun < wave.individual) this.#beginOwn(index);
        const own = Promise.race([this.#ownEnded(wave.individual), this.#writing]);
        await allOrNone([own, this.#writeNeighbours(wave.prototype, own, last)], this.#stop);
        if (last) break;
        const { chains } = this.writer;
        const counted = chains.filter(
          ({ level, index: number }) => level === 'prototype' || number < wave.individual,
        );
        const reason = this.#watch?.mayStop(counted, this.search) ?? null;
        if (reason !== null) return { chains: counted, waves: index + 1, stopped: reason };
        const ownEnded = counted.filter(({ level }) => level === 'individual').length;
        if (this.#settled.signal.aborted && ownEnded < wave.individual)
          return { chains, waves: index + 1, stopped: 'certain' };
      }
      const stopped = this.#settled.signal.aborted ? 'certain' : null;
      return { chains: this.writer.chains, waves: this.#waves.length, stopped };
    } finally {
      this.#settled.abort(SETTLED);
      await this.#writing.catch(() => undefined);
    }
  }

  /** Begins the own chains of this wave, and of as many later ones as there is room for, in one request for each order. */
  #beginOwn(wave: number): void {
    const from = this.#begun;
    let upTo = wave;
    const most = this.#overlaps ? this.#waves.length : wave + 1;
    while (upTo + 1 < most && this.#room.has(this.#waves[upTo + 1]!.individual - from)) upTo += 1;
    this.#begun = this.#waves[upTo]!.individual;
    const jobs = this.#ownJobs(from, this.#begun);
    const writing = allOrNone(
      jobs.map((job) => this.#write(job)),
      this.#stop,
    );
    this.#writing = Promise.all([this.#writing, writing]).then(() => undefined);
    // Its error is that of the wave that waits for it, and stops the judgment before.
    this.#writing.catch(() => undefined);
  }

  /** Resolves when so many own chains have ended, the first by number. */
  #ownEnded(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#onEnded = () => {
        const { chains } = this.writer;
        if (chains.filter(({ level, index }) => level === 'individual' && index < count).length === count)
          resolve();
      };
      this.#onEnded();
    });
  }

  async #write(job: ChainJob): Promise<void> {
    const { length } = job.indices;
    this.#room.take(length);
    try {
      await this.writer.write(job, (chain) => this.#ended(chain));
    } finally {
      this.#room.give(length);
    }
  }

  #ended(chain: JudgedChain): void {
    this.#done += 1;
    if (chain.level === 'individual') this.search?.offer(chain);
    this.#report({ type: 'chain', key: this.#key, chain, done: this.#done, chains: this.#chains });
    this.#onEnded();
    if (this.#watch?.isCertain(this.writer.chains, this.search) === true) this.#settled.abort(SETTLED);
  }

  /** Own chains `from` up to `to`, those of one order together. */
  #ownJobs(from: number, to: number): ChainJob[] {
    return this.#prompts.own.flatMap(({ samples, ...prompted }) => {
      const indices = samples.filter((index) => index >= from && index < to);
      return indices.length === 0 ? [] : [{ level: 'individual' as const, ...prompted, indices }];
    });
  }

  /**
   * Chains of neighbours up to `to`, as soon as they are found. A search that waits for an own chain and gets none in
   * this wave is left to the next one; in the last wave the history takes the chain's place.
   */
  async #writeNeighbours(to: number, own: Promise<unknown>, last: boolean): Promise<void> {
    const { search } = this;
    if (search === null || to === 0) return;
    await Promise.race([search.begun, own]);
    if (!search.isBegun && !this.#settled.signal.aborted) await search.earlierKnown;
    if (!search.isBegun) {
      if (!last || this.#settled.signal.aborted) return;
      search.fallBack();
    }
    const { found } = await search.neighbours();
    const from = this.#admittedNeighbours;
    const admitted = found.slice(from, to);
    this.#admittedNeighbours = from + admitted.length;
    if (this.#settled.signal.aborted) return;
    // Prompts first: one that cannot be made must not leave chains behind that nobody waits for.
    const jobs = await Promise.all(
      admitted.map((neighbour, index) => this.#neighbourJob(neighbour, from + index)),
    );
    if (this.#settled.signal.aborted) return;
    await allOrNone(
      jobs.map((job) => this.#write(job)),
      this.#stop,
    );
  }

  async #neighbourJob({ user, userId, similarity }: Neighbour, index: number): Promise<ChainJob> {
    const prompted = await this.#prompts.neighbour(user, index);
    return { level: 'prototype', neighbour: { userId, similarity }, ...prompted, indices: [index] };
  }
}

/** Reason of the abort that ends chains which cannot change the winner. */
const SETTLED = new DOMException('the winner is settled', 'AbortError');

/** Waits for all tasks; the first to fail stops the others, and its error is thrown once all have ended. */
async function allOrNone(tasks: readonly Promise<unknown>[], stop: AbortController): Promise<void> {
  const guarded = tasks.map((task) =>
    task.catch((error: unknown) => {
      stop.abort(error);
      throw error;
    }),
  );
  await Promise.allSettled(guarded);
  stop.signal.throwIfAborted();
  await Promise.all(guarded);
}
