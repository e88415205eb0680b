// A reward model over a made-up bank: a fake generator, a fake embedder, users u0, u1, ... who chose `c 0`, `c 1`, ...

import { onTestFinished } from 'vitest';
import { PrototypeBank } from '../../src/bank/bank.js';
import { referenceKernels } from '../../src/kernels/reference/kernels.js';
import { indexFiles } from '../../src/native/index-files.js';
import { type OverOptions, RewardModel } from '../../src/reward-model/reward-model.js';
import { FakeEmbedder, type FakeEmbedderOptions } from '../bank/fake-embedder.js';
import { type MadeBank, madeBank, slowSimilar } from '../bank/made-bank.js';
import { byLength, FakeGenerator, type FakeOptions, type FakeSample } from '../support/fake-generator.js';

export const BANK_USERS = 12;
const DIMENSION = 16;

export interface BankWorldOptions {
  readonly generator?: FakeOptions;
  readonly embedder?: FakeEmbedderOptions;
  readonly over?: OverOptions;
  /** Users of the bank. */
  readonly users?: number;
}

export interface BankWorld {
  readonly model: RewardModel;
  readonly generator: FakeGenerator;
  readonly embedder: FakeEmbedder;
  readonly bank: PrototypeBank;
  readonly made: MadeBank;
  /** Ids of the users nearest to a text, by a look at every member. */
  nearest(text: string, n: number, exclude?: readonly number[]): Promise<string[]>;
}

let number = 0;

/** Makes the bank in `folder`, and a model over it. */
export async function bankWorld(folder: string, options: BankWorldOptions = {}): Promise<BankWorld> {
  const kernels = referenceKernels(indexFiles);
  number += 1;
  const users = options.users ?? BANK_USERS;
  const made = await madeBank(folder, {
    members: 3 * users,
    users,
    prototypes: Math.min(3, users),
    dim: DIMENSION,
    name: `bank-${number}`,
  });
  const bank = await PrototypeBank.open(made.path, { kernels });
  onTestFinished(() => bank.close());
  const generator = new FakeGenerator({ script: byUser, ...options.generator });
  const embedder = new FakeEmbedder({ dimension: DIMENSION, ...options.embedder });
  const model = await RewardModel.over(generator, {
    bank,
    embedder,
    embedderIdentity: { sha256: 'b'.repeat(64), pooling: 'mean' },
    kernels,
    ...options.over,
  });
  return {
    model,
    generator,
    embedder,
    bank,
    made,
    async nearest(text, n, exclude = []) {
      const { vectors } = await new FakeEmbedder({ dimension: DIMENSION }).embed([text]);
      return slowSimilar(made, vectors, n, exclude, true).map(({ user }) => `u${user}`);
    },
  };
}

/** Number of the bank's user whose history a prompt shows; null for the asking user. */
export function shownUser(prompt: string): number | null {
  const match = /Chosen 1: c (\d+)\n/.exec(prompt);
  return match === null ? null : Number(match[1]);
}

/** Part 1 names whose chain it is, so that each user's embedding is their own. */
export function byUser(sample: FakeSample): string {
  const user = shownUser(sample.prompt);
  return byLength(sample).replace('Likes what fits.', user === null ? 'The one who asks.' : `User ${user}.`);
}
