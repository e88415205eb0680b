// Has the samples of one request written side by side: all end where one fails, a listener throws, or the caller aborts.
// Knows seeds and signals; nothing of how a sample is written.

import { performance } from 'node:perf_hooks';
import { PgenrmError } from '../../../errors.js';
import type { GenerationRequest, GenerationUsage } from '../../generation.js';

/** What ends one sample. */
export interface SampleSignals {
  /** Ends the sample, its request, or all. */
  readonly signal: AbortSignal;
  /** Ends the sample alone, which keeps its text. */
  readonly cancel: AbortSignal | undefined;
}

/** A sample that was written; `S` is what the caller gets. */
export interface EndedSample<S> {
  readonly sample: S;
  /** Tokens that the model decided on. */
  readonly generated: number;
  /** Tokens of the prompt that the server had to decode. */
  readonly decoded: number;
}

/** What all samples of a request have in common. */
export interface SamplesOf<S> {
  readonly request: Pick<GenerationRequest, 'seeds' | 'signal' | 'sampleSignals'>;
  readonly promptTokens: number;
  /** Ends everything. */
  readonly end: AbortSignal;
  readonly write: (
    index: number,
    seed: number,
    signals: SampleSignals,
    elapsedMs: () => number,
  ) => Promise<EndedSample<S>>;
  readonly onSample: ((sample: S) => void) | undefined;
}

/** Rejects with the signal's reason, the listener's error or that of the first sample to fail, once all have ended. */
export async function allSamples<S>(
  start: number,
  { request, promptTokens, end, write, onSample }: SamplesOf<S>,
): Promise<{ readonly samples: readonly S[]; readonly usage: GenerationUsage }> {
  const { seeds, signal, sampleSignals } = request;
  const own = new AbortController();
  const all = AbortSignal.any([own.signal, end, ...(signal === undefined ? [] : [signal])]);
  const elapsedMs = (): number => performance.now() - start;
  const sum = { decoded: 0, generated: 0 };
  let prefillMs: number | null = null;
  const one = async (seed: number, index: number): Promise<S> => {
    const cancel = sampleSignals?.[index];
    const ended = await write(
      index,
      seed,
      { signal: AbortSignal.any([all, ...(cancel === undefined ? [] : [cancel])]), cancel },
      elapsedMs,
    );
    sum.decoded += ended.decoded;
    sum.generated += ended.generated;
    prefillMs ??= elapsedMs();
    all.throwIfAborted();
    onSample?.(ended.sample);
    return ended.sample;
  };
  const running = seeds.map(one);
  try {
    const samples = await Promise.all(running);
    const usage = { promptTokens, decodedPromptTokens: sum.decoded, generatedTokens: sum.generated };
    return { samples, usage: { ...usage, prefillMs: prefillMs ?? 0, totalMs: elapsedMs() } };
  } catch (error) {
    own.abort(new PgenrmError('DISPOSED', 'another sample of the request failed'));
    await Promise.allSettled(running);
    if (signal?.aborted === true) throw signal.reason;
    throw error;
  }
}
