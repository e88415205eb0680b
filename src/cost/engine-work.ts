// What the native engine does, in counts, and what each of them costs.
// Pure arithmetic; counting and fitting are others'.

/** What the engine's work costs, in milliseconds; none is negative. */
export interface StepCost {
  /** A decode call, whatever is in it. */
  readonly call: number;
  readonly promptRow: number;
  readonly sampleRow: number;
  /** Each token that a row attends to, itself among them. */
  readonly promptAttended: number;
  readonly sampleAttended: number;
  /** A row for each KV cell in use, whosever it is: masks are read and caches shared. */
  readonly rowCell: number;
  /** A KV cell that attention reads, for all rows that it is read for together. */
  readonly cellRead: number;
  /** Drawing one token. */
  readonly draw: number;
}

/** Counts of the engine's work, summed up. */
export interface EngineWork {
  readonly calls: number;
  readonly promptRows: number;
  readonly sampleRows: number;
  readonly promptAttended: number;
  readonly sampleAttended: number;
  readonly rowCells: number;
  readonly cellsRead: number;
  readonly generatedTokens: number;
}

/** No work at all. */
export const NOTHING: EngineWork = {
  calls: 0,
  promptRows: 0,
  sampleRows: 0,
  promptAttended: 0,
  sampleAttended: 0,
  rowCells: 0,
  cellsRead: 0,
  generatedTokens: 0,
};

/** What the engine's work costs, drawing left out. */
export function decodeMs(cost: StepCost, work: Omit<EngineWork, 'generatedTokens'>): number {
  return (
    cost.call * work.calls +
    cost.promptRow * work.promptRows +
    cost.sampleRow * work.sampleRows +
    cost.promptAttended * work.promptAttended +
    cost.sampleAttended * work.sampleAttended +
    cost.rowCell * work.rowCells +
    cost.cellRead * work.cellsRead
  );
}

/** Names of the counts. */
const COUNTS = Object.keys(NOTHING) as (keyof EngineWork)[];

const eachCount = (value: (name: keyof EngineWork) => number): EngineWork =>
  Object.fromEntries(COUNTS.map((name) => [name, value(name)])) as unknown as EngineWork;

export const sumOf = (a: EngineWork, b: EngineWork): EngineWork => eachCount((name) => a[name] + b[name]);

/** The work from `before` to `after`, over `parts`. */
export const meanOf = (before: EngineWork, after: EngineWork, parts: number): EngineWork =>
  eachCount((name) => (after[name] - before[name]) / parts);
