import { describe, expect, it } from 'vitest';
import type { BlockRecord } from '../../src/cost/measure/bench-record.js';
import { noiseOf } from '../../src/cost/result/noise.js';
import type { ScalingResult } from '../../src/cost/result/result.js';
import { resultRemarks } from '../../src/cost/result/result-remarks.js';

/** A block of one judgment in a round. */
const block = (round: number, ms: number, changes: Partial<BlockRecord> = {}): BlockRecord => ({
  block: `${round} alone 1`,
  round,
  kind: 'alone',
  variant: '1',
  session: 0,
  started: '',
  ms,
  judged: 1,
  processorSeconds: ms / 1000,
  stealShare: 0,
  busyShare: 0.5,
  peakMemoryBytes: null,
  gpuMemoryBytes: null,
  cpuJoules: null,
  gpuJoules: null,
  measuringMs: 0,
  judgments: [],
  ...changes,
});

/** A result as far as its remarks need one. */
const remarks = (noise: ScalingResult['noise']): string[] =>
  resultRemarks({
    status: 'finished',
    rounds: { asked: 4, whole: 4 },
    sessions: 1,
    seconds: 1,
    variants: [],
    noise,
    measuring: { share: 0, meteredOverBare: null },
    header: {
      identity: {
        machine: { gpus: 'none' },
        model: { sha256: 'a' },
        template: { name: 'compact', hash: 'c' },
        generator: {},
        data: {},
        bank: {},
      },
      machine: { memoryBytes: 1 },
      model: { note: null },
      driver: null,
      libraryHash: null,
    },
  } as unknown as ScalingResult);

describe('the noise of a machine', () => {
  it('is not marked on a quiet one', () => {
    // One thread on two cores: half of the machine is busy, all of it this process.
    const noise = noiseOf(
      [0, 1, 2, 3].map((round) => block(round, 1000)),
      0.1,
      2,
    );
    expect(noise).toEqual({ drift: 1, stealShare: 0, mostStealShare: 0, load: 0.1, otherWorkShare: 0 });
    expect(remarks(noise).some((line) => line.startsWith('!'))).toBe(false);
  });

  it('is told and marked: drift, steal time, other work', () => {
    const slower = [1000, 1000, 1200, 1200].map((ms, round) =>
      block(round, ms, { busyShare: 0.9, stealShare: round === 3 ? 0.2 : 0 }),
    );
    const noise = noiseOf(slower, 3, 2);
    expect(noise.drift).toBeCloseTo(1.2, 9);
    expect(noise).toMatchObject({ stealShare: 0.05, mostStealShare: 0.2, load: 3 });
    expect(noise.otherWorkShare).toBeCloseTo(0.4, 9);
    const marked = remarks(noise).filter((line) => line.startsWith('! '));
    expect(marked).toEqual([
      expect.stringMatching(/drift.*1\.200 times/),
      expect.stringMatching(/steal time.*at most 20\.0%/),
      expect.stringMatching(/other work.*40\.0%.*load 3\.00/),
    ]);
  });

  it('says that drift cannot be told from few rounds', () => {
    const noise = noiseOf([block(0, 1000), block(1, 2000)], 0, 1);
    expect(noise.drift).toBeNull();
    expect(remarks(noise).join()).toContain('drift cannot be told');
  });
});
