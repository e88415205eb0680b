// Holds loaded models within a budget of memory: asks for memory before it is taken, frees models that are idle.
// Knows nothing of what a model does.

import { unlessAborted } from '../concurrency/unless-aborted.js';
import { PgenrmError } from '../errors.js';
import type { HeldModel, ServiceEvent } from './contract.js';
import { Lane } from './lane.js';

/** A model that came in. */
export interface Loaded<T> {
  readonly value: T;
  /** Bytes that it takes. */
  readonly bytes: number;
  close(): Promise<void>;
}

/** Where a model comes from. */
export interface ModelSource<T> {
  /** Equal for what may share a loaded model. */
  readonly key: string;
  readonly name: string;
  readonly kind: HeldModel['kind'];
  /** Bytes that it is going to take; downloads the file where it has to. */
  needs(signal: AbortSignal, tell: (event: ServiceEvent) => void): Promise<number>;
  load(signal: AbortSignal, tell: (event: ServiceEvent) => void): Promise<Loaded<T>>;
}

/** How much a pool may hold, and how long. */
export interface PoolLimits {
  /** Most bytes of all models together. */
  readonly memoryBudget: number;
  /** Bytes that the machine has to give at this moment. */
  readonly available: () => number;
  /** Milliseconds after its last job that a model is freed; null: never for that reason. */
  readonly unloadAfterMs: number | null;
}

interface Slot {
  readonly source: ModelSource<unknown>;
  readonly lane: Lane;
  readonly stop: AbortController;
  readonly listeners: Set<(event: ServiceEvent) => void>;
  ready: Promise<Loaded<unknown>>;
  loaded: Loaded<unknown> | null;
  bytes: number;
  jobs: number;
  retired: boolean;
  idleSince: number;
  timer: NodeJS.Timeout | undefined;
}

/** Models by key. */
export class ModelPool {
  readonly #limits: PoolLimits;
  readonly #slots = new Map<string, Slot>();
  /** All that is not freed yet, slots that were retired among them. */
  readonly #held = new Set<Slot>();
  readonly #closing = new Set<Promise<void>>();
  #changed: PromiseWithResolversOf = withResolvers();
  #room: Promise<unknown> = Promise.resolve();
  #clock = 0;
  #closed = false;
  loadedCount = 0;
  unloadedCount = 0;

  constructor(limits: PoolLimits) {
    this.#limits = limits;
  }

