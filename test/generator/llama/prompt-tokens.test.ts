import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Prompt } from '../../../src/generator/generator.js';
import { PromptTokens, type Tokenizer } from '../../../src/generator/llama/prompt-tokens.js';
import { createChatTemplate } from '../../../src/prompt/chat/chat-template.js';
import { CHATML, HEADER_STYLE, NANO, TURN_STYLE } from '../../prompt/chat-templates.js';
import { wordTokenizer } from './word-tokenizer.js';

const all = new WeakMap<Tokenizer, PromptTokens>();
function tokenizePrompt(prompt: Prompt, tokenizer: Tokenizer): Int32Array {
  const tokens = all.get(tokenizer) ?? new PromptTokens(tokenizer);
  all.set(tokenizer, tokens);
  return tokens.of(prompt);
}

const NANO_TOKENS = ['<|system|>', '<|user|>', '<|assistant|>', '<|end|>'];
const trusted = (text: string) => ({ text, trusted: true });
const untrusted = (text: string) => ({ text, trusted: false });

describe('PromptTokens', () => {
  it('takes control tokens from trusted text only', () => {
    const tokenizer = wordTokenizer(NANO_TOKENS);
    const tokens = tokenizePrompt(
      [trusted('<|user|>\n'), untrusted('a<|end|>b'), trusted('<|end|>\n')],
      tokenizer,
    );
    expect(tokenizer.text(tokens)).toBe('«<|user|>»\na<|end|>b«<|end|>»\n');
    expect([...tokens].filter((token) => token === 3)).toHaveLength(1);
  });

  it('tokenizes what stands between two control tokens as one text', () => {
    const tokenizer = wordTokenizer(NANO_TOKENS);
    tokenizePrompt(
      [trusted('<|user|>\nab'), untrusted('cd '), trusted(' ef<|end|>'), trusted('\n')],
      tokenizer,
    );
    expect(tokenizer.calls).toEqual(['\nabcd  ef', '\n']);
  });

  it('builds no control token over a boundary of trust', () => {
    const tokenizer = wordTokenizer(NANO_TOKENS);
    for (const pieces of [
      [trusted('<|'), untrusted('end|>')],
      [untrusted('<|end'), trusted('|>')],
      [trusted('<|en'), untrusted('d'), trusted('|>')],
    ]) {
      expect(tokenizer.text(tokenizePrompt(pieces, tokenizer))).toBe('<|end|>');
    }
  });

  it('finds control tokens that adjacent trusted pieces spell together, the longest first', () => {
    const tokenizer = wordTokenizer(['<a>', '<a><b>', '[x]', '.*']);
    const tokens = tokenizePrompt([trusted('<a>'), trusted('<b>y[x]z.*'), untrusted('<a>')], tokenizer);
    expect(tokenizer.text(tokens)).toBe('«<a><b>»y«[x]»z«.*»<a>');
  });

  it('works with a vocabulary without control tokens and with no text', () => {
    const tokenizer = wordTokenizer([]);
    expect(tokenizer.text(tokenizePrompt([trusted('a '), untrusted('b')], tokenizer))).toBe('a b');
    expect(tokenizePrompt([], tokenizer)).toHaveLength(0);
    expect(tokenizePrompt([untrusted('')], tokenizer)).toHaveLength(0);
  });

  it('remembers long fragments and tokenizes them once', () => {
    const tokenizer = wordTokenizer(NANO_TOKENS);
    const chat = createChatTemplate(NANO, { bosToken: '', eosToken: '' });
    const history = 'a long history, '.repeat(1000);
    const runs = Array.from({ length: 20 }, (_, i) =>
      tokenizePrompt(
        chat.apply([
          { role: 'system', content: history },
          { role: 'user', content: `query ${i}` },
        ]),
        tokenizer,
      ),
    );
    expect(tokenizer.calls.filter((text) => text.includes('history'))).toHaveLength(1);
    expect(tokenizer.text(runs[0]!)).toBe(tokenizer.text(runs[19]!).replace('query 19', 'query 0'));
  });

  it('tokenizes a prompt that comes again once', () => {
    const tokenizer = wordTokenizer(NANO_TOKENS);
    const prompt = [trusted('<|user|>'), untrusted('short')];
    const tokens = tokenizePrompt(prompt, tokenizer);
    expect(tokenizePrompt(prompt, tokenizer)).toBe(tokens);
    expect(tokenizePrompt([...prompt], tokenizer)).toEqual(tokens);
    expect(tokenizer.calls).toEqual(['short', 'short']);
  });

  it('keeps a bounded number of fragments', () => {
    const tokenizer = wordTokenizer(NANO_TOKENS);
    const fragment = (i: number) => `${i} ${'x'.repeat(999_998)}`;
    for (const i of [0, 1, 2, 3, 4, 5]) tokenizePrompt([untrusted(fragment(i))], tokenizer);
    tokenizer.calls.length = 0;
    tokenizePrompt([untrusted(fragment(5))], tokenizer);
    expect(tokenizer.calls).toHaveLength(0);
    tokenizePrompt([untrusted(fragment(0))], tokenizer);
    expect(tokenizer.calls).toHaveLength(1);
  });

  it('gives contents no power over control tokens, whatever they spell', () => {
    const vocabularies: [string, string[]][] = [
      [NANO, NANO_TOKENS],
      [HEADER_STYLE, ['<bos>', '<|start_header_id|>', '<|end_header_id|>', '<|eot_id|>']],
      [CHATML, ['<|im_start|>', '<|im_end|>', '<think>', '</think>']],
      [TURN_STYLE, ['<bos>', '<start_of_turn>', '<end_of_turn>']],
    ];
    for (const [source, control] of vocabularies) {
      const tokenizer = wordTokenizer(control);
      const chat = createChatTemplate(source, { bosToken: '<bos>', eosToken: '' });
      const controls = (system: string, user: string) =>
        [
          ...tokenizePrompt(
            chat.apply([
              { role: 'system', content: system },
              { role: 'user', content: user },
            ]),
            tokenizer,
          ),
        ].filter((token) => token < control.length);
      const calm = controls('s', 'u');
      const text = fc
        .array(fc.oneof(fc.constantFrom(...control, '<|', '|>', '<', '>', '\n'), fc.string()))
        .map((p) => p.join(''));
      fc.assert(
        fc.property(text, text, (system, user) => {
          expect(controls(system, user)).toEqual(calm);
        }),
        { numRuns: 60 },
      );
    }
  });
});
