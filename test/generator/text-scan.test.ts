import { availableParallelism } from 'node:os';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseThreads, mostThreads } from '../../src/generator/llama/cpu-threads.js';
import { FirstMatch, GrowingText } from '../../src/generator/text-scan.js';

describe('GrowingText', () => {
  it('gives the text whole however its bytes are cut', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.array(fc.nat(7)), (text, cuts) => {
        const bytes = Buffer.from(text);
        const growing = new GrowingText();
        let at = 0;
        for (const cut of cuts) {
          growing.append(bytes.subarray(at, at + cut));
          at += cut;
          expect(bytes.toString().startsWith(growing.text)).toBe(true);
        }
        growing.append(bytes.subarray(at));
        expect(growing.finish()).toBe(bytes.toString());
      }),
    );
  });

  it('holds an unfinished character back and shows it as broken at the end', () => {
    const growing = new GrowingText();
    growing.append(Uint8Array.of(0x61, 0xe6, 0xbc));
    expect(growing.text).toBe('a');
    expect(growing.finish()).toBe('a\ufffd');
  });

  it('keeps a byte order mark and forgets what is cut off', () => {
    const growing = new GrowingText();
    growing.append(Buffer.from('\ufeffabc'));
    growing.append(Uint8Array.of(0xe6));
    growing.cut(2);
    growing.append(Buffer.from('d'));
    expect(growing.finish()).toBe('\ufeffad');
  });
});

describe('FirstMatch', () => {
  it('finds what a search of the whole text finds, at the first moment', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 30 });
    const wanted = fc.array(fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 4 }), {
      maxLength: 3,
    });
    fc.assert(
      fc.property(letters, wanted, fc.integer({ min: 1, max: 5 }), (text, strings, step) => {
        const match = new FirstMatch(strings);
        for (let end = step; end < text.length + step; end += step) {
          const prefix = text.slice(0, end);
          const starts = strings.map((string) => prefix.indexOf(string)).filter((start) => start >= 0);
          const found = match.find(prefix);
          expect(found?.start ?? -1).toBe(starts.length === 0 ? -1 : Math.min(...starts));
          if (found !== null) return;
        }
      }),
    );
  });

  it('finds nothing where nothing is wanted', () => {
    expect(new FirstMatch([]).find('anything')).toBeNull();
  });
});

describe('what may still become a wanted string', () => {
  it.each([
    ['xab', ['abc'], 2],
    ['xabc', ['abc'], 0],
    ['aa', ['aab', 'b'], 2],
    ['', ['abc'], 0],
    ['abab', ['abac', 'babab'], 3],
    ['text', [], 0],
  ])('is told of %j and %j', (text, wanted, length) => {
    expect(new FirstMatch(wanted).unsettled(text)).toBe(length);
  });
});

describe('mostThreads', () => {
  const cores = availableParallelism();
  it('takes a number as it is, half of the cores for background work, and else all that are useful', () => {
    expect(mostThreads(7, 4)).toEqual({ threads: 7, reason: 'asked for' });
    expect(mostThreads(undefined, cores).threads).toBe(cores);
    expect(mostThreads(undefined, 4096).threads).toBe(cores);
    expect(mostThreads('background', cores).threads).toBe(Math.max(1, Math.floor(cores / 2)));
    expect(mostThreads('background', 1).threads).toBe(1);
  });
});

describe('chooseThreads', () => {
  const cores = availableParallelism();
  it.each([
    ['as many as asked for', 7, 4, 0, 7, /asked for/],
    ['all useful cores of an idle machine', undefined, cores, cores, cores, /useful/],
    [
      'what other work leaves',
      undefined,
      cores,
      cores - 1,
      Math.max(1, cores - 1),
      cores === 1 ? /useful/ : /idle/,
    ],
    ['at least one', undefined, cores, 0.1, 1, cores === 1 ? /useful/ : /0\.1 were idle/],
    ['no more than the process may use', undefined, 4096, 4096, cores, /useful/],
  ])('takes %s', async (_, wanted, mathCores, idle, threads, reason) => {
    const choice = await chooseThreads(wanted, mathCores, idle);
    expect(choice.threads).toBe(threads);
    expect(choice.reason).toMatch(reason);
  });

  it('measures where it is not told', async () => {
    const { threads } = await chooseThreads(undefined, cores);
    expect(threads).toBeGreaterThanOrEqual(1);
    expect(threads).toBeLessThanOrEqual(cores);
  });
});
