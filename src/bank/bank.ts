// A prototype bank in use: nearest prototypes, similar users, and what is added without a rebuild.
// Knows what a bank is asked; its files are `opened-bank.ts` and `additions.ts`, its making `build-bank.ts`.

import { resolve } from 'node:path';
import { PgenrmError } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';
import { loadKernels } from '../native/choose-kernels.js';
import { RunLock } from '../output/run-lock.js';
import type { HistoryEvent, User } from '../preference/preference.js';
import { BankUsers } from './bank-users.js';
import type { Addition } from './file/additions.js';
import { unitVector } from './file/damage.js';
import { type BankManifest, checkMadeWith, type ExpectedOrigin, readBankManifest } from './file/manifest.js';
import { type OpenedBank, openBankFiles } from './file/opened-bank.js';
import { checkEvent, checkUserSignals, userOf } from './file/stored-user.js';
import { type MemberHit, MemberSearch } from './member-search.js';

/** How a bank is opened. */
export interface OpenBankOptions {
  /** Default: those that `loadKernels` picks. */
  readonly kernels?: Kernels;
  /** What is in use; a bank made with anything else is refused with `BANK_MISMATCH`. */
  readonly madeWith?: ExpectedOrigin;
}

/** A prototype, by its number, and how near it is. */
export interface NearestPrototype {
  readonly prototype: number;
  /** -1 to 1. */
  readonly cosine: number;
}

/** How similar users are sought. */
export interface SimilarUsersOptions {
  /** Ids of users who may not answer; the user who asks belongs here. */
  readonly exclude?: readonly string[];
  /** True (default): among members of the nearest prototype first, as the paper does; false: among all members. */
  readonly withinPrototype?: boolean;
}

/** A user whose chain is near to an embedding. */
export interface SimilarUser {
  readonly userId: string;
  /** The row whose chain is near. */
  readonly rowId: string;
  /** Of the row's embedding, -1 to 1. */
  readonly cosine: number;
  /** Prototype of the row. */
  readonly prototype: number;
  /** True where the nearest prototype had too few other users, and this one is of a prototype further away. */
  readonly fallback: boolean;
  /** The user with all of their history. */
  readonly user: User;
}

/** A user to add. */
export interface NewUser {
  /** An id that the bank does not have. */
  readonly id: string;
  readonly user: Omit<User, 'id'>;
  /** Embedding of part 1 of a chain for the user, by the bank's embedder. Shape [dimension]. */
  readonly embedding: Float32Array;
  /** Name of what the chain was written for; default `added:N`. */
  readonly rowId?: string;
}

/**
 * A prototype bank, opened for use by any number of processes at once.
 *
 * In memory are the prototypes, tables of about 20 bytes a member and 28 a user, and either the index (with the
 * vectors in it: about 5 bytes a number, plus links) or, where a bank has fewer than 2000 members, the
 * embeddings. Histories stay on the disk and are read user by user. All methods reject or throw with
 * `BANK_DAMAGED` where bytes fail a check, `INVALID_VECTOR` for embeddings of another dimension, NaN or zero, and
 * `DISPOSED` after {@link close}.
 */
