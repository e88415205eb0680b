// The nouns of attentive prototype refinement, the layout of its weights and the checks of its arguments.
// Computes nothing: the three implementations do.
import { PgenrmError } from '../errors.js';
import { checkInteger, checkNumber, checkSeed, checkThreads } from './checks.js';
import { Xoshiro128 } from './random.js';

/** Preference pairs of the members, and the prototypes to refine. Rows are unit embeddings. */
export interface RefinementData {
  readonly dim: number;
  /** Prototypes (normalised k-means centres), A in the paper. Shape [prototypes, dim]. */
  readonly prototypes: Float32Array;
  /** Prototype of each row. Shape [rows]. */
  readonly assignment: Uint32Array;
  /** Queries q, chosen replies r+ and rejected replies r-. Shape [rows, dim] each. */
  readonly query: Float32Array;
  readonly chosen: Float32Array;
  readonly rejected: Float32Array;
  /** Events of row i are `historyStart[i]` to `historyStart[i + 1]` (exclusive). Shape [rows + 1]. */
  readonly historyStart: Uint32Array;
  /** History queries h, chosen c+ and rejected c-. Shape [events, dim] each. */
  readonly historyQuery: Float32Array;
  readonly historyChosen: Float32Array;
  readonly historyRejected: Float32Array;
}

/** How refinement is trained (AdamW, betas 0.9 and 0.999, epsilon 1e-8). */
export interface RefinementOptions {
  /** Seed of the initial weights where none are given; unsigned 32-bit integer. */
  readonly seed: number;
  /** Initial weights: W_hist, b, W_q, b_q, W_s, b_s, each row by row; default uniform by the layer's inputs. */
  readonly weights?: Float32Array;
  /** Passes over the rows; 0 to 1000, default 1. */
  readonly epochs?: number;
  /** Rows a step, all of one prototype; 1 to 65,536, default 16. */
  readonly batchSize?: number;
  /** Default 1e-3. */
  readonly learningRate?: number;
  /** Default 0.01. */
  readonly weightDecay?: number;
  /** Pull of the query on the attention, rho in the paper; default 0.5. */
  readonly queryPull?: number;
  /** Weights of the query and the history summary, lambda_q and lambda_s; default 1 each. */
  readonly queryWeight?: number;
  readonly summaryWeight?: number;
  readonly threads?: number;
}

/** Refined prototypes and what training saw. */
export interface Refinement {
  /** Unit rows. Shape [prototypes, dim]. */
  readonly prototypes: Float32Array;
  /** Mean loss of each step before its update. Shape [steps]. */
  readonly losses: Float64Array;
  /** Weights after the last step, in the order of `RefinementOptions.weights`. */
  readonly weights: Float32Array;
}

/** Where each weight begins in the flat array; `total` is its length. */
export interface WeightLayout {
  /** W_hist, shape [dim, 2 dim]: columns 0 to dim for h, the rest for c+ - c-. */
  readonly history: number;
  /** b, shape [dim]. */
  readonly historyBias: number;
  /** W_q and b_q, shapes [dim, dim] and [dim]. */
  readonly query: number;
  readonly queryBias: number;
  /** W_s and b_s. */
  readonly summary: number;
  readonly summaryBias: number;
  readonly total: number;
}

/** The layout of refinement weights: W_hist, b, W_q, b_q, W_s, b_s, each row by row. */
export function weightLayout(dim: number): WeightLayout {
  const square = dim * dim;
  const history = 0;
  const historyBias = 2 * square;
  const query = historyBias + dim;
  const queryBias = query + square;
  const summary = queryBias + dim;
  const summaryBias = summary + square;
  return { history, historyBias, query, queryBias, summary, summaryBias, total: summaryBias + dim };
}

/** Arguments with defaults filled in, numbers in the order that the compiled kernels take them. */
export interface CheckedRefinement {
  readonly rows: number;
  readonly events: number;
  readonly prototypeCount: number;
  readonly weights: Float32Array;
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly queryPull: number;
  readonly queryWeight: number;
  readonly summaryWeight: number;
  /** Steps of the whole training. */
  readonly steps: number;
}

