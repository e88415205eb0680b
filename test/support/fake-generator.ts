// The public fake generator with what the package's own tests need of it.

import type { KvCacheInfo } from '../../src/generator/native/native-info.js';
import type { FakeOptions } from '../../src/testing/fake-generator.js';

export { byLength, chainText, type FakeSample } from '../../src/testing/fake-chains.js';
export {
  FAKE_CHAT_TEMPLATE,
  FakeGenerator,
  type FakeOptions,
  promptText,
} from '../../src/testing/fake-generator.js';

/** A fake that passes for the native generator with such a KV cache. */
export function withKvCache(kvCache: KvCacheInfo): FakeOptions {
  return { info: { kind: 'native', details: { maxSequences: 8, threads: 1, kvCache } } };
}