export class PrototypeBank implements AsyncDisposable {
  /** The bank's folder. */
  readonly path: string;
  readonly manifest: BankManifest;
  readonly #files: OpenedBank;
  readonly #search: MemberSearch;
  readonly #users: BankUsers;
  #turn: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  private constructor(path: string, files: OpenedBank, kernels: Kernels) {
    this.path = path;
    this.manifest = files.manifest;
    this.#files = files;
    this.#search = new MemberSearch(files, kernels);
    this.#users = new BankUsers(files, this.#search);
  }

  /**
   * Opens a bank.
   *
   * Errors: `INPUT_NOT_FOUND`; `BANK_DAMAGED` (truncated, changed, foreign, of another version);
   * `BANK_MISMATCH` with both hashes where it was made with something else than `madeWith`; `KERNELS_UNAVAILABLE`.
   */
  static async open(folder: string, options: OpenBankOptions = {}): Promise<PrototypeBank> {
    const path = resolve(folder);
    const kernels = options.kernels ?? (await loadKernels());
    for (let tries = 1; ; tries += 1) {
      const files = await openBankFiles(path, kernels);
      try {
        if (options.madeWith !== undefined) checkMadeWith(path, files.manifest, options.madeWith);
        const bank = new PrototypeBank(path, files, kernels);
        await bank.#users.takeNew();
        return bank;
      } catch (error) {
        await files[Symbol.asyncDispose]();
        // Additions are read by path: a bank that was replaced in between is opened anew.
        const now = await readBankManifest(path).catch(() => null);
        if (now?.checksum === files.manifest.checksum || tries === 5) throw error;
      }
    }
  }

  /** Length of embeddings. */
  get dimension(): number {
    return this.manifest.madeWith.embedder.dimension;
  }

  /** Number of prototypes, k in the paper. */
  get prototypeCount(): number {
    return this.manifest.counts.prototypes;
  }

  /** Members, those added included. */
  get memberCount(): number {
    return this.manifest.counts.members + this.#users.addedMembers.length;
  }

  /** Users, those added included. */
  get userCount(): number {
    return this.manifest.counts.users + this.#users.addedCount;
  }

  /** Additions since the bank was built; above a tenth of the members a rebuild is worth its time. */
  get additions(): number {
    return this.#files.additions.records;
  }

  /** Throws `BANK_MISMATCH`, with both values, unless the bank was made with what is in use. */
  checkMadeWith(expected: ExpectedOrigin): void {
    checkMadeWith(this.path, this.manifest, expected);
  }

  /** A prototype's unit vector. Shape [dimension]. */
  prototypeVector(prototype: number): Float32Array {
    if (!Number.isInteger(prototype) || prototype < 0 || prototype >= this.prototypeCount) {
      throw new PgenrmError(
        'INVALID_OPTION',
        `prototype must be an integer from 0 to ${this.prototypeCount - 1}; got ${prototype}`,
      );
    }
    return this.#files.prototypes.slice(prototype * this.dimension, (prototype + 1) * this.dimension);
  }

  /** The prototype of highest cosine; of equal ones the first. */
  nearestPrototype(embedding: Float32Array): NearestPrototype {
    this.#throwIfClosed();
    return this.#search.rankPrototypes(unitVector('embedding', embedding, this.dimension))[0]!;
  }

  /**
   * The n users whose chains are nearest to an embedding, one entry a user (paper: prototype-level scaling).
   *
   * First come the members of the nearest prototype by cosine. Where it has too few users besides those
   * excluded, members of the next nearest prototypes follow, marked `fallback`; fewer than n come only where the
   * bank has no more users. `n` is an integer from 1 to 100,000. Errors: `INVALID_OPTION` and those of the class.
   */
  async similarUsers(
    embedding: Float32Array,
    n: number,
    options: SimilarUsersOptions = {},
  ): Promise<SimilarUser[]> {
    this.#throwIfClosed();
    if (!Number.isInteger(n) || n < 1 || n > 100_000) {
      throw new PgenrmError('INVALID_OPTION', `n must be an integer from 1 to 100000; got ${n}`);
    }
    const query = unitVector('embedding', embedding, this.dimension);
    const excluded = await Promise.all((options.exclude ?? []).map((id) => this.#users.numbersOf(id)));
    const barred = new Set(excluded.flat());
    const ranked = this.#search.rankPrototypes(query);
    const scopes = options.withinPrototype === false ? [null] : ranked.map(({ prototype }) => prototype);
    const found: SimilarUser[] = [];
    for (const scope of scopes) {
      if (found.length >= n) break;
      const hits = await this.#search.nearestUsers(
        query,
        n - found.length,
        scope,
        barred,
        this.#users.addedMembers,
      );
      for (const { user } of hits) barred.add(user);
      const fallback = scope !== null && scope !== ranked[0]!.prototype;
      found.push(...(await this.#similarUsers(hits, fallback)));
    }
    return found;
  }

  /** A user with all of their history, or null where the bank does not have them. */
  async user(id: string): Promise<User | null> {
    this.#throwIfClosed();
    const [number] = await this.#users.numbersOf(id);
    if (number === undefined) return null;
    const [stored] = await this.#users.read([number]);
    return userOf(stored!);
  }

  /**
   * Adds a user as a member of the prototype nearest to their embedding; later readers see them, others after
   * {@link refresh}. Prototypes stay as they are.
   *
   * Errors: `DUPLICATE_ID`; `INVALID_OPTION` for signals that are none; `INVALID_VECTOR`; `OUTPUT_FAILED` where
   * another process writes the bank or it cannot be written; `BANK_MISMATCH` where it was rebuilt since it was opened.
   */
  async addUser({ id, user, embedding, rowId }: NewUser): Promise<void> {
    const unit = unitVector('embedding', embedding, this.dimension);
    if (typeof id !== 'string' || id === '') {
      throw new PgenrmError('INVALID_OPTION', 'id must be a text that is not empty');
    }
    const { history, criteria } = user;
    const signals = { history, ...(criteria === undefined ? {} : { criteria }) };
    const wrong = checkUserSignals(signals);
    if (wrong !== null) throw new PgenrmError('INVALID_OPTION', `user must hold a user's signals; ${wrong}`);
    await this.#write(async () => {
      if ((await this.#users.numbersOf(id)).length > 0) {
        throw new PgenrmError('DUPLICATE_ID', `the bank has a user ${id} already; use addEvent`);
      }
      return { type: 'user', userId: id, user: signals, member: this.#newMember(unit, rowId) };
    });
  }

  /**
   * Adds an event at the end of a user's history, and with an embedding another member for them.
   *
   * Errors: `INVALID_OPTION` where the bank does not have the user; else as {@link addUser}.
   */
  async addEvent(
    userId: string,
    event: HistoryEvent,
    options: { readonly embedding?: Float32Array; readonly rowId?: string } = {},
  ): Promise<void> {
    const { embedding, rowId } = options;
    const unit = embedding === undefined ? null : unitVector('embedding', embedding, this.dimension);
    const wrong = checkEvent(event);
    if (wrong !== null)
      throw new PgenrmError('INVALID_OPTION', `event must be an event of a history; ${wrong}`);
    await this.#write(async () => {
      if ((await this.#users.numbersOf(userId)).length === 0) {
        throw new PgenrmError('INVALID_OPTION', `the bank has no user ${userId}; add them with addUser`);
      }
      return {
        type: 'event',
        userId,
        event,
        ...(unit === null ? {} : { member: this.#newMember(unit, rowId) }),
      };
    });
  }

  /** Takes in what other processes have added since. Errors: `BANK_DAMAGED`. */
  async refresh(): Promise<void> {
    this.#throwIfClosed();
    await this.#inTurn(() => this.#users.takeNew());
  }

  /** @internal The open files, for those that read through all of a bank. */
  get files(): OpenedBank {
    this.#throwIfClosed();
    return this.#files;
  }

  /** Frees memory and files after the additions under way; safe to call twice. */
  async close(): Promise<void> {
    this.#closing ??= this.#turn.then(
      () => this.#files[Symbol.asyncDispose](),
      () => this.#files[Symbol.asyncDispose](),
    );
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #similarUsers(hits: readonly MemberHit[], fallback: boolean): Promise<SimilarUser[]> {
    const [users, rows] = await Promise.all([
      this.#users.read(hits.map(({ user }) => user)),
      this.#search.rows(hits),
    ]);
    return hits.map(({ cosine, prototype }, place) => {
      const stored = users[place]!;
      return {
        userId: stored.id,
        rowId: rows[place]!,
        cosine,
        prototype,
        fallback,
        user: userOf(stored),
      };
    });
  }

  #newMember(embedding: Float32Array, rowId: string | undefined): NonNullable<Addition['member']> {
    const { prototype } = this.#search.rankPrototypes(embedding)[0]!;
    return { row: rowId ?? `added:${this.additions + 1}`, prototype, embedding };
  }

  /** Appends what `make` gives once all earlier additions are known; additions of one bank come one by one. */
  async #write(make: () => Promise<Addition>): Promise<void> {
    this.#throwIfClosed();
    await this.#inTurn(async () => {
      const lock = await RunLock.acquire(this.path);
      try {
        const now = await readBankManifest(this.#files.folder);
        if (now.checksum !== this.manifest.checksum) {
          throw new PgenrmError(
            'BANK_MISMATCH',
            `${this.path} was rebuilt: it is now bank ${now.checksum}, and bank ${this.manifest.checksum} was opened; open it again`,
          );
        }
        await this.#users.takeNew();
        await this.#files.additions.append(await make());
        await this.#users.takeNew();
      } finally {
        await lock.release();
      }
    });
  }

  /** Reading and writing of the log take turns. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    const task = this.#turn.then(work);
    this.#turn = task.catch(() => undefined);
    await task;
  }

  #throwIfClosed(): void {
    if (this.#closing !== undefined) {
      throw new PgenrmError('DISPOSED', `the bank ${this.path} was closed; open it again`);
    }
  }
}
