// How many samples a server is given at once, by a clock of the test.
import { describe, expect, it } from 'vitest';
import { Pace } from '../../../src/generator/http/pace.js';

/** Runs a server that writes `rate(n)` tokens a second where n samples are in flight; gives the bounds, one a second. */
function run(pace: Pace, rate: (inFlight: number) => number, seconds: number, from = 0): number[] {
  const bounds: number[] = [];
  let now = from;
  for (let second = 0; second < seconds; second += 1) {
    const end = from + (second + 1) * 1_000;
    while (now < end) {
      const inFlight = pace.limit;
      // Samples of 100 tokens end one after another.
      now += (100 / rate(inFlight)) * 1_000;
      pace.ended(100, inFlight, now);
    }
    bounds.push(pace.limit);
  }
  return bounds;
}

describe('the bound of a server', () => {
  it('grows while more samples bring more tokens a second, and stays where they do not', () => {
    const pace = new Pace(256, 8, 0);
    const bounds = run(pace, (n) => 1_000 * Math.min(n, 40), 60);
    expect(bounds.at(-1)).toBeGreaterThanOrEqual(36);
    expect(bounds.at(-1)).toBeLessThanOrEqual(64);
  });

  it('never goes above what is asked for, nor below one', () => {
    const most = new Pace(10, 8, 0);
    expect(Math.max(...run(most, (n) => 1_000 * n, 30))).toBe(10);
    expect(new Pace(3, 8, 0).limit).toBe(3);
    const least = new Pace(16, 2, 0);
    for (let failure = 0; failure < 10; failure += 1) least.busy(failure * 2_000);
    expect(least.limit).toBe(1);
  });

  it('is halved where the server is full, once for failures of one moment, and grows again', () => {
    const pace = new Pace(64, 32, 0);
    for (const now of [5_000, 5_010, 5_400]) pace.busy(now);
    expect(pace.limit).toBe(16);
    pace.busy(6_500);
    expect(pace.limit).toBe(8);
    expect(run(pace, (n) => 1_000 * Math.min(n, 24), 30, 7_000).at(-1)).toBeGreaterThanOrEqual(20);
  });

  it('is halved where the server becomes twice as slow', () => {
    const pace = new Pace(32, 32, 0);
    run(pace, () => 40_000, 5);
    expect(pace.limit).toBe(32);
    let now = 5_000;
    while (pace.limit === 32 && now < 60_000) {
      now += 50;
      pace.ended(100, 32, now);
    }
    expect(pace.limit).toBe(16);
  });

  it('says nothing of the bound while fewer samples are there than it allows', () => {
    const pace = new Pace(64, 16, 0);
    for (let now = 10; now < 20_000; now += 10) pace.ended(100, 4, now);
    expect(pace.limit).toBe(16);
  });
});
