// Keeps the books of one session: lines and their tally, the manifest before, during and after.
// Knows the output and what made it; nothing of how rows are scored.

import { arch, cpus, platform, release } from 'node:os';
import type { PreferenceData } from '../../data/preference-data.js';
import { guidedName } from '../../guided/decoding.js';
import { PACKAGE_VERSION } from '../../package.js';
import type { JudgeSettings } from '../../reward-model/judge-settings.js';
import type { JudgeOptions } from '../../reward-model/judgment.js';
import { historySplitsOf, sharedIdentity, usersFileOf } from '../identity.js';
import type { RunModel } from '../run-model.js';
import type { ExistingLine } from './existing-output.js';
import type { RowRecord } from './row-record.js';
import type { RunIdentity, RunManifest, RunSession, RunStatus } from './run-manifest.js';
import type { RunOutput } from './run-output.js';
import { type Accuracy, type RunCounts, Tally } from './tally.js';

/** What a session is about. */
export interface JournalOptions {
  readonly data: PreferenceData;
  readonly split?: string;
  readonly model: RunModel;
  readonly output: RunOutput;
  readonly judge: JudgeOptions;
  readonly limit?: number;
  readonly concurrency: number;
  readonly reorder: number;
  readonly chains?: boolean;
  /** Rows that the run is asked for. */
  readonly rows: number;
}

/** How a session ended. */
export interface RunSummary {
  readonly output: string;
  /** `stopped`: rows are missing; what is in the output stays and a resumed run goes on after it. */
  readonly status: Extract<RunStatus, 'finished' | 'stopped'>;
  /** Rows that the run was asked for. */
  readonly rows: number;
  /** Over the whole output, earlier sessions included. */
  readonly counts: RunCounts;
  readonly accuracy: Accuracy | null;
  /** This session alone. */
  readonly session: { readonly rows: number; readonly generatedTokens: number; readonly ms: number };
}

/** The books of one session. */
export class RunJournal {
  readonly #output: RunOutput;
  readonly #rows: number;
  readonly #began = performance.now();
  #manifest: RunManifest;
  #tally: Tally;
  #done: number;
  #sessionRows = 0;
  #sessionTokens = 0;
  #retried = false;

  private constructor(options: JournalOptions, manifest: RunManifest, tally: Tally, done: number) {
    this.#output = options.output;
    this.#rows = options.rows;
    this.#manifest = manifest;
    this.#tally = tally;
    this.#done = done;
  }

  /** Starts the output and writes the manifest. Errors: `RUN_MISMATCH`, `OUTPUT_FAILED`. */
  static async open(options: JournalOptions): Promise<RunJournal> {
    const fresh = firstManifest(options);
    const { existing, earlier } = await options.output.start(fresh);
    const manifest =
      earlier === null
        ? fresh
        : {
            ...fresh,
            started: earlier.started,
            sessions: [...earlier.sessions.map(asEnded), ...fresh.sessions],
          };
    const journal = new RunJournal(options, manifest, existing.tally, existing.lines);
    if (earlier !== null) await journal.#write('running', null);
    return journal;
  }

  /** Lines that the output holds. */
  get done(): number {
    return this.#done;
  }

  counts(): RunCounts {
    return this.#tally.counts();
  }

  /** Adds the line of one more row. */
  async scored(record: RowRecord): Promise<void> {
    await this.#output.append(record);
    this.#tally.add(record);
    this.#done += 1;
    this.#count(record);
  }

  /** Keeps a second try until {@link mergeRetries}. */
  async retried(line: ExistingLine, record: RowRecord): Promise<void> {
    this.#retried = true;
    await this.#output.appendRetry({ index: line.index, record });
    this.#count(record);
  }

