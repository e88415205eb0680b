import { describe, expect, it } from 'vitest';
import { PromptText } from '../../src/generator/browser/prompt-text.js';

const prompts = new PromptText(['<|end|>', '<|e', '[X]'], '<s>');
const of = (...pieces: [string, boolean][]): string =>
  prompts.of(pieces.map(([text, trusted]) => ({ text, trusted })));

describe('a prompt as one text', () => {
  it('leaves control tokens to the template', () => {
    expect(of(['<|end|>', true], ['a<|end|>b[X]', false])).toBe('<|end|>a<\u2060|end|>b[\u2060X]');
  });

  it('leaves the token that llama.cpp puts in front to it, once and from the template alone', () => {
    expect(of(['<s><s>x', true])).toBe('<s>x');
    expect(new PromptText([], '').of([{ text: '<s>x', trusted: false }])).toBe('<s>x');
  });

  it('has none where data spells it in pieces of its own', () => {
    for (const spelled of ['<|end|>', '<|<|end|>end|>', '[X][X]']) {
      const text = of(['', true], [spelled, false]);
      expect(text).not.toMatch(/<\|end\|>|\[X\]/);
      expect(text.replaceAll('\u2060', '')).toBe(spelled);
    }
  });
});
