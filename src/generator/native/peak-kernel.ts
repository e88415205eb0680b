// The machine's peak in the arithmetic that decoding consists of: ggml's matrix product with the weights' own type.
// Knows the addon and the llama.cpp library; what the figure is compared with is its callers'.

import { availableParallelism } from 'node:os';
import { messageOf, PgenrmError } from '../../errors.js';
import type { NativePeak, NativePeakOptions } from '../../native/binding.js';
import { chooseLlama, type GpuChoice } from '../llama/llama-library.js';
import { openLibrary, requireBinding } from './native-library.js';

/** What is measured. */
export interface PeakWish {
  readonly gpu?: GpuChoice;
  /** ggml type number of the weights. */
  readonly weightType: number;
  /** Threads of the CPU backend; default all. */
  readonly threads?: number;
  /** Least time that is measured, default 1000. */
  readonly milliseconds?: number;
}

/** Shapes whose product takes long enough to be timed, and fills the device. */
const SHAPES = {
  cpu: { inner: 2048, outputs: 2048, rows: 512 },
  gpu: { inner: 8192, outputs: 8192, rows: 2048 },
};
/** 8-bit weights err by half a hundredth; what errs by more computes something else. */
const MOST_ERROR = 0.2;

/**
 * Measures the fastest product on the device that would decode, and checks it against one in double precision.
 * Errors: `GENERATOR_UNAVAILABLE` without addon or library or where the device does not multiply this type,
 * `DECODE_FAILED` where the product is wrong.
 */
export async function measurePeak(
  wish: PeakWish,
): Promise<NativePeak & Omit<NativePeakOptions, 'gpu' | 'type' | 'milliseconds'>> {
  const binding = requireBinding();
  const choice = await chooseLlama(wish.gpu);
  const { library } = openLibrary(binding, choice);
  const shape = choice.gpu === false ? SHAPES.cpu : SHAPES.gpu;
  const threads = wish.threads ?? availableParallelism();
  let peak: NativePeak;
  try {
    peak = await binding.measurePeak(library, {
      ...shape,
      gpu: choice.gpu !== false,
      type: wish.weightType,
      threads,
      milliseconds: wish.milliseconds ?? 1000,
    });
  } catch (error) {
    throw new PgenrmError('GENERATOR_UNAVAILABLE', messageOf(error), { cause: error });
  }
  if (!(peak.relativeError < MOST_ERROR)) {
    throw new PgenrmError(
      'DECODE_FAILED',
      `the matrix product of ${peak.buffer} on ${peak.device} errs by ${peak.relativeError} of its size`,
    );
  }
  return { ...peak, ...shape, threads };
}
