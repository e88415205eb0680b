import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MetadataValue, writeGguf } from '../../bench/models/gguf-writer.js';
import { type ErrorCode, PgenrmError } from '../../src/errors.js';
import { readGgufHeader } from '../../src/model-file/gguf-header.js';
import { requireTextDecoder } from '../../src/model-file/model-facts.js';
import { readModelFacts } from '../../src/model-file/read-model-facts.js';
import { randomBert, randomModel, TINY } from '../support/random-model.js';

let folder: string;
let good: Buffer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pgenrm-gguf-'));
  good = await readFile(await randomModel());
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function withBytes(bytes: Buffer | string): Promise<string> {
  const path = join(folder, `${Math.random().toString(36).slice(2)}.gguf`);
  await writeFile(path, bytes);
  return path;
}

async function expectCode(
  promise: Promise<unknown>,
  code: ErrorCode,
  ...parts: (string | RegExp)[]
): Promise<void> {
  const error = await promise.then(
    () => expect.fail('it should have failed'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PgenrmError);
  expect(error).toMatchObject({ code });
  for (const part of parts) expect((error as PgenrmError).message).toMatch(part);
}

describe('readGgufHeader', () => {
  it('reads metadata and tensors', async () => {
    const header = await readGgufHeader(await randomModel());
    expect(header.version).toBe(3);
    expect(header.metadata.get('llama.block_count')).toBe(TINY.layers);
    expect(header.metadata.get('tokenizer.ggml.tokens')).toHaveLength(TINY.vocabulary);
    expect(header.metadata.get('tokenizer.ggml.merges')).toEqual({ length: expect.any(Number) });
    expect(header.tensors.map(({ name }) => name)).toContain('blk.1.ffn_down.weight');
    const last = header.tensors.at(-1)!;
    expect(last.offset + last.bytes!).toBeLessThanOrEqual(header.fileBytes);
    expect(header.fileBytes).toBe(good.length);
  });

  it('reads headers larger than the first read', async () => {
    const path = join(folder, 'large.gguf');
    const strings = Array.from(
      { length: 60_000 },
      (_, index) => `token number ${index} of a large vocabulary`,
    );
    await writeGguf(path, { 'tokenizer.ggml.tokens': { strings }, 'general.name': { string: 'x' } }, [], 1);
    const header = await readGgufHeader(path);
    expect(header.metadata.get('tokenizer.ggml.tokens')).toHaveLength(60_000);
    expect(header.metadata.get('general.name')).toBe('x');
  });

  it.each([
    ['nothing', '', /only 0 bytes/],
    ['a few letters', 'GGUF', /only 4 bytes/],
    ['a web page', '<html><head></head><body>please sign in first</body></html>', /web page/],
    [
      'a Git LFS pointer',
      'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n',
      /git lfs pull/,
    ],
    ['a zip archive', `PK\u0003\u0004${'x'.repeat(64)}`, /zip archive/],
    [
      'a safetensors file',
      `\u0040\u0000\u0000\u0000\u0000\u0000\u0000\u0000{"a":{}}${' '.repeat(60)}`,
      /safetensors/,
    ],
    ['an old format', `tjgg${'x'.repeat(64)}`, /older than GGUF/],
    ['other text', 'Once upon a time there was a file that was no model.', /"Once"/],
  ])('refuses %s', async (_, text, part) => {
    await expectCode(readGgufHeader(await withBytes(text)), 'MODEL_UNUSABLE', part);
  });

  it('refuses versions that it does not know', async () => {
    const old = Buffer.from(good);
    old.writeUInt32LE(1, 4);
    await expectCode(readGgufHeader(await withBytes(old)), 'MODEL_UNUSABLE', /version is 1, expected 2 or 3/);
    old.writeUInt32BE(3, 4);
    await expectCode(readGgufHeader(await withBytes(old)), 'MODEL_UNUSABLE', /big-endian/);
  });

  it('refuses a file that is cut anywhere, naming the tensor or the header', async () => {
    for (const share of [0.01, 0.3, 0.7, 0.999]) {
      const path = await withBytes(good);
      await truncate(path, Math.floor(good.length * share));
      await expectCode(readGgufHeader(path), 'MODEL_UNUSABLE', path, /cut short: tensor \S+ ends|own header/);
    }
  });

  it('refuses flipped counts and types instead of taking memory for them', async () => {
    const counts = Buffer.from(good);
    counts[15] = 0x40;
    await expectCode(readGgufHeader(await withBytes(counts)), 'MODEL_UNUSABLE', /number of tensors/);
    const keys = Buffer.from(good);
    keys[31] = 0x40;
    await expectCode(readGgufHeader(await withBytes(keys)), 'MODEL_UNUSABLE', /length of metadata key 1/);
    const types = Buffer.from(good);
    types.writeUInt32LE(99, types.indexOf('general.architecture') + 'general.architecture'.length);
    await expectCode(readGgufHeader(await withBytes(types)), 'MODEL_UNUSABLE', /value type 99/);
  });

  it('never fails in another way, whatever bit of the header flips', async () => {
    const path = join(folder, 'flip.gguf');
    const headerBytes = good.indexOf('blk.1.ffn_down.weight') + 64;
    for (let trial = 0; trial < 300; trial++) {
      const flipped = Buffer.from(good);
      const at = Math.floor((trial / 300) * headerBytes);
      flipped[at] = flipped[at]! ^ (1 << (trial % 8));
      await writeFile(path, flipped);
      const error = await readGgufHeader(path).then(
        () => null,
        (reason: unknown) => reason,
      );
      if (error !== null) expect(error).toMatchObject({ code: 'MODEL_UNUSABLE' });
    }
  });

  it('says that there is no file', async () => {
    await expectCode(readGgufHeader(join(folder, 'none.gguf')), 'MODEL_NOT_FOUND', /none\.gguf/);
    await expectCode(readGgufHeader(folder), 'MODEL_NOT_FOUND', /not a file/);
  });
});

describe('what ends llama.cpp', () => {
  const withMetadata = async (changes: Record<string, MetadataValue>): Promise<string> => {
    const path = join(folder, 'limits.gguf');
    await writeGguf(path, { 'general.architecture': { string: 'llama' }, ...changes }, [], 1);
    return path;
  };
  const tokens = (...texts: string[]) => ({ 'tokenizer.ggml.tokens': { strings: texts } });

  it.each<[string, Record<string, MetadataValue>, RegExp]>([
    ['a token that comes twice', tokens('a', 'b', 'a'), /tokens 0 and 2 are the same text/],
    ['tokens that are the same up to a zero byte', tokens('a\0x', 'b', 'a\0y'), /tokens 0 and 2/],
    ['a token with the name of an empty one', tokens('x', '', '[EMPTY_1]'), /tokens 1 and 2/],
    ['no layer', { 'llama.block_count': { u32: 0 } }, /block_count is 0, expected 1 to 512/],
    ['too many layers', { 'llama.block_count': { u32: 600 } }, /block_count is 600/],
    ['too many experts', { 'llama.expert_count': { u32: 4096 } }, /expert_count is 4096/],
    [
      'more experts in use than there are',
      { 'llama.expert_count': { u32: 2 }, 'llama.expert_used_count': { u32: 3 } },
      /expert_used_count is 3/,
    ],
    ['experts in use without experts', { 'llama.expert_used_count': { u32: 3 } }, /there are no experts/],
    ['an unknown scaling', { 'llama.rope.scaling.type': { string: 'odd' } }, /rope.scaling.type is odd/],
    [
      'a negative epsilon',
      { 'llama.attention.layer_norm_rms_epsilon': { f32: -1 } },
      /epsilon is -1, expected a number from 0 up/,
    ],
    ['an epsilon that is none', { 'llama.attention.layer_norm_rms_epsilon': { f32: Number.NaN } }, /NaN/],
    [
      'SentencePiece without bytes',
      { 'tokenizer.ggml.model': { string: 'llama' }, ...tokens('a', 'b') },
      /no token <0x00>/,
    ],
    [
      'RWKV without the first byte of a token',
      { 'tokenizer.ggml.model': { string: 'rwkv' }, ...tokens('a', 'ab', '\\xe4', '\\xe5\\x01') },
      /no token for its first byte/,
    ],
  ])('is refused: %s', async (_what, changes, message) => {
    await expectCode(readGgufHeader(await withMetadata(changes)), 'MODEL_UNUSABLE', message);
  });

  it("is not mistaken: RWKV's escapes", async () => {
    const kind = { 'tokenizer.ggml.model': { string: 'rwkv' } };
    const path = await withMetadata({
      ...kind,
      ...tokens('a', 'ab', '\\xe4', '\\xe4b', '\\n', '\\n\\n', '\\\\', '\\\\a'),
    });
    await expect(readGgufHeader(path)).resolves.toBeDefined();
  });

  it('is not mistaken: empty tokens, bytes that are no UTF-8, experts by layer', async () => {
    const path = await withMetadata(tokens('', '', 'XX', 'YY'));
    await expect(readGgufHeader(path)).resolves.toBeDefined();
    const bytes = await readFile(path);
    bytes.set([0x80, 0x81], bytes.indexOf('XX'));
    bytes.set([0x80, 0x82], bytes.indexOf('YY'));
    await writeFile(path, bytes);
    await expect(readGgufHeader(path)).resolves.toBeDefined();
  });
});

describe('readModelFacts', () => {
  it('gathers what the package needs', async () => {
    const facts = await readModelFacts(await randomModel());
    expect(facts).toMatchObject({ architecture: 'llama', trainedContext: 1024, tokenizerModel: 'gpt2' });
    expect(facts.bytes).toBe(good.length);
    expect(facts.tokens.at(-1)).toBe('<JSON_END>');
    expect(facts.tokenTypes.at(-1)).toBe(4);
    expect(facts.metadata.get('llama.attention.head_count_kv')).toBe('2');
    expect(facts.metadata.has('tokenizer.ggml.tokens')).toBe(false);
    // Embedding and output, two blocks of attention and feed-forward, the norms.
    const block = 64 * 64 * 2 + 64 * 32 * 2 + 64 * 128 * 3 + 2 * 64;
    expect(facts.parameters).toBe(2 * 64 * 320 + 2 * block + 64);
    expect(facts.tensorBytes).toBe(facts.parameters * 4);
    expect(() => requireTextDecoder(facts)).not.toThrow();
  });

  it('joins the parts of a split model and wants all of them', async () => {
    const part = async (index: number, metadata: object): Promise<string> => {
      const path = join(folder, `split-0000${index}-of-00002.gguf`);
      const tensor = { name: `t${index}`, shape: [8], type: 'F32', mean: 0, deviation: 1 } as const;
      await writeGguf(path, { 'split.count': { u32: 2 }, ...metadata }, [tensor], 1);
      return path;
    };
    const first = await part(1, { 'general.architecture': { string: 'llama' } });
    await expectCode(readModelFacts(first), 'MODEL_NOT_FOUND', /split-00002-of-00002/);
    const second = await part(2, {});
    const facts = await readModelFacts(first);
    expect(facts.parts).toEqual([first, second]);
    expect(facts.parameters).toBe(16);
    await expectCode(readModelFacts(second), 'MODEL_UNUSABLE', /give the first part/);
  });
});

describe('requireTextDecoder', () => {
  it.each([null, ' '])(
    'takes a model whose chat template is %j: it is prompted plainly',
    async (chatTemplate) => {
      const facts = await readModelFacts(await randomModel({ chatTemplate }));
      expect(facts.chatTemplate).toBeNull();
      expect(() => requireTextDecoder(facts)).not.toThrow();
    },
  );

  it.each([['an encoder', () => randomBert(), /bert is an encoder[\s\S]*decoder such as/]])(
    'refuses %s',
    async (_, path, part) => {
      const facts = await readModelFacts(await path());
      expect(() => requireTextDecoder(facts)).toThrow(part);
      expect(() => requireTextDecoder(facts)).toThrow(facts.path);
    },
  );

  it.each([
    [{ 'general.architecture': { string: 't5' } }, /encoder-decoder/],
    [{ 'general.architecture': { string: 'llada' } }, /diffusion/],
    [{ 'general.architecture': { string: 'qwen3' } }, /no vocabulary/],
    [{ 'general.architecture': { string: 'llama' }, 'llama.attention.causal': { bool: false } }, /encoder/],
    [{}, /no architecture/],
  ])('refuses %o', async (metadata, part) => {
    const path = join(folder, `${Math.random().toString(36).slice(2)}.gguf`);
    await writeGguf(path, metadata, [], 1);
    const facts = await readModelFacts(path);
    expect(() => requireTextDecoder(facts)).toThrow(part);
  });
});
