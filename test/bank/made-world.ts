// Builds over made-up users with fakes, and how an error must look.

import { join } from 'node:path';
import type { BuildBankOptions } from '../../src/bank-build/build-bank.js';
import { openPreferenceData, type PreferenceData } from '../../src/data/preference-data.js';
import type { ErrorCode, PgenrmError } from '../../src/errors.js';
import { referenceKernels } from '../../src/kernels/reference/kernels.js';
import { indexFiles } from '../../src/native/index-files.js';
import { resolveTemplate } from '../../src/template-files/resolve-template.js';
import { FakeGenerator, type FakeOptions } from '../support/fake-generator.js';
import { writeRows } from '../support/preference-file.js';
import { FakeEmbedder, type FakeEmbedderOptions } from './fake-embedder.js';
import { tellStyle } from './styles.js';

/** Writes rows and opens them. */
export async function dataOf(
  folder: string,
  rows: readonly (object | string)[],
  name = 'train.jsonl',
): Promise<PreferenceData> {
  const path = await writeRows(join(folder, name), rows);
  return openPreferenceData(path);
}

/** Options of a build with fakes; `loads` counts how often each was loaded. */
export async function fakeBuild(
  folder: string,
  data: PreferenceData,
  changes: Partial<BuildBankOptions> & {
    readonly generator?: FakeOptions;
    readonly embedding?: FakeEmbedderOptions;
  } = {},
): Promise<BuildBankOptions & { readonly loads: { generator: number; embedder: number; texts: string[] } }> {
  const { generator, embedding, ...rest } = changes;
  const loads = { generator: 0, embedder: 0, texts: [] as string[] };
  return {
    data,
    out: join(folder, 'bank'),
    judge: {
      sha256: 'a'.repeat(64),
      template: await resolveTemplate('compact'),
      load: async () => {
        loads.generator += 1;
        return new FakeGenerator({ script: tellStyle, ...generator });
      },
    },
    embedder: {
      sha256: 'b'.repeat(64),
      pooling: 'mean',
      load: async () => {
        loads.embedder += 1;
        const embedder = new FakeEmbedder(embedding);
        Object.defineProperty(embedder, 'texts', { value: loads.texts });
        return embedder;
      },
    },
    kernels: referenceKernels(indexFiles),
    k: 4,
    seed: 7,
    ...rest,
    loads,
  };
}

/** What an error must be like. */
export function error(code: ErrorCode, message: RegExp = /./): Partial<PgenrmError> {
  return { code, message: expectMatching(message) as unknown as string };
}

function expectMatching(pattern: RegExp): { asymmetricMatch(text: string): boolean; toString(): string } {
  return { asymmetricMatch: (text) => pattern.test(text), toString: () => `StringMatching ${pattern}` };
}
