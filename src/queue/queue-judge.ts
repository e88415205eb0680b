// A model whose judgments are made by workers on other machines, as far as a run over a data set asks one.
// Knows jobs and their answers; what is put where is the board's, what is told to others the record's.

import { PgenrmError, type PgenrmErrorRecord } from '../errors.js';
import type { GeneratorInfo } from '../generator/generator.js';
import { type JudgeSettings, judgeSettings } from '../reward-model/judge-settings.js';
import type { JudgeInput, JudgeOptions, Judgment } from '../reward-model/judgment.js';
import type { RunBank, RunModel } from '../run/run-model.js';
import { openBackend } from './backend/open-backend.js';
import { type JudgeJob, QUEUE_VERSION, type QueueAnswer, type WorkerDescription } from './contract.js';
import type { Crew } from './crew.js';
import { type Asked, RowGroups } from './row-groups.js';
import { QueueSession, type SharingOptions } from './session.js';

/** Rows that are asked for at once: enough for many machines, and few enough for the queue's memory. */
export const ROWS_AHEAD = 2048;
/** Workers that are lost while they judge a row by itself before it is set aside. */
const TRIES = 2;

interface Row extends Asked {
  /** Workers that were lost while they judged it by itself. */
  lost: number;
  answer(judgment: Judgment): void;
  fail(error: unknown): void;
}

/**
 * Judges the rows of a run on the workers of a queue. What they judge with is what the first of them says; others that
 * differ refuse, and end. Rows whose worker was lost are judged again, one at a time; one with which two more are
 * lost is rejected with `WORKER_LOST`. Close it in the end.
 */
export class QueueJudge implements RunModel, AsyncDisposable {
  readonly modelSha256: string | null;
  readonly template: { readonly name: string; readonly hash: string };
  readonly modelInfo: WorkerDescription['model'];
  readonly generatorInfo: GeneratorInfo;
  readonly bank: RunBank | null;
  /** How the workers do. */
  readonly crew: Crew;
  readonly #session: QueueSession<Row>;
  readonly #description: WorkerDescription;
  readonly #groups: RowGroups<Row>;
  /** Rows that a worker was lost with: they are judged one at a time, so that what the next one is lost with is known. */
  readonly #suspects: Row[] = [];
  #suspect: Row | undefined;

  private constructor(session: QueueSession<Row>, description: WorkerDescription) {
    const { identity, model, generator, bank } = description;
    this.#session = session;
    this.#description = description;
    this.crew = session.crew;
    this.modelSha256 = identity.model.sha256;
    this.template = identity.template;
    this.modelInfo = model;
    this.generatorInfo = generator;
    this.bank =
      bank === null
        ? null
        : { path: bank.path, manifest: { checksum: bank.checksum }, additions: bank.additions };
    this.#groups = new RowGroups((rows) => this.#put(rows));
    session.listen({
      answered: (id, answer) => this.#answered(id, answer),
      failed: (id, why) => this.#lost(id, why),
    });
  }

  /**
   * Opens the queue and waits until a worker says what it judges with. Errors: those of {@link openBackend};
   * `RUN_MISMATCH` where the queue is used by another version of pgenrm. Rejects with the signal's reason where it aborts.
   */
  static async begin(options: SharingOptions): Promise<QueueJudge> {
    const backend = await openBackend(options.address);
    const session = new QueueSession<Row>(backend, options);
    try {
      await session.record.begin();
      return new QueueJudge(session, await session.describe());
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** As `RewardModel.settings`. Errors: `INVALID_OPTION`, also for what needs one machine. */
  settings(options: JudgeOptions = {}): JudgeSettings {
    const settings = judgeSettings(options, this.generatorInfo, this.#description.defaults);
    if (settings.prototypes > 0 && settings.retrieveBy === 'cached')
      throw new PgenrmError(
        'INVALID_OPTION',
        'retrieveBy cached needs the rows of a user one after the other on one machine; leave it out with --queue',
      );
    return settings;
  }

  concurrencyFor(): number {
    return ROWS_AHEAD;
  }

  judgmentsAtOnce(): number {
    return ROWS_AHEAD;
  }

  /** Errors: `INVALID_OPTION`: the workers have the tokenizer. */
  async countTokens(_text: string): Promise<number> {
    throw new PgenrmError(
      'INVALID_OPTION',
      'tokens are counted by the model, which is on other machines; leave out what needs them with --queue',
    );
  }

  judge(input: JudgeInput, options: JudgeOptions = {}): Promise<Judgment> {
    return this.judgeInTurn(input, options);
  }

  async judgeInTurn(input: JudgeInput, options: JudgeOptions): Promise<Judgment> {
    const { signal, onEvent, ...plain } = options;
    signal?.throwIfAborted();
    return new Promise<Judgment>((resolve, reject) => {
      const stop = (): void => reject(signal!.reason);
      const ended = (): void => signal?.removeEventListener('abort', stop);
      signal?.addEventListener('abort', stop, { once: true });
      this.#groups.add({
        input,
        options: plain,
        lost: 0,
        answer: (judgment) => {
          ended();
          for (const [place, chain] of judgment.chains.entries())
            onEvent?.({
              type: 'chain',
              key: input.id ?? '',
              chain,
              done: place + 1,
              chains: judgment.chains.length,
            });
          resolve(judgment);
        },
        fail: (error) => {
          ended();
          reject(error);
        },
      });
    });
  }

  /** Takes back what waits and ends the record. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.close();
  }

  #put(rows: readonly Row[], alone = false): void {
    const job: JudgeJob = {
      version: QUEUE_VERSION,
      run: this.#session.run,
      op: 'judge',
      alone,
      identity: this.#description.identity,
      options: rows[0]!.options,
      inputs: rows.map(({ input }) => input),
    };
    this.#session.put(job, rows);
  }

  #answered(id: string, answer: QueueAnswer): void {
    const rows = this.#session.take(id);
    if ('refused' in answer) {
      this.#session.refused(answer.worker, answer.refused);
      this.#put(rows, rows[0] === this.#suspect);
    } else if ('rows' in answer && answer.rows.length === rows.length) {
      this.crew.answered(answer.worker, rows.length);
      for (const [place, row] of rows.entries()) {
        const one = answer.rows[place]!;
        if ('judgment' in one) row.answer(one.judgment);
        else row.fail(errorOf(one.error));
        this.#leave(row);
      }
    } else this.#lost(id, `${answer.worker} gave an answer that is none`, rows);
  }

  #lost(id: string, reason: string, rows = this.#session.take(id)): void {
    for (const row of rows) {
      if (row === this.#suspect) row.lost += 1;
      if (row.lost < TRIES) {
        this.#suspects.push(row);
        this.#leave(row);
      } else {
        row.fail(
          new PgenrmError(
            'WORKER_LOST',
            `${TRIES} workers were lost while they judged this row by itself (the last: ${reason}); it is set aside, and --retry-failed judges it again`,
          ),
        );
        this.#leave(row);
      }
    }
    this.#nextSuspect();
  }

  #leave(row: Row): void {
    if (row !== this.#suspect) return;
    this.#suspect = undefined;
    this.#nextSuspect();
  }

  #nextSuspect(): void {
    if (this.#suspect !== undefined) return;
    this.#suspect = this.#suspects.shift();
    if (this.#suspect !== undefined) this.#put([this.#suspect], true);
  }
}

function errorOf(record: PgenrmErrorRecord): unknown {
  return PgenrmError.fromJSON(record);
}
