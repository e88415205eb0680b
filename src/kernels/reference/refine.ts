// Attentive refinement in plain TypeScript and 64-bit arithmetic: the oracle for the compiled kernels.
// Equations as in the paper's offline step 3; gradients are derived by hand in `backward`.
import { type CheckedRefinement, type Refinement, type RefinementData, weightLayout } from '../refine.js';

/** All trained numbers in one array: prototypes first, then the weights in the layout of `weightLayout`. */
interface Model {
  readonly dim: number;
  readonly numbers: Float64Array;
  readonly weightsAt: number;
}

export function refinePrototypes(data: RefinementData, checked: CheckedRefinement): Refinement {
  const { dim } = data;
  const weightsAt = data.prototypes.length;
  const model: Model = {
    dim,
    weightsAt,
    numbers: Float64Array.from([...data.prototypes, ...checked.weights]),
  };
  const first = new Float64Array(model.numbers.length);
  const second = new Float64Array(model.numbers.length);
  const losses = new Float64Array(checked.steps);
  let step = 0;
  for (let epoch = 0; epoch < checked.epochs; epoch++) {
    for (let prototype = 0; prototype < checked.prototypeCount; prototype++) {
      const members = [...data.assignment.keys()].filter((row) => data.assignment[row] === prototype);
      for (let start = 0; start < members.length; start += checked.batchSize) {
        const batch = members.slice(start, start + checked.batchSize);
        const { loss, gradient } = batchGradient(model, data, checked, prototype, batch);
        losses[step++] = loss;
        adamwStep(model.numbers, gradient, first, second, step, checked);
        normaliseAt(model.numbers, prototype * dim, dim);
      }
    }
  }
  for (let at = 0; at < weightsAt; at += dim) normaliseAt(model.numbers, at, dim);
  return {
    prototypes: Float32Array.from(model.numbers.subarray(0, weightsAt)),
    losses,
    weights: Float32Array.from(model.numbers.subarray(weightsAt)),
  };
}

/** Mean loss of a batch of one prototype and its gradient for every trained number; open to tests. */
export function batchGradient(
  model: Model,
  data: RefinementData,
  checked: CheckedRefinement,
  prototype: number,
  batch: readonly number[],
): { loss: number; gradient: Float64Array } {
  const gradient = new Float64Array(model.numbers.length);
  let loss = 0;
  for (const row of batch) loss += backward(model, data, checked, prototype, row, 1 / batch.length, gradient);
  return { loss: loss / batch.length, gradient };
}

