// How `pgenrm eval` gets at models beside a judge alone: a judge with a bank, and what finds history events alike a query.
// Knows the options that load models; nothing of evaluations.

import type { PrototypeBank } from '../../bank/bank.js';
import { PgenrmError } from '../../errors.js';
import { withRandomUsers } from '../../evaluation/chains/bank-overlap.js';
import type { Embedder } from '../../generator/embedder.js';
import type { Generator } from '../../generator/generator.js';
import { defaultEmbedder } from '../../model-file/named-embedder.js';
import { loadParts } from '../../reward-model/load/load-parts.js';
import type { OverOptions } from '../../reward-model/load/over-options.js';
import { type LoadOptions, RewardModel } from '../../reward-model/reward-model.js';
import type { EvalOptions } from './eval-options.js';

/** The judge with a bank; the other one, on the same generator and freed with it, gets users of the bank at random. */
export interface BankModels {
  readonly model: RewardModel;
  readonly randomUsers: RewardModel;
}

/** How the command gets models; tests put their own in place. */
export interface EvalHost {
  /** Loads model, bank and embedder; the model asks `view(bank)` in place of the bank, the other one users at random of it. */
  loadWithBank(
    options: LoadOptions,
    view: (bank: PrototypeBank) => Promise<PrototypeBank>,
    seed: number,
  ): Promise<BankModels>;
  /** Loads what finds history events alike a query, and says the SHA-256 of its file. */
  loadEmbedder(options: EvalOptions, signal: AbortSignal): Promise<{ model: Embedder; sha256: string }>;
}

/** The models of this machine. */
export const MODELS: EvalHost = {
  async loadEmbedder({ model, embedder, generator, gpu, threads }, signal) {
    const found = await embedderFile(model, embedder, signal);
    const { loadEmbedder } = await import('../../generator/choose.js');
    return {
      model: await loadEmbedder({
        modelPath: found.path,
        pooling: found.itself ? 'mean' : 'auto',
        gpu,
        signal,
        ...(generator === undefined ? {} : { generator }),
        ...(threads === undefined ? {} : { threads }),
      }),
      sha256: found.sha256,
    };
  },
  async loadWithBank(options, view, seed) {
    const { generator, bank, ...rest } = await loadParts(options);
    try {
      if (bank === undefined)
        throw new PgenrmError('INTERNAL', 'a model was loaded without the bank asked for');
      return await modelsOver(generator, { ...rest, bank: await view(bank) }, seed);
    } catch (error) {
      await generator[Symbol.asyncDispose]();
      await rest.embedder?.[Symbol.asyncDispose]();
      await bank?.close();
      throw error;
    }
  },
};

/** Both models over one generator, which the first owns. Errors: those of `RewardModel.over`. */
export async function modelsOver(
  generator: Generator,
  options: OverOptions & { readonly bank: PrototypeBank },
  seed: number,
): Promise<BankModels> {
  const bank = withRandomUsers(options.bank, seed);
  const randomUsers = await RewardModel.over(generator, { ...options, bank, ownsGenerator: false });
  return { model: await RewardModel.over(generator, { ...options, ownsBank: true }), randomUsers };
}

/** The embedder asked for, else the one that the judge names, else the judge itself. Errors: those of resolving a model. */
async function embedderFile(model: string, asked: string | undefined, signal: AbortSignal) {
  if (asked === undefined && model === '')
    throw new PgenrmError(
      'INVALID_OPTION',
      '--history-by alike embeds in this process, and only servers have the model; name an embedder with --embedder',
    );
  const { resolveModel } = await import('../../model-file/model-file.js');
  const named = async (): Promise<string | null> => {
    const { path, sha256, facts } = await resolveModel(model, { signal });
    return defaultEmbedder({ path, sha256, metadata: facts.metadata });
  };
  const spec = asked ?? (await named());
  const { path, sha256 } = await resolveModel(spec ?? model, { signal });
  return { path, sha256, itself: spec === null };
}