  /** Bytes that are set aside. */
  get bytes(): number {
    return [...this.#held].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get models(): HeldModel[] {
    return [...this.#held].map(({ source, loaded, bytes, jobs }) => ({
      name: source.name,
      kind: source.kind,
      state: loaded === null ? 'loading' : 'ready',
      bytes,
      jobs,
    }));
  }

  /**
   * Works with a model, which is loaded where it is not. Errors: those of loading, `OUT_OF_MEMORY` where the model does
   * not fit the budget or the machine, `DISPOSED`.
   */
  async use<T, R>(
    source: ModelSource<T>,
    signal: AbortSignal,
    tell: (event: ServiceEvent) => void,
    work: (value: T, lane: Lane) => Promise<R>,
  ): Promise<R> {
    signal.throwIfAborted();
    if (this.#closed) throw closedError();
    const slot = this.#slots.get(source.key) ?? this.#begin(source);
    slot.jobs += 1;
    clearTimeout(slot.timer);
    slot.listeners.add(tell);
    try {
      const loaded = await unlessAborted(slot.ready, signal);
      slot.listeners.delete(tell);
      return await work(loaded.value as T, slot.lane);
    } finally {
      slot.listeners.delete(tell);
      slot.jobs -= 1;
      if (slot.jobs === 0) this.#idle(slot);
    }
  }

  /** Frees a model once its jobs have ended; false where it was not there. */
  async unload(key: string): Promise<boolean> {
    const slot = this.#slots.get(key);
    if (slot === undefined) return false;
    this.#retire(slot);
    while (this.#held.has(slot)) await this.#changed.promise;
    return true;
  }

  /** Ends loading, frees all models. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const slot of [...this.#held]) {
      slot.stop.abort(closedError());
      this.#slots.delete(slot.source.key);
      this.#free(slot);
    }
    await Promise.all(this.#closing);
  }

  #begin(source: ModelSource<unknown>): Slot {
    const slot: Slot = {
      source,
      lane: new Lane(),
      stop: new AbortController(),
      listeners: new Set(),
      ready: Promise.reject(closedError()),
      loaded: null,
      bytes: 0,
      jobs: 0,
      retired: false,
      idleSince: 0,
      timer: undefined,
    };
    slot.ready.catch(() => undefined);
    slot.ready = this.#load(slot);
    slot.ready.catch(() => undefined);
    this.#slots.set(source.key, slot);
    this.#held.add(slot);
    return slot;
  }

  async #load(slot: Slot): Promise<Loaded<unknown>> {
    const { source, stop } = slot;
    const tell = (event: ServiceEvent): void => {
      for (const listener of [...slot.listeners]) listener(event);
    };
    try {
      const bytes = await source.needs(stop.signal, tell);
      // One at a time: two models shall not be promised the same memory.
      const room = this.#room.then(() => this.#makeRoom(slot, bytes));
      this.#room = room.catch(() => undefined);
      await room;
      const loaded = await source.load(stop.signal, tell);
      if (this.#closed) {
        await loaded.close();
        throw closedError();
      }
      slot.bytes = loaded.bytes;
      slot.loaded = loaded;
      this.loadedCount += 1;
      return loaded;
    } catch (error) {
      // The next job tries anew.
      if (this.#slots.get(source.key) === slot) this.#slots.delete(source.key);
      this.#held.delete(slot);
      this.#tellChange();
      throw error;
    }
  }

  async #makeRoom(slot: Slot, bytes: number): Promise<void> {
    const { memoryBudget, available } = this.#limits;
    const { name } = slot.source;
    if (bytes > memoryBudget) {
      throw new PgenrmError(
        'OUT_OF_MEMORY',
        `${name} needs about ${megabytes(bytes)} MB, the memory budget is ${megabytes(memoryBudget)} MB; raise it or take a smaller model`,
      );
    }
    for (;;) {
      slot.stop.signal.throwIfAborted();
      const change = this.#changed.promise;
      const fits = this.bytes + bytes <= memoryBudget;
      if (fits && bytes <= available()) break;
      const idle = [...this.#held]
        .filter(({ loaded, jobs }) => loaded !== null && jobs === 0)
        .sort((a, b) => a.idleSince - b.idleSince)[0];
      if (idle !== undefined) {
        this.#retire(idle);
        await Promise.all(this.#closing);
      } else if (fits) {
        throw new PgenrmError(
          'OUT_OF_MEMORY',
          `${name} needs about ${megabytes(bytes)} MB, the machine has ${megabytes(available())} MB to give; close other programs or take a smaller model`,
        );
      } else {
        // Models that are at work make room once they are idle.
        await unlessAborted(change, slot.stop.signal);
      }
    }
    slot.bytes = bytes;
  }

  #idle(slot: Slot): void {
    slot.idleSince = ++this.#clock;
    if (slot.loaded === null) {
      // Nobody waits for it any more.
      if (this.#slots.get(slot.source.key) === slot) this.#slots.delete(slot.source.key);
      slot.stop.abort(new DOMException('nobody waits for this model any more', 'AbortError'));
    } else if (slot.retired) this.#free(slot);
    else if (this.#limits.unloadAfterMs !== null) {
      slot.timer = setTimeout(() => this.#retire(slot), this.#limits.unloadAfterMs);
      slot.timer.unref();
    }
    this.#tellChange();
  }

  #retire(slot: Slot): void {
    slot.retired = true;
    if (this.#slots.get(slot.source.key) === slot) this.#slots.delete(slot.source.key);
    if (slot.jobs === 0) this.#free(slot);
  }

  #free(slot: Slot): void {
    clearTimeout(slot.timer);
    const { loaded } = slot;
    if (loaded === null) return;
    slot.loaded = null;
    const closing: Promise<void> = loaded.close().finally(() => {
      this.#held.delete(slot);
      this.#closing.delete(closing);
      this.unloadedCount += 1;
      this.#tellChange();
    });
    this.#closing.add(closing);
  }

  #tellChange(): void {
    this.#changed.resolve();
    this.#changed = withResolvers();
  }
}

interface PromiseWithResolversOf {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

function withResolvers(): PromiseWithResolversOf {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

function closedError(): PgenrmError {
  return new PgenrmError('DISPOSED', 'this service was closed; begin another one');
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
