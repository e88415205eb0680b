// Runs `pgenrm bench` in this process with a generator that needs no model and counts made-up steps.

import { Writable } from 'node:stream';
import { Command } from 'commander';
import { benchCommand } from '../../src/cli/bench-command.js';
import type { BenchHost } from '../../src/cli/bench-scaling.js';
import { exitCodeOf } from '../../src/cli/exit-code.js';
import { Interruption } from '../../src/cli/interrupt.js';
import { PgenrmError } from '../../src/errors.js';
import type { EngineCounters, Generation, GenerationRequest } from '../../src/generator/generator.js';
import type { LoadedParts } from '../../src/reward-model/load-parts.js';
import { FAKE_SCHEDULING, FakeGenerator, type FakeOptions } from '../support/fake-generator.js';

/** A fake generator that counts a step a generated token, and can have a small KV cache. */
export class CountingGenerator extends FakeGenerator {
  forgotten = 0;
  #counts = {
    calls: 0,
    promptRows: 0,
    sampleRows: 0,
    promptAttended: 0,
    sampleAttended: 0,
    generatedTokens: 0,
  };

  constructor(options: FakeOptions = {}, cells?: number) {
    super(options);
    const kvCache = { layout: 'unified', type: 'f16', flashAttention: 'auto' } as const;
    Object.assign(this.info, { scheduling: FAKE_SCHEDULING });
    if (cells !== undefined) Object.assign(this.info, { kvCache: { ...kvCache, cells } });
  }

  override async generate(request: GenerationRequest): Promise<Generation> {
    if (request.minTokens !== undefined) return this.#exactly(request, request.minTokens);
    const generation = await super.generate(request);
    this.#count(request.prompt.length, generation.usage.generatedTokens);
    return generation;
  }

  forget(): void {
    this.forgotten += 1;
  }

  counters(): EngineCounters {
    const { calls, promptRows, sampleRows, generatedTokens } = this.#counts;
    const [decodeMs, drawMs] = [0.001 * (calls + promptRows + sampleRows), 0.0001 * generatedTokens];
    return {
      ...this.#counts,
      rowCells: 100 * sampleRows,
      cellsRead: 0,
      preempted: 0,
      decodeMs,
      drawMs,
      cells: 0,
    };
  }

  /** A request of known size is not a chain: it gives exactly what was asked for. */
  async #exactly({ prompt, seeds }: GenerationRequest, tokens: number): Promise<Generation> {
    const generatedTokens = seeds.length * tokens;
    this.#count(prompt.length, generatedTokens);
    return {
      samples: seeds.map((seed, index) => ({
        index,
        seed,
        text: '',
        tokens,
        finish: 'length',
        elapsedMs: 1,
      })),
      usage: {
        promptTokens: prompt.length,
        decodedPromptTokens: prompt.length,
        generatedTokens,
        prefillMs: 1,
        totalMs: 2,
      },
    };
  }

  #count(promptRows: number, generatedTokens: number): void {
    this.#counts.calls += generatedTokens / 4;
    this.#counts.promptRows += promptRows;
    this.#counts.sampleRows += generatedTokens;
    this.#counts.promptAttended += (promptRows * promptRows) / 2;
    this.#counts.sampleAttended += generatedTokens * promptRows;
    this.#counts.generatedTokens += generatedTokens;
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
export const usualParts = (generator = new CountingGenerator({ maxSequences: 4 })): LoadedParts => ({
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
      weightType: 8,
      layers: 2,
    }),
    energy,
    measureMachine: async () => ({ peak: { untold: 'a made-up machine' }, libraryHash: 'beef' }),
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
