// The way back through one batch, and the step of AdamW that follows; twin of native/core/refine.cpp.
// Moments lie in the order of the weights, the prototypes' after them.
import {
  alpha,
  atHistoryBias,
  atQuery,
  atQueryBias,
  atSummary,
  atSummaryBias,
  batchRows,
  biasGradient,
  bytes,
  d,
  dAlpha,
  da,
  dInner,
  ds,
  dz,
  eventCount,
  eventsBegin,
  firstMoments,
  gradient,
  o,
  prototypeCount,
  q,
  s,
  secondMoments,
  weightCount,
  x,
} from './refine-batch';
import { axpy, dotF32 } from './simd';

let prototypes: usize = 0;
let weights: usize = 0;
let learningRate: f32 = 0;
let stepCount: i32 = 0;
let keep: f32 = 1;
let rate: f32 = 0;
let correction: f32 = 1;

/** Begins a training of these prototypes and weights. */
export function startSteps(
  trainedPrototypes: usize,
  trainedWeights: usize,
  rateGiven: f32,
  decay: f32,
): void {
  prototypes = trainedPrototypes;
  weights = trainedWeights;
  learningRate = rateGiven;
  keep = <f32>1 - rateGiven * decay;
  stepCount = 0;
}

/** dloss/ds = lambda_s W_s^T dloss/dz */
export function summaryGradient(summaryWeight: f32): void {
  memory.fill(ds, 0, bytes(batchRows * d));
  for (let i = 0; i < d; i++) {
    for (let b = 0; b < batchRows; b++) {
      axpy(
        summaryWeight * load<f32>(dz + bytes(b * d + i)),
        weights + bytes(atSummary + i * d),
        ds + bytes(b * d),
        d,
      );
    }
  }
}

/** Through the attention and the tanh; leaves dloss/d(W_hist x + b) in dInner and dloss/da in da. */
export function historyGradient(a: usize, queryPull: f32): void {
  memory.fill(da, 0, bytes(d));
  const root = Math.sqrt(<f64>d);
  for (let b = 0; b < batchRows; b++) {
    axpy(1, dz + bytes(b * d), da, d);
    const end = eventsBegin(b + 1);
    let mean: f64 = 0;
    for (let e = eventsBegin(b); e < end; e++) {
      const slope = <f64>dotF32(o + bytes(e * d), ds + bytes(b * d), d);
      store<f64>(dAlpha + ((<usize>e) << 3), slope);
      mean += load<f64>(alpha + ((<usize>e) << 3)) * slope;
    }
    for (let e = eventsBegin(b); e < end; e++) {
      const share = load<f64>(alpha + ((<usize>e) << 3));
      const dLogit = <f32>((share * (load<f64>(dAlpha + ((<usize>e) << 3)) - mean)) / root);
      axpy(dLogit, o + bytes(e * d), da, d);
      for (let i = 0; i < d; i++) {
        const activated = load<f32>(o + bytes(e * d + i));
        const pull = load<f32>(a + bytes(i)) + queryPull * load<f32>(q + bytes(b * d + i));
        const dO: f32 = <f32>share * load<f32>(ds + bytes(b * d + i)) + dLogit * pull;
        store<f32>(dInner + bytes(e * d + i), dO * (<f32>1 - activated * activated));
      }
    }
  }
}

/** Every prototype takes the step, as one parameter: those of other rows by decay and momentum alone. */
export function update(p: i32, queryWeight: f32, summaryWeight: f32): void {
  stepCount++;
  rate = <f32>(<f64>learningRate / (1.0 - 0.9 ** <f64>stepCount));
  correction = <f32>(1.0 / Math.sqrt(1.0 - 0.999 ** <f64>stepCount));
  updateWeight(0, atHistoryBias, 2 * d, dInner, x, eventCount, 1);
  updateWeight(atQuery, atQueryBias, d, dz, q, batchRows, queryWeight);
  updateWeight(atSummary, atSummaryBias, d, dz, s, batchRows, summaryWeight);
  memory.fill(gradient, 0, bytes(d));
  for (let other = 0; other < prototypeCount; other++) {
    adamw(prototypes + bytes(other * d), other === p ? da : gradient, weightCount + other * d, d);
  }
}

/** Gradient of row i of a weight: sum over c of slopes[c * d + i] * inputs[c], times scale; then AdamW on it. */
function updateWeight(
  offset: i32,
  biasOffset: i32,
  inputs: i32,
  slopes: usize,
  columns: usize,
  count: i32,
  scale: f32,
): void {
  for (let i = 0; i < d; i++) {
    memory.fill(gradient, 0, bytes(inputs));
    let bias: f32 = 0;
    for (let c = 0; c < count; c++) {
      const slope: f32 = scale * load<f32>(slopes + bytes(c * d + i));
      bias += slope;
      axpy(slope, columns + bytes(c * inputs), gradient, inputs);
    }
    store<f32>(biasGradient + bytes(i), bias);
    adamw(weights + bytes(offset + i * inputs), gradient, offset + i * inputs, inputs);
  }
  adamw(weights + bytes(biasOffset), biasGradient, biasOffset, d);
}

function adamw(numbers: usize, slopes: usize, at: i32, n: i32): void {
  const first = firstMoments + bytes(at);
  const second = secondMoments + bytes(at);
  for (let i = 0; i < n; i++) {
    const place = bytes(i);
    const g = load<f32>(slopes + place);
    const m: f32 = <f32>0.9 * load<f32>(first + place) + <f32>0.1 * g;
    const v: f32 = <f32>0.999 * load<f32>(second + place) + <f32>0.001 * g * g;
    store<f32>(first + place, m);
    store<f32>(second + place, v);
    const number = load<f32>(numbers + place);
    store<f32>(numbers + place, number * keep - (rate * m) / (sqrt<f32>(v) * correction + <f32>1e-8));
  }
}
