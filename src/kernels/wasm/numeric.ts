// The WASM kernels other than the index: arguments in, one call, results out.
// Runs on the calling thread.
import {
  AGGREGATE_METHODS,
  type Aggregate,
  type CheckedAggregate,
  chainCount,
  type WinCounts,
} from '../aggregate.js';
import type { CheckedKMeans, KMeansFit } from '../kmeans.js';
import type { CheckedRefinement, Refinement, RefinementData } from '../refine.js';
import type { ClusterSums, PermutationTest } from '../resample.js';
import { METRICS } from '../vector-index.js';
import type { Matrix, Metric, Neighbours } from '../vectors.js';
import { type WasmExports, withWasm } from './module.js';

export function normaliseRows(exports: WasmExports, name: string, vectors: Matrix): Float32Array {
  const { data, dim } = vectors;
  return withWasm(exports, (call) => {
    const block = call.copied(data);
    call.check(exports.normaliseRows(block, data.length / dim, dim), name);
    return call.float32(block, data.length);
  });
}

export function distances(exports: WasmExports, queries: Matrix, rows: Matrix, metric: Metric): Float32Array {
  const { dim } = rows;
  const counts = { queries: queries.data.length / dim, rows: rows.data.length / dim };
  return withWasm(exports, (call) => {
    const out = call.room(counts.queries * counts.rows * 4);
    exports.distances(
      METRICS[metric],
      call.copied(queries.data),
      counts.queries,
      call.copied(rows.data),
      counts.rows,
      dim,
      out,
    );
    return call.float32(out, counts.queries * counts.rows);
  });
}

export function exactSearch(
  exports: WasmExports,
  queries: Matrix,
  rows: Matrix,
  metric: Metric,
  k: number,
): Neighbours {
  const { dim } = rows;
  const count = queries.data.length / dim;
  return withWasm(exports, (call) => {
    const labels = call.room(count * k * 4);
    const found = call.room(count * k * 4);
    const code = exports.exactSearch(
      METRICS[metric],
      call.copied(queries.data),
      count,
      call.copied(rows.data),
      rows.data.length / dim,
      dim,
      k,
      labels,
      found,
    );
    call.check(code, 'rows');
    return { k, labels: call.uint32(labels, count * k), distances: call.float32(found, count * k) };
  });
}

export function kmeansFit(exports: WasmExports, vectors: Matrix, checked: CheckedKMeans): KMeansFit {
  const { rows, k } = checked;
  return withWasm(exports, (call) => {
    const centres = call.room(k * vectors.dim * 4);
    const assignment = call.room(rows * 4);
    const result = call.room(24);
    const code = exports.kmeansFit(
      call.copied(vectors.data),
      rows,
      vectors.dim,
      k,
      checked.seed,
      checked.restarts,
      checked.maxIterations,
      checked.tolerance,
      centres,
      assignment,
      result,
    );
    call.check(code, 'vectors');
    const [inertia, iterations, totalIterations] = call.float64(result, 3);
    return {
      centres: call.float32(centres, k * vectors.dim),
      assignment: call.uint32(assignment, rows),
      inertia: inertia!,
      iterations: iterations!,
      totalIterations: totalIterations!,
    };
  });
}

export function refinePrototypes(
  exports: WasmExports,
  data: RefinementData,
  checked: CheckedRefinement,
): Refinement {
  return withWasm(exports, (call) => {
    exports.refineData(
      data.dim,
      checked.prototypeCount,
      checked.rows,
      call.copied(data.assignment),
      call.copied(data.query),
      call.copied(data.chosen),
      call.copied(data.rejected),
      call.copied(data.historyStart),
      call.copied(data.historyQuery),
      call.copied(data.historyChosen),
      call.copied(data.historyRejected),
    );
    const prototypes = call.copied(data.prototypes);
    const weights = call.copied(checked.weights);
    const losses = call.room(checked.steps * 8);
    const code = exports.refineTrain(
      checked.epochs,
      checked.batchSize,
      checked.learningRate,
      checked.weightDecay,
      checked.queryPull,
      checked.queryWeight,
      checked.summaryWeight,
      prototypes,
      weights,
      losses,
    );
    call.check(code, 'refinement vectors');
    return {
      prototypes: call.float32(prototypes, data.prototypes.length),
      losses: call.float64(losses, checked.steps),
      weights: call.float32(weights, checked.weights.length),
    };
  });
}

export function aggregateScores(exports: WasmExports, input: CheckedAggregate): Aggregate {
  const { candidates } = input;
  return withWasm(exports, (call) => {
    const out = call.room((3 * candidates + 2) * 8);
    const code = exports.aggregateScores(
      call.copied(input.individual),
      call.copied(input.individualWeights),
      input.individualWeights.length,
      call.copied(input.prototype),
      call.copied(input.prototypeWeights),
      input.prototypeWeights.length,
      candidates,
      AGGREGATE_METHODS[input.method],
      input.trim,
      input.individualShare,
      out,
    );
    call.check(code, 'scores');
    const numbers = call.float64(out, 3 * candidates + 2);
    return {
      scores: numbers.slice(0, candidates),
      individual: numbers.slice(candidates, 2 * candidates),
      prototype: numbers.slice(2 * candidates, 3 * candidates),
      usableIndividual: numbers[3 * candidates]!,
      usablePrototype: numbers[3 * candidates + 1]!,
    };
  });
}

export function countWins(
  exports: WasmExports,
  scores: Float64Array,
  candidates: number,
  tolerance: number,
): WinCounts {
  const chains = chainCount('scores', scores, candidates);
  return withWasm(exports, (call) => {
    const out = call.room((candidates + 2) * 4);
    exports.countWins(call.copied(scores), chains, candidates, tolerance, out);
    const counts = call.uint32(out, candidates + 2);
    return {
      wins: counts.slice(0, candidates),
      ties: counts[candidates]!,
      unusable: counts[candidates + 1]!,
    };
  });
}

export function bootstrapMeans(
  exports: WasmExports,
  clusters: ClusterSums,
  resamples: number,
  seed: number,
): Float64Array {
  return withWasm(exports, (call) => {
    const means = call.room(resamples * 8);
    const count = clusters.sums.length;
    exports.bootstrapMeans(
      call.copied(clusters.sums),
      call.copied(clusters.counts),
      count,
      resamples,
      seed,
      means,
    );
    return call.float64(means, resamples);
  });
}

export function permutationTest(
  exports: WasmExports,
  clusters: ClusterSums,
  permutations: number,
  seed: number,
): PermutationTest {
  return withWasm(exports, (call) => {
    const out = call.room(16);
    const count = clusters.sums.length;
    exports.permutationTest(
      call.copied(clusters.sums),
      call.copied(clusters.counts),
      count,
      permutations,
      seed,
      out,
    );
    const [difference, pValue] = call.float64(out, 2);
    return { difference: difference!, pValue: pValue! };
  });
}
