import { describe, expect, it } from 'vitest';
import { namedEmbedder } from '../../src/model-file/named-embedder.js';

const judge = (name?: string) => ({
  path: '/models/judge.gguf',
  metadata: new Map(name === undefined ? [] : [['pgenrm.embedder', name]]),
});

describe('the embedder that a judge names', () => {
  it('is a file of the same folder, an address, or none', () => {
    expect(namedEmbedder(judge())).toBeNull();
    expect(namedEmbedder(judge('  '))).toBeNull();
    expect(namedEmbedder(judge('embedder.gguf'))).toBe('/models/embedder.gguf');
    expect(namedEmbedder(judge('hf:owner/repo/e.gguf'))).toBe('hf:owner/repo/e.gguf');
  });

  it.each(['../other.gguf', '/etc/passwd', 'a/b.gguf', 'a\\b.gguf', '..'])('is not sought at %s', (name) => {
    expect(() => namedEmbedder(judge(name))).toThrow(
      expect.objectContaining({ code: 'MODEL_UNUSABLE', message: expect.stringContaining(name) }),
    );
  });
});