function backward(
  model: Model,
  data: RefinementData,
  checked: CheckedRefinement,
  prototype: number,
  row: number,
  share: number,
  gradient: Float64Array,
): number {
  const { dim, numbers, weightsAt } = model;
  const layout = weightLayout(dim);
  const { queryPull: rho, queryWeight: lambdaQ, summaryWeight: lambdaS } = checked;
  const rootDim = Math.sqrt(dim);
  const at = (offset: number) => weightsAt + offset;
  const a = numbers.subarray(prototype * dim, (prototype + 1) * dim);
  const q = data.query.subarray(row * dim, (row + 1) * dim);
  const from = data.historyStart[row]!;
  const events = data.historyStart[row + 1]! - from;

  const inputs: Float64Array[] = [];
  const o: Float64Array[] = [];
  const logits: number[] = [];
  for (let e = 0; e < events; e++) {
    const base = (from + e) * dim;
    const input = new Float64Array(2 * dim);
    for (let i = 0; i < dim; i++) {
      input[i] = data.historyQuery[base + i]!;
      input[dim + i] = data.historyChosen[base + i]! - data.historyRejected[base + i]!;
    }
    const activated = new Float64Array(dim);
    for (let i = 0; i < dim; i++) {
      let sum = numbers[at(layout.historyBias) + i]!;
      for (let j = 0; j < 2 * dim; j++) sum += numbers[at(layout.history) + i * 2 * dim + j]! * input[j]!;
      activated[i] = Math.tanh(sum);
    }
    inputs.push(input);
    o.push(activated);
    logits.push((dot(activated, a) + rho * dot(activated, q)) / rootDim);
  }
  const alpha = softmax(logits);
  const s = new Float64Array(dim);
  for (let e = 0; e < events; e++) for (let i = 0; i < dim; i++) s[i]! += alpha[e]! * o[e]![i]!;

  const gap = new Float64Array(dim);
  let margin = 0;
  for (let i = 0; i < dim; i++) {
    gap[i] = data.chosen[row * dim + i]! - data.rejected[row * dim + i]!;
    let fromQuery = numbers[at(layout.queryBias) + i]!;
    let fromSummary = numbers[at(layout.summaryBias) + i]!;
    for (let j = 0; j < dim; j++) {
      fromQuery += numbers[at(layout.query) + i * dim + j]! * q[j]!;
      fromSummary += numbers[at(layout.summary) + i * dim + j]! * s[j]!;
    }
    margin += (a[i]! + lambdaQ * fromQuery + lambdaS * fromSummary) * gap[i]!;
  }

  const slope = (-1 / (1 + Math.exp(margin))) * share;
  const dS = new Float64Array(dim);
  for (let i = 0; i < dim; i++) {
    const dz = slope * gap[i]!;
    gradient[prototype * dim + i]! += dz;
    gradient[at(layout.queryBias) + i]! += lambdaQ * dz;
    gradient[at(layout.summaryBias) + i]! += lambdaS * dz;
    for (let j = 0; j < dim; j++) {
      gradient[at(layout.query) + i * dim + j]! += lambdaQ * dz * q[j]!;
      gradient[at(layout.summary) + i * dim + j]! += lambdaS * dz * s[j]!;
      dS[j]! += lambdaS * dz * numbers[at(layout.summary) + i * dim + j]!;
    }
  }
  const dAlpha = o.map((activated) => dot(activated, dS));
  let mean = 0;
  for (let e = 0; e < events; e++) mean += alpha[e]! * dAlpha[e]!;
  for (let e = 0; e < events; e++) {
    const dLogit = (alpha[e]! * (dAlpha[e]! - mean)) / rootDim;
    for (let i = 0; i < dim; i++) {
      gradient[prototype * dim + i]! += dLogit * o[e]![i]!;
      const dO = alpha[e]! * dS[i]! + dLogit * (a[i]! + rho * q[i]!);
      const dInner = dO * (1 - o[e]![i]! ** 2);
      gradient[at(layout.historyBias) + i]! += dInner;
      for (let j = 0; j < 2 * dim; j++)
        gradient[at(layout.history) + i * 2 * dim + j]! += dInner * inputs[e]![j]!;
    }
  }
  return margin > 0 ? Math.log1p(Math.exp(-margin)) : -margin + Math.log1p(Math.exp(margin));
}

/** Decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101) on every number, prototypes too. */
function adamwStep(
  numbers: Float64Array,
  gradient: Float64Array,
  first: Float64Array,
  second: Float64Array,
  step: number,
  checked: CheckedRefinement,
): void {
  const rate = checked.learningRate / (1 - 0.9 ** step);
  const correction = Math.sqrt(1 - 0.999 ** step);
  for (let i = 0; i < numbers.length; i++) {
    const g = gradient[i]!;
    first[i] = 0.9 * first[i]! + 0.1 * g;
    second[i] = 0.999 * second[i]! + 0.001 * g * g;
    const decayed = numbers[i]! * (1 - checked.learningRate * checked.weightDecay);
    numbers[i] = decayed - (rate * first[i]!) / (Math.sqrt(second[i]!) / correction + 1e-8);
  }
}

function normaliseAt(numbers: Float64Array, at: number, dim: number): void {
  const row = numbers.subarray(at, at + dim);
  const length = Math.sqrt(dot(row, row));
  for (let i = 0; i < dim; i++) row[i]! /= length;
}

function softmax(logits: readonly number[]): number[] {
  const most = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - most));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
