// Runs `pgenrm eval` in this process with a generator that needs no model.

import { Writable } from 'node:stream';
import { Command } from 'commander';
import { evalCommand } from '../../src/cli/eval/eval-command.js';
import type { EvalHost } from '../../src/cli/eval/eval-models.js';
import { runCli } from '../../src/cli/run-cli.js';
import { RewardModel } from '../../src/reward-model/reward-model.js';
import { FakeGenerator, type FakeOptions } from '../support/fake-generator.js';

/** How a command ended. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** The generators that were loaded, with their requests. */
  readonly generators: readonly FakeGenerator[];
}

class Sink extends Writable {
  text = '';
  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.text += chunk.toString('utf8');
    done();
  }
}

/** Runs one command line. */
export async function fakeEval(words: readonly string[], fake: FakeOptions = {}): Promise<Ended> {
  const [out, err] = [new Sink(), new Sink()];
  const generators: FakeGenerator[] = [];
  const code = await runCli(['eval', ...words], {
    out,
    err,
    loadModel: async (options = {}) => {
      const generator = new FakeGenerator(fake);
      generators.push(generator);
      return RewardModel.over(generator, { modelSha256: `sha of ${options.model}` });
    },
  });
  return { code, out: out.text, err: err.text, generators };
}

/** Runs `eval` alone with a host of its own, as for banks; errors are thrown. */
export async function evalWith(words: readonly string[], host: EvalHost): Promise<Omit<Ended, 'generators'>> {
  const [out, err] = [new Sink(), new Sink()];
  let code = -1;
  const program = new Command().exitOverride();
  const context = {
    out,
    err,
    loadModel: () => Promise.reject(new Error('a model without bank was asked for')),
    end: (ended: number) => {
      code = ended;
    },
  };
  evalCommand(program, context, host);
  await program.parseAsync(['eval', ...words], { from: 'user' });
  return { code, out: out.text, err: err.text };
}