/** Errors: `INVALID_OPTION`, `INVALID_VECTOR` for broken shapes. */
export function checkRefinement(data: RefinementData, options: RefinementOptions): CheckedRefinement {
  const { dim } = data;
  checkInteger('dim', dim, 1, 16384);
  checkSeed(options.seed);
  checkThreads(options.threads);
  const rows = data.assignment.length;
  if (rows === 0)
    throw new PgenrmError('INVALID_OPTION', 'refinement needs at least one preference pair, but got none');
  const prototypeCount = data.prototypes.length / dim;
  if (prototypeCount < 1)
    throw new PgenrmError('INVALID_OPTION', 'refinement needs at least one prototype, but got none');
  checkInteger('historyStart.length', data.historyStart.length, rows + 1, rows + 1);
  checkStarts(data.historyStart);
  const events = data.historyStart[rows]!;
  for (const [name, array, expected] of [
    ['prototypes', data.prototypes, Math.floor(prototypeCount)],
    ['query', data.query, rows],
    ['chosen', data.chosen, rows],
    ['rejected', data.rejected, rows],
    ['historyQuery', data.historyQuery, events],
    ['historyChosen', data.historyChosen, events],
    ['historyRejected', data.historyRejected, events],
  ] as const) {
    if (array.length !== expected * dim) {
      throw new PgenrmError(
        'INVALID_VECTOR',
        `${name} must hold ${expected} rows of ${dim} numbers, but holds ${array.length} numbers`,
      );
    }
  }
  const wrong = data.assignment.findIndex((prototype) => prototype >= prototypeCount);
  if (wrong >= 0) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `assignment must name one of ${prototypeCount} prototypes, but row ${wrong} names ${data.assignment[wrong]}`,
    );
  }
  const layout = weightLayout(dim);
  const weights = options.weights ?? initialWeights(dim, options.seed);
  if (weights.length !== layout.total) {
    throw new PgenrmError(
      'INVALID_VECTOR',
      `weights must hold ${layout.total} numbers, but holds ${weights.length}`,
    );
  }
  const epochs = options.epochs ?? 1;
  const batchSize = options.batchSize ?? 16;
  checkInteger('epochs', epochs, 0, 1000);
  checkInteger('batchSize', batchSize, 1, 65536);
  const checked = {
    learningRate: options.learningRate ?? 1e-3,
    weightDecay: options.weightDecay ?? 0.01,
    queryPull: options.queryPull ?? 0.5,
    queryWeight: options.queryWeight ?? 1,
    summaryWeight: options.summaryWeight ?? 1,
  };
  checkNumber('learningRate', checked.learningRate, 0, 1);
  checkNumber('weightDecay', checked.weightDecay, 0, 1);
  checkNumber('queryPull', checked.queryPull, -1e3, 1e3);
  checkNumber('queryWeight', checked.queryWeight, -1e3, 1e3);
  checkNumber('summaryWeight', checked.summaryWeight, -1e3, 1e3);
  const steps = epochs * stepsOfEpoch(data.assignment, prototypeCount, batchSize);
  return { rows, events, prototypeCount, weights, epochs, batchSize, ...checked, steps };
}

/** Weights drawn uniformly from plus or minus 1 / sqrt(inputs), biases too. */
function initialWeights(dim: number, seed: number): Float32Array {
  const layout = weightLayout(dim);
  const random = new Xoshiro128(seed, 0);
  const weights = new Float32Array(layout.total);
  for (let i = 0; i < weights.length; i++) {
    const bound = 1 / Math.sqrt(i < layout.query ? 2 * dim : dim);
    weights[i] = (2 * random.uniform() - 1) * bound;
  }
  return weights;
}

function stepsOfEpoch(assignment: Uint32Array, prototypes: number, batchSize: number): number {
  const members = new Uint32Array(prototypes);
  for (const prototype of assignment) members[prototype]! += 1;
  return members.reduce((steps, count) => steps + Math.ceil(count / batchSize), 0);
}

function checkStarts(starts: Uint32Array): void {
  if (starts[0] !== 0)
    throw new PgenrmError('INVALID_OPTION', `historyStart must begin with 0, but begins with ${starts[0]}`);
  for (let i = 1; i < starts.length; i++) {
    if (starts[i]! < starts[i - 1]!) {
      throw new PgenrmError('INVALID_OPTION', `historyStart must not fall, but does at row ${i - 1}`);
    }
  }
}
