// History-aware attentive refinement of prototypes, trained by AdamW; twin of native/core/refine.cpp.
// Scratch blocks live in module variables while a training runs; one training runs at a time.
import { release, take } from './memory';
import { axpy, dotF32, dotsOfRow } from './simd';
import { OK, OUT_OF_MEMORY } from './status';
import { checkFinite, normaliseRow, normaliseRows } from './vectors';

let d: i32 = 0;
let prototypeCount: i32 = 0;
let rowCount: i32 = 0;
let assignment: usize = 0;
let query: usize = 0;
let chosen: usize = 0;
let rejected: usize = 0;
let historyStart: usize = 0;
let historyQuery: usize = 0;
let historyChosen: usize = 0;
let historyRejected: usize = 0;
let prototypes: usize = 0;
let weights: usize = 0;
let queryPull: f32 = 0;
let queryWeight: f32 = 0;
let summaryWeight: f32 = 0;

// Offsets of the weights in numbers: W_hist [d x 2d], b, W_q [d x d], b_q, W_s [d x d], b_s.
let atHistoryBias: i32 = 0;
let atQuery: i32 = 0;
let atQueryBias: i32 = 0;
let atSummary: i32 = 0;
let atSummaryBias: i32 = 0;
let weightCount: i32 = 0;

// AdamW: moments in the order of the weights, the prototypes' after them.
let firstMoments: usize = 0;
let secondMoments: usize = 0;
let stepCount: i32 = 0;
let keep: f32 = 1;
let rate: f32 = 0;
let correction: f32 = 1;

// One batch: rows b, their events e from eventStart[b]; every matrix has rows of d numbers but x (2d).
let batch: usize = 0;
let batchRows: i32 = 0;
let eventStart: usize = 0;
let eventCount: i32 = 0;
let x: usize = 0;
let q: usize = 0;
let gap: usize = 0;
let o: usize = 0;
let s: usize = 0;
let alpha: usize = 0;
let dAlpha: usize = 0;
let fromQuery: usize = 0;
let fromSummary: usize = 0;
let dz: usize = 0;
let ds: usize = 0;
let dInner: usize = 0;
let da: usize = 0;
let gradient: usize = 0;
let biasGradient: usize = 0;
let dots: usize = 0;

/** Gives the inputs of the next `refineTrain`: pointers to u32 or f32 arrays, as in src/kernels/refine.ts. */
export function refineData(
  dim: i32,
  prototypesGiven: i32,
  rows: i32,
  rowAssignment: usize,
  rowQuery: usize,
  rowChosen: usize,
  rowRejected: usize,
  starts: usize,
  eventQuery: usize,
  eventChosen: usize,
  eventRejected: usize,
): void {
  d = dim;
  prototypeCount = prototypesGiven;
  rowCount = rows;
  assignment = rowAssignment;
  query = rowQuery;
  chosen = rowChosen;
  rejected = rowRejected;
  historyStart = starts;
  historyQuery = eventQuery;
  historyChosen = eventChosen;
  historyRejected = eventRejected;
  atHistoryBias = 2 * d * d;
  atQuery = atHistoryBias + d;
  atQueryBias = atQuery + d * d;
  atSummary = atQueryBias + d;
  atSummaryBias = atSummary + d * d;
  weightCount = atSummaryBias + d;
}

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
  const events = <i32>load<u32>(historyStart + ((<usize>rowCount) << 2));
  let status = checkFinite(query, rowCount, d);
  if (status === OK) status = checkFinite(chosen, rowCount, d);
  if (status === OK) status = checkFinite(rejected, rowCount, d);
  if (status === OK) status = checkFinite(historyQuery, events, d);
  if (status === OK) status = checkFinite(historyChosen, events, d);
  if (status === OK) status = checkFinite(historyRejected, events, d);
  if (status === OK) status = checkFinite(weights, 1, weightCount);
  if (status === OK) status = normaliseRows(prototypes, prototypeCount, d);
  if (status !== OK) return status;
  const done = prepare(batchSize) && train(epochs, batchSize, learningRate, weightDecay, losses);
  finish();
  return done ? OK : OUT_OF_MEMORY;
}

function bytes(numbers: i32): usize {
  return (<usize>numbers) << 2;
}

/** The most events that any batch of rows of one prototype can hold. */
function mostEvents(batchSize: i32): i32 {
  let most = 0;
  for (let p = 0; p < prototypeCount; p++) {
    let rows = 0;
    let events = 0;
    for (let i = 0; i < rowCount; i++) {
      if (<i32>load<u32>(assignment + bytes(i)) !== p) continue;
      events += load<u32>(historyStart + bytes(i + 1)) - load<u32>(historyStart + bytes(i));
      rows++;
      most = max(most, events);
      if (rows === batchSize) {
        rows = 0;
        events = 0;
      }
    }
  }
  return most;
}

