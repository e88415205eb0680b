import { describe, expect, it } from 'vitest';
import { withoutFolders } from '../../src/cost/machine/without-folders.js';

describe('folders in what a result says', () => {
  it.each([
    ['llama.cpp v0.5.0 from /opt/app/bins/linux-x64', 'llama.cpp v0.5.0 from linux-x64'],
    ["cannot open '/a/b/model.gguf': no memory", "cannot open 'model.gguf': no memory"],
    ['C:\\Users\\me\\m.gguf, D:/x/y.so; rest', 'm.gguf, y.so; rest'],
    ['\\\\host\\share\\m.gguf', 'm.gguf'],
    ['see file:///home/me/m.gguf', 'see m.gguf'],
    ['/home/Jo Doe/models/m.gguf', 'm.gguf'],
    ['(/a/b/c)', '(c)'],
  ])('%s', (text, shown) => {
    expect(withoutFolders(text, '/home/Jo Doe')).toBe(shown);
  });

  it.each([
    'KV cache: unified, f16, 49152 cells (226 MB)',
    'tokens/s, and/or, 1/2, https://example.org/a/b',
    'relative/path/model.gguf and hf:owner/repo/file.gguf',
    'a lone / and /tmp stay',
  ])('leaves alone: %s', (text) => {
    expect(withoutFolders(text, '/home/me')).toBe(text);
  });
});
