// History-aware attentive refinement of prototypes: the batches and the way forward; twin of native/core/refine.cpp.
// One training runs at a time.
import {
  alpha,
  atHistoryBias,
  atQuery,
  atQueryBias,
  atSummary,
  atSummaryBias,
  batchRows,
  beginBatch,
  bytes,
  chosen,
  d,
  dots,
  dz,
  eventCount,
  eventsBegin,
  eventsInAll,
  fromQuery,
  fromSummary,
  gap,
  gather,
  historyChosen,
  historyQuery,
  historyRejected,
  o,
  offerRow,
  prototypeCount,
  q,
  query,
  rejected,
  releaseBlocks,
  rowCount,
  s,
  takeBlocks,
  weightCount,
  x,
} from './refine-batch';
import { historyGradient, startSteps, summaryGradient, update } from './refine-step';
import { axpy, dotF32, dotsOfRow } from './simd';
import { OK, OUT_OF_MEMORY } from './status';
import { checkFinite, normaliseRow, normaliseRows } from './vectors';

let prototypes: usize = 0;
let weights: usize = 0;
let queryPull: f32 = 0;
let queryWeight: f32 = 0;
let summaryWeight: f32 = 0;

/** Trains prototypes f32 [prototypes x d] and weights in place; losses f64 [steps]. */
export function refineTrain(
  epochs: i32,
  batchSize: i32,
  learningRate: f32,
  weightDecay: f32,
  pull: f32,
  ofQuery: f32,
  ofSummary: f32,
  trainedPrototypes: usize,
  trainedWeights: usize,
  losses: usize,
): i32 {
  prototypes = trainedPrototypes;
  weights = trainedWeights;
  queryPull = pull;
  queryWeight = ofQuery;
  summaryWeight = ofSummary;
  const events = eventsInAll();
  let status = checkFinite(query, rowCount, d);
  if (status === OK) status = checkFinite(chosen, rowCount, d);
  if (status === OK) status = checkFinite(rejected, rowCount, d);
  if (status === OK) status = checkFinite(historyQuery, events, d);
  if (status === OK) status = checkFinite(historyChosen, events, d);
  if (status === OK) status = checkFinite(historyRejected, events, d);
  if (status === OK) status = checkFinite(weights, 1, weightCount);
  if (status === OK) status = normaliseRows(prototypes, prototypeCount, d);
  if (status !== OK) return status;
  const taken = takeBlocks(batchSize);
  if (taken) train(epochs, batchSize, learningRate, weightDecay, losses);
  releaseBlocks();
  return taken ? OK : OUT_OF_MEMORY;
}

function train(epochs: i32, batchSize: i32, learningRate: f32, weightDecay: f32, losses: usize): void {
  startSteps(prototypes, weights, learningRate, weightDecay);
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (let p = 0; p < prototypeCount; p++) {
      beginBatch();
      for (let i = 0; i < rowCount; i++) {
        offerRow(i, p);
        if (batchRows === 0 || (batchRows < batchSize && i < rowCount - 1)) continue;
        store<f64>(losses, step(p));
        losses += 8;
        beginBatch();
      }
    }
  }
  for (let p = 0; p < prototypeCount; p++) normaliseRow(prototypes + bytes(p * d), d);
}

/** Trains on the batch; returns its mean loss before the update. */
function step(p: i32): f64 {
  const a = prototypes + bytes(p * d);
  gather();
  attend(a);
  const loss = margins(a);
  summaryGradient(summaryWeight);
  historyGradient(a, queryPull);
  update(p, queryWeight, summaryWeight);
  normaliseRow(a, d);
  return loss;
}

/** out[c * d + i] = weight row i . columns[c] */
function products(weight: usize, inputs: i32, columns: usize, count: i32, out: usize): void {
  for (let i = 0; i < d; i++) {
    dotsOfRow(weight + bytes(i * inputs), columns, count, inputs, dots);
    for (let c = 0; c < count; c++) store<f32>(out + bytes(c * d + i), load<f32>(dots + bytes(c)));
  }
}

/** o = tanh(W_hist x + b); alpha = softmax(o . a / sqrt(d) + rho o . q / sqrt(d)); s = sum of alpha o. */
function attend(a: usize): void {
  products(weights, 2 * d, x, eventCount, o);
  for (let e = 0; e < eventCount; e++) {
    for (let i = 0; i < d; i++) {
      const at = o + bytes(e * d + i);
      store<f32>(at, <f32>Math.tanh(<f64>(load<f32>(at) + load<f32>(weights + bytes(atHistoryBias + i)))));
    }
  }
  memory.fill(s, 0, bytes(batchRows * d));
  const root = Math.sqrt(<f64>d);
  for (let b = 0; b < batchRows; b++) {
    const end = eventsBegin(b + 1);
    let most: f64 = -Infinity;
    for (let e = eventsBegin(b); e < end; e++) {
      const toPrototype = <f64>dotF32(o + bytes(e * d), a, d);
      const toQuery = <f64>dotF32(o + bytes(e * d), q + bytes(b * d), d);
      const logit = (toPrototype + <f64>queryPull * toQuery) / root;
      store<f64>(alpha + ((<usize>e) << 3), logit);
      most = Math.max(most, logit);
    }
    let total: f64 = 0;
    for (let e = eventsBegin(b); e < end; e++) {
      const at = alpha + ((<usize>e) << 3);
      const power = Math.exp(load<f64>(at) - most);
      store<f64>(at, power);
      total += power;
    }
    for (let e = eventsBegin(b); e < end; e++) {
      const at = alpha + ((<usize>e) << 3);
      const share = load<f64>(at) / total;
      store<f64>(at, share);
      axpy(<f32>share, o + bytes(e * d), s + bytes(b * d), d);
    }
  }
}

/** z = a + lambda_q (W_q q + b_q) + lambda_s (W_s s + b_s); loss = -log sigmoid(z . gap). Leaves dloss/dz in dz. */
function margins(a: usize): f64 {
  products(weights + bytes(atQuery), d, q, batchRows, fromQuery);
  products(weights + bytes(atSummary), d, s, batchRows, fromSummary);
  let loss: f64 = 0;
  for (let b = 0; b < batchRows; b++) {
    let margin: f64 = 0;
    for (let i = 0; i < d; i++) {
      const at = bytes(b * d + i);
      const ofQuery = load<f32>(fromQuery + at) + load<f32>(weights + bytes(atQueryBias + i));
      const ofSummary = load<f32>(fromSummary + at) + load<f32>(weights + bytes(atSummaryBias + i));
      const z: f32 = load<f32>(a + bytes(i)) + queryWeight * ofQuery + summaryWeight * ofSummary;
      margin += <f64>z * <f64>load<f32>(gap + at);
    }
    loss += margin > 0 ? Math.log1p(Math.exp(-margin)) : -margin + Math.log1p(Math.exp(margin));
    const slope = <f32>(-1.0 / (1.0 + Math.exp(margin)) / <f64>batchRows);
    for (let i = 0; i < d; i++) {
      const at = bytes(b * d + i);
      store<f32>(dz + at, slope * load<f32>(gap + at));
    }
  }
  return loss / <f64>batchRows;
}
