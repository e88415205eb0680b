import type { Token } from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPortableModel, type PortableModel } from '../../src/generator/portable/portable-model.js';
import { TokenPieces } from '../../src/generator/portable/token-pieces.js';
import { randomModel } from '../support/random-model.js';

describe.each(['bpe', 'spm'] as const)('TokenPieces of a %s vocabulary', (tokenizer) => {
  let loaded: PortableModel;
  let pieces: TokenPieces;

  beforeAll(async () => {
    loaded = await loadPortableModel({ modelPath: await randomModel({ tokenizer }), gpu: 'off', threads: 1 });
    pieces = new TokenPieces(loaded.model, loaded.facts.tokens, loaded.facts.tokenizerModel);
  });

  afterAll(async () => {
    await loaded.model.dispose();
  });

  const textOf = (tokens: Iterable<number>): string =>
    Buffer.concat([...tokens].map((token) => pieces.of(token))).toString();

  it.each([
    'plain text',
    ' with  spaces\nand\tlines ',
    'naïve café, 漢字 and 😀',
    '<JSON_START>{}<JSON_END>',
    '<|end|> spelled out',
    '\u0000\u0001\ufeff',
  ])('writes back what was tokenized: %j', (text) => {
    // SentencePiece puts a space before a text and behind a user-defined token, as llama.cpp does.
    const written = textOf(loaded.tokenizer.tokenize(text));
    expect(tokenizer === 'spm' ? written.replace(/^ /, '').replace('> {', '>{') : written).toBe(text);
  });

  it('agrees with llama.cpp on every token', () => {
    for (let token = 0; token < loaded.facts.tokens.length; token++) {
      const piece = Buffer.from(pieces.of(token)).toString();
      // llama.cpp drops the space before the first word of a whole text; a piece keeps it.
      const whole = loaded.model.detokenize([token as Token], false);
      expect(tokenizer === 'spm' ? piece.replace(/^ /, '') : piece).toBe(whole);
    }
  });

  it('writes nothing for control tokens', () => {
    for (const token of loaded.tokenizer.controlTokens.values()) expect(pieces.of(token)).toHaveLength(0);
  });

  it('spells any text with tokens that write it', () => {
    for (const text of ['<JSON_ST', 'the 漢', '', '😀']) expect(textOf(pieces.spell(text))).toBe(text);
    expect(pieces.spell('<JSON_START>')).toHaveLength(1);
  });
});
