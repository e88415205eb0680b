// What is known of the workers of a run: who answered how many rows, who refused and why, and when all rows will be done.
// Knows time by the own clock alone, so that clocks of machines may differ.

/** How far a run is, as its record tells others. */
export interface CrewStatus {
  /** Rows that the run was asked for, and those that its output holds; null before it has begun. */
  readonly rows: number | null;
  readonly done: number;
  /** Rows that were asked for and not answered. */
  readonly inFlight: number;
  /** Rows of the output that failed, by reason. */
  readonly failed: Readonly<Record<string, number>>;
  readonly workers: readonly WorkerStatus[];
  readonly refused: readonly { readonly worker: string; readonly reason: string }[];
  /** Rows a second over the last minute, and seconds until all are done; null where it cannot be told yet. */
  readonly rowsPerSecond: number | null;
  readonly secondsToGo: number | null;
  /** Why the queue cannot be used just now. */
  readonly trouble: string | null;
}

/** One worker. */
export interface WorkerStatus {
  readonly worker: string;
  readonly rows: number;
  /** Over the last minute, or since it came. */
  readonly rowsPerSecond: number;
  /** Seconds since its last answer. */
  readonly quiet: number;
}

/** Milliseconds over which speed is told. */
const WINDOW_MS = 60_000;
/** Reasons that are told apart. */
const MOST_REASONS = 20;

/** Adds up answers. */
export class Crew {
  trouble: string | null = null;
  inFlight: () => number = () => 0;
  onJoined: (worker: string) => void = () => undefined;
  rows: number | null = null;
  done = 0;
  readonly #now: () => number;
  readonly #workers = new Map<string, { rows: number; last: number; readonly speed: Speed }>();
  readonly #speed: Speed;
  readonly #refused = new Map<string, string>();
  readonly #failed = new Map<string, number>();

  /** `now`: milliseconds that never go back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#speed = new Speed(now());
  }

  /** The run was asked for so many rows, and its output holds so many. */
  begin(rows: number, done: number): void {
    this.rows = rows;
    this.done = done;
  }

  /** A worker has answered so many rows; none: it has joined. */
  answered(worker: string, rows: number): void {
    const now = this.#now();
    let one = this.#workers.get(worker);
    if (one === undefined) {
      one = { rows: 0, last: now, speed: new Speed(now) };
      this.#workers.set(worker, one);
      this.onJoined(worker);
    }
    one.rows += rows;
    one.last = now;
    one.speed.add(now, rows);
    this.#speed.add(now, rows);
  }

  refused(worker: string, reason: string): void {
    this.#refused.set(worker, reason);
  }

  /** A row of the output has failed. */
  failed(reason: string): void {
    const known = this.#failed.has(reason) || this.#failed.size < MOST_REASONS ? reason : 'other reasons';
    this.#failed.set(known, (this.#failed.get(known) ?? 0) + 1);
  }

  status(): CrewStatus {
    const now = this.#now();
    const rowsPerSecond = this.#speed.perSecond(now);
    const left = this.rows === null ? null : this.rows - this.done;
    return {
      rows: this.rows,
      done: this.done,
      inFlight: this.inFlight(),
      failed: Object.fromEntries(this.#failed),
      workers: [...this.#workers].map(([worker, { rows, last, speed }]) => ({
        worker,
        rows,
        rowsPerSecond: speed.perSecond(now) ?? 0,
        quiet: Math.round((now - last) / 1000),
      })),
      refused: [...this.#refused].map(([worker, reason]) => ({ worker, reason })),
      rowsPerSecond,
      secondsToGo:
        rowsPerSecond === null || rowsPerSecond === 0 || left === null ? null : left / rowsPerSecond,
      trouble: this.trouble,
    };
  }
}

/** Rows a second over the last minute. */
class Speed {
  readonly #began: number;
  #parts: { readonly at: number; readonly rows: number }[] = [];

  constructor(began: number) {
    this.#began = began;
  }

  add(now: number, rows: number): void {
    this.#parts.push({ at: now, rows });
    const from = now - WINDOW_MS;
    if (this.#parts[0]!.at < from) this.#parts = this.#parts.filter(({ at }) => at >= from);
  }

  perSecond(now: number): number | null {
    const from = now - WINDOW_MS;
    const rows = this.#parts.reduce((sum, part) => (part.at >= from ? sum + part.rows : sum), 0);
    const ms = Math.min(WINDOW_MS, now - this.#began);
    return rows === 0 || ms <= 0 ? null : (1000 * rows) / ms;
  }
}
