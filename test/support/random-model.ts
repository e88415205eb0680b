// Small random models for tests, written once to the temporary folder and shared by all test processes.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RandomBertOptions, writeRandomBert } from '../../bench/models/random-bert.js';
import { type RandomLlamaOptions, writeRandomLlama } from '../../bench/models/random-llama.js';

const FOLDER = join(tmpdir(), 'pgenrm-test-models');
/** Raised whenever the same options give another file. */
const EDITION = 3;

/** Two layers of width 64 over 320 tokens: loads in milliseconds, decodes thousands of tokens a second. */
export const TINY: RandomLlamaOptions = {
  layers: 2,
  width: 64,
  heads: 4,
  kvHeads: 2,
  ffWidth: 128,
  vocabulary: 320,
  context: 1024,
  type: 'F32',
  userDefined: ['<JSON_START>', '<JSON_END>'],
};

async function once(key: unknown, write: (path: string) => Promise<unknown>): Promise<string> {
  const name = createHash('sha256')
    .update(JSON.stringify([EDITION, key]))
    .digest('hex')
    .slice(0, 16);
  const path = join(FOLDER, `${name}.gguf`);
  if (!existsSync(path)) await write(path);
  return path;
}

/** Path of the tiny random Llama, with `changes` to its options. */
export function randomModel(changes: Partial<RandomLlamaOptions> = {}): Promise<string> {
  const options = { ...TINY, ...changes };
  return once(options, (path) => writeRandomLlama(path, options));
}

/** Path of a tiny random BERT: a GGUF that cannot write text. */
export function randomBert(options: RandomBertOptions = {}): Promise<string> {
  return once(['bert', options], (path) => writeRandomBert(path, options));
}