function prepare(batchSize: i32): bool {
  const rows = min(batchSize, rowCount);
  const events = mostEvents(batchSize);
  const numbers = weightCount + prototypeCount * d;
  const row = bytes(d);
  stepCount = 0;
  firstMoments = take(bytes(numbers));
  secondMoments = take(bytes(numbers));
  batch = take(bytes(rows));
  eventStart = take(bytes(rows + 1));
  x = take(<usize>events * 2 * row);
  q = take(<usize>rows * row);
  gap = take(<usize>rows * row);
  o = take(<usize>events * row);
  s = take(<usize>rows * row);
  alpha = take((<usize>events) << 3);
  dAlpha = take((<usize>events) << 3);
  fromQuery = take(<usize>rows * row);
  fromSummary = take(<usize>rows * row);
  dz = take(<usize>rows * row);
  ds = take(<usize>rows * row);
  dInner = take(<usize>events * row);
  da = take(row);
  gradient = take(2 * row);
  biasGradient = take(row);
  dots = take(bytes(max(rows, events)));
  const inputs = batch !== 0 && eventStart !== 0 && x !== 0 && q !== 0 && gap !== 0 && o !== 0 && s !== 0;
  const attention =
    alpha !== 0 && dAlpha !== 0 && fromQuery !== 0 && fromSummary !== 0 && dz !== 0 && ds !== 0;
  const rest = dInner !== 0 && da !== 0 && gradient !== 0 && biasGradient !== 0 && dots !== 0;
  if (!inputs || !attention || !rest || firstMoments === 0 || secondMoments === 0) return false;
  memory.fill(firstMoments, 0, bytes(numbers));
  memory.fill(secondMoments, 0, bytes(numbers));
  return true;
}

function finish(): void {
  release(firstMoments);
  release(secondMoments);
  release(batch);
  release(eventStart);
  release(x);
  release(q);
  release(gap);
  release(o);
  release(s);
  release(alpha);
  release(dAlpha);
  release(fromQuery);
  release(fromSummary);
  release(dz);
  release(ds);
  release(dInner);
  release(da);
  release(gradient);
  release(biasGradient);
  release(dots);
}

function train(epochs: i32, batchSize: i32, learningRate: f32, weightDecay: f32, losses: usize): bool {
  keep = <f32>1 - learningRate * weightDecay;
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (let p = 0; p < prototypeCount; p++) {
      batchRows = 0;
      for (let i = 0; i <= rowCount; i++) {
        const last = i === rowCount;
        if (!last && <i32>load<u32>(assignment + bytes(i)) === p) {
          store<u32>(batch + bytes(batchRows), i);
          batchRows++;
        }
        if (batchRows === batchSize || (last && batchRows > 0)) {
          store<f64>(losses, step(p, learningRate));
          losses += 8;
          batchRows = 0;
        }
      }
    }
  }
  for (let p = 0; p < prototypeCount; p++) normaliseRow(prototypes + bytes(p * d), d);
  return true;
}

/** Trains on the batch; returns its mean loss before the update. */
function step(p: i32, learningRate: f32): f64 {
  const a = prototypes + bytes(p * d);
  gather();
  attend(a);
  const loss = margins(a);
  summaryGradient();
  historyGradient(a);
  update(p, learningRate);
  normaliseRow(a, d);
  return loss;
}

/** X: [h ; c+ - c-] of every event of the batch; gap: r+ - r-. */
function gather(): void {
  eventCount = 0;
  for (let b = 0; b < batchRows; b++) {
    const row = <i32>load<u32>(batch + bytes(b));
    store<u32>(eventStart + bytes(b), eventCount);
    memory.copy(q + bytes(b * d), query + bytes(row * d), bytes(d));
    subtract(chosen + bytes(row * d), rejected + bytes(row * d), gap + bytes(b * d));
    const end = <i32>load<u32>(historyStart + bytes(row + 1));
    for (let e = <i32>load<u32>(historyStart + bytes(row)); e < end; e++) {
      const to = x + bytes(eventCount * 2 * d);
      memory.copy(to, historyQuery + bytes(e * d), bytes(d));
      subtract(historyChosen + bytes(e * d), historyRejected + bytes(e * d), to + bytes(d));
      eventCount++;
    }
  }
  store<u32>(eventStart + bytes(batchRows), eventCount);
}

function subtract(from: usize, what: usize, to: usize): void {
  for (let i = 0; i < d; i++) {
    const at = bytes(i);
    store<f32>(to + at, load<f32>(from + at) - load<f32>(what + at));
  }
}

function eventsBegin(b: i32): i32 {
  return load<u32>(eventStart + bytes(b));
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

/** dloss/ds = lambda_s W_s^T dloss/dz */
function summaryGradient(): void {
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
function historyGradient(a: usize): void {
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
function update(p: i32, learningRate: f32): void {
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