  async mergeRetries(): Promise<void> {
    if (!this.#retried) return;
    this.#retried = false;
    const existing = await this.#output.mergeRetries();
    this.#tally = existing.tally;
    this.#done = existing.lines;
  }

  /** Ends the session in good order, its second tries merged. */
  async close(): Promise<RunSummary> {
    await this.mergeRetries();
    const status = this.#done < this.#rows ? 'stopped' : 'finished';
    await this.#write(status, null);
    return {
      output: this.#output.name,
      status,
      rows: this.#rows,
      counts: this.#tally.counts(),
      accuracy: this.#tally.accuracy(),
      session: {
        rows: this.#sessionRows,
        generatedTokens: this.#sessionTokens,
        ms: performance.now() - this.#began,
      },
    };
  }

  /** Notes in the manifest what broke the session; where even that cannot be written, the cause is what counts. */
  async abandon(reason: string): Promise<void> {
    await this.#write('broken', reason).catch(() => undefined);
  }

  #count(record: RowRecord): void {
    this.#sessionRows += 1;
    this.#sessionTokens += record.tokens.generated;
  }

  async #write(status: RunStatus, error: string | null): Promise<void> {
    const now = status === 'running' ? null : new Date().toISOString();
    const last = this.#manifest.sessions.at(-1)!;
    const session: RunSession = { ...last, finished: now, status, error, rows: this.#sessionRows };
    this.#manifest = {
      ...this.#manifest,
      status,
      finished: status === 'finished' ? now : null,
      counts: this.#tally.counts(),
      accuracy: this.#tally.accuracy(),
      sessions: [...this.#manifest.sessions.slice(0, -1), session],
    };
    await this.#output.writeManifest(this.#manifest);
  }
}

/** A session that still counts as running was killed. */
function asEnded(session: RunSession): RunSession {
  return session.status === 'running'
    ? { ...session, status: 'broken', error: 'the process was killed' }
    : session;
}

function firstManifest(options: JournalOptions): RunManifest {
  const { data, model, output, limit, concurrency, reorder } = options;
  const settings = model.settings(options.judge);
  const started = new Date().toISOString();
  const tally = new Tally();
  return {
    pgenrmManifest: 1,
    output: output.name,
    status: 'running',
    started,
    finished: null,
    identity: identityOf(options),
    limit: limit ?? null,
    concurrency,
    reorder,
    paths: {
      data: data.path,
      users: data.users?.path ?? null,
      model: model.modelInfo.name,
      ...(settings.prototypes === 0 || model.bank === null ? {} : { bank: model.bank.path }),
    },
    usersFile: usersFileOf(data),
    modelDescription: model.modelInfo.description,
    rowsInData: data.available,
    counts: tally.counts(),
    accuracy: null,
    sessions: [
      {
        started,
        finished: null,
        status: 'running',
        error: null,
        rows: 0,
        pgenrm: PACKAGE_VERSION,
        node: process.versions.node,
        platform: `${platform()} ${release()} ${arch()}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown CPU'}`,
        generator: model.generatorInfo,
      },
    ],
  };
}

function identityOf({ data, split, model, judge, chains }: JournalOptions): RunIdentity {
  const settings = model.settings(judge);
  const { individual, seed, sampling, maxTokens, historyEvents, grammar, guided, prefer } = settings;
  const historySplits = historySplitsOf(data);
  return {
    ...sharedIdentity(data, split, model),
    options: {
      individual,
      seed,
      temperature: sampling.temperature,
      topP: sampling.topP,
      minP: sampling.minP,
      maxTokens,
      historyEvents,
      grammar,
      ...(guided === null ? {} : { guided: guidedName(guided) }),
      prefer,
      chains: chains ?? false,
      ...(historySplits === null ? {} : { historySplits }),
      ...scalingOptions(settings, model),
    },
  };
}

/** Options of the prototype level and of scaling, where they are in use: what is not has no part in a run. */
function scalingOptions(settings: JudgeSettings, model: RunModel): RunIdentity['options'] {
  const { prototypes, retrieveBy, includeSelf, adaptive, aggregate } = settings;
  const { method, trim, individualShare, neighbourWeights } = aggregate;
  return {
    ...(adaptive === null ? {} : { adaptive }),
    ...(method === 'mean' ? {} : { aggregate: method }),
    ...(method === 'trimmed' ? { trim } : {}),
    ...(prototypes === 0
      ? {}
      : {
          prototypes,
          retrieveBy,
          includeSelf,
          individualShare,
          neighbourWeights,
          bank: model.bank?.manifest.checksum ?? null,
          bankAdditions: model.bank?.additions ?? 0,
        }),
  };
}
