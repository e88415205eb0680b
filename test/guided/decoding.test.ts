import { describe, expect, it } from 'vitest';
import { guidedSettings, modelDecoding } from '../../src/guided/decoding.js';

const TRAINED = modelDecoding(new Map([['pgenrm.template', 'compact']]), true);
const OTHER = modelDecoding(new Map([['general.name', 'SmolLM2 135M Instruct']]), true);
const AUTO = { decoding: 'auto', grammar: 'off' } as const;

describe('how chains are decoded', () => {
  it('is free where the model was trained on the form, guided otherwise', () => {
    expect(TRAINED).toMatchObject({ decoding: 'free', trained: true });
    expect(modelDecoding(new Map([['general.name', 'P-GenRM-8B-PRISM']]), true)).toMatchObject({
      decoding: 'free',
      trained: true,
    });
    expect(OTHER).toMatchObject({ decoding: 'guided', trained: false });
    expect(modelDecoding(new Map(), false)).toMatchObject({ decoding: 'free', canGuide: false });
    for (const one of [TRAINED, OTHER]) expect(one.reason).toMatch(/trained on the form/);
    expect(guidedSettings(AUTO, TRAINED)).toBeNull();
    expect(guidedSettings(AUTO, OTHER)).toEqual({
      form: 'general',
      readout: 'expected',
      criteria: null,
      reasons: false,
      think: 0,
    });
  });

  it('is what is asked for, and guided where something only guided chains have is', () => {
    expect(guidedSettings({ ...AUTO, decoding: 'free' }, OTHER)).toBeNull();
    expect(guidedSettings({ ...AUTO, decoding: 'guided' }, TRAINED)).toMatchObject({ form: 'trained' });
    expect(guidedSettings({ ...AUTO, readout: 'sampled' }, TRAINED)).toMatchObject({ readout: 'sampled' });
    expect(guidedSettings({ ...AUTO, grammar: 'chain' }, OTHER)).toBeNull();
  });

  it.each([
    ['a readout of free chains', { decoding: 'free', readout: 'expected' }, /^readout is for guided chains/],
    [
      'criteria beside a grammar',
      { grammar: 'part2', criteria: [{ name: 'A' }] },
      /criteria is for guided chains/,
    ],
    ['guided beside a grammar', { decoding: 'guided', grammar: 'chain' }, /has its form from its plan/],
    ['no criteria', { criteria: [] }, /criteria must be an array of 1 to 20 criteria; got '0'/],
    [
      'criteria that coincide',
      { criteria: [{ name: 'A' }, { name: ' a ' }] },
      /criteria\[1\]\.name must be unlike/,
    ],
    ['a name of two lines', { criteria: [{ name: 'A\nB' }] }, /a text of one line/],
    [
      'a weight of 0',
      { criteria: [{ name: 'A', weight: 0 }] },
      /criteria\[0\]\.weight must be a number above 0/,
    ],
    ['some weights', { criteria: [{ name: 'A', weight: 1 }, { name: 'B' }] }, /for all criteria or for none/],
    ['half a token', { think: 0.5 }, /think must be an integer from 0/],
    ['another readout', { readout: 'mode' }, /readout must be one of expected, sampled/],
  ])('refuses %s', (_, options, message) => {
    const asked = { ...AUTO, ...options } as Parameters<typeof guidedSettings>[0];
    expect(() => guidedSettings(asked, OTHER)).toThrow(message);
  });

  it('refuses guided chains of a generator that follows no plans', () => {
    const none = modelDecoding(new Map(), false);
    expect(() => guidedSettings({ ...AUTO, decoding: 'guided' }, none)).toThrow(
      /follows plans, and this one does not/,
    );
  });
});
