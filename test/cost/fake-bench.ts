// Runs `pgenrm bench` in this process with a generator that needs no model.

import { Writable } from 'node:stream';
import { Command } from 'commander';
import { benchCommand } from '../../src/cli/bench/bench-command.js';
import type { BenchHost } from '../../src/cli/bench/bench-scaling.js';
import { exitCodeOf } from '../../src/cli/terminal/exit-code.js';
import { Interruption } from '../../src/cli/terminal/interrupt.js';
import { PgenrmError } from '../../src/errors.js';
import type { LoadedParts } from '../../src/reward-model/load/load-parts.js';
import { FakeGenerator, type FakeOptions, withKvCache } from '../support/fake-generator.js';

const KV_CACHE = { type: 'f16', flashAttention: 'auto' } as const;

/** A fake generator that counts how often it forgot its prompts, and can have a small KV cache. */
export class BenchGenerator extends FakeGenerator {
  forgotten = 0;

  constructor(options: FakeOptions = {}, cells?: number) {
    super({ ...options, ...(cells === undefined ? {} : withKvCache({ ...KV_CACHE, cells })) });
  }

  forget(): void {
    this.forgotten += 1;
  }
}

/** How a command ended. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

class Sink extends Writable {
  text = '';
  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.text += chunk.toString('utf8');
    done();
  }
}

/** What is loaded where a test does not say. */
export const usualParts = (generator = new BenchGenerator({ samplesAtOnce: 4 })): LoadedParts => ({
  generator,
  modelSha256: 'a'.repeat(64),
});

/** Runs one command line of the group. */
export async function fakeBench(
  words: readonly string[],
  parts: () => LoadedParts | Promise<LoadedParts> = usualParts,
  energy: BenchHost['energy'] = () => null,
): Promise<Ended> {
  const [out, err] = [new Sink(), new Sink()];
  let code = -1;
  const host: BenchHost = {
    loadParts: async () => parts(),
    modelCost: async () => ({
      flopsPerToken: 1e6,
      flopsPerOutput: 1e5,
      flopsPerAttended: 100,
      cellBytes: 64,
      layers: 2,
    }),
    energy,
    libraryHash: async () => 'beef',
  };
  const program = new Command().exitOverride().configureOutput({ writeErr: (text) => err.write(text) });
  const context = {
    out,
    err,
    loadModel: () => Promise.reject(new Error('the bench loads its parts itself')),
    end: (ended: number) => {
      code = ended;
    },
  };
  benchCommand(program, context, host);
  try {
    await program.parseAsync(['bench', ...words], { from: 'user' });
  } catch (error) {
    if (!(error instanceof PgenrmError) && !(error instanceof Interruption)) throw error;
    code = error instanceof PgenrmError ? exitCodeOf(error) : error.exitCode;
    err.write(error instanceof PgenrmError ? `${error.code}: ${error.message}` : error.message);
  }
  return { code, out: out.text, err: err.text };
}
