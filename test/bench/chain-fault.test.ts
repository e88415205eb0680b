import { describe, expect, it } from 'vitest';
// @ts-expect-error: a benchmark's module without types
import { faultOf } from '../../bench/guided/chain-fault.mjs';

const TENTH = Array.from({ length: 10 }, () => 0.1);
const chain = (changes: object = {}, reading: object = {}) => ({
  scores: [5.5, 5.5],
  text: 'PART 1 ... 1. Brevity: 5.5/10',
  reading: { rubric: [{ name: 'Brevity', weight: 100 }], distributions: [[TENTH], [TENTH]], ...reading },
  ...changes,
});

describe('what is wrong with a guided chain', () => {
  it('is nothing where every part is as it should be', () => {
    expect(faultOf(chain(), 2)).toBeNull();
  });

  it('is said', () => {
    expect(faultOf(chain({ reading: null, scores: null }), 2)).toBe('not usable');
    expect(faultOf(chain(), 3)).toBe('2 scores for 3 responses');
    expect(faultOf(chain({ scores: [5.5, Number.NaN] }), 2)).toBe('a score of NaN');
    expect(faultOf(chain({}, { rubric: [{ name: 'Brevity', weight: 60 }] }), 2)).toBe(
      'weights that sum to 60',
    );
    expect(faultOf(chain({}, { distributions: [[TENTH], [[0.5]]] }), 2)).toBe(
      'a distribution that sums to 0.5',
    );
    expect(faultOf(chain({}, { distributions: undefined }), 2)).toBe('no distributions');
    expect(faultOf(chain({ text: '1. <name>: A/10 - <reason>' }), 2)).toMatch(/^repeats the example/);
  });
});
