// How the bank commands get at models: their options, files found and checked, generator and embedder loaded.
// Knows the options that load models; nothing of banks.

import type { EmbedderSource, JudgeSource } from '../../bank-build/build-bank.js';
import { PgenrmError } from '../../errors.js';
import type { Embedder } from '../../generator/embedder.js';
import type { Generator } from '../../generator/generator.js';
import { isServerAddress, servedPooling } from '../../generator/http/served-embedder.js';
import { defaultEmbedder } from '../../model-file/named-embedder.js';
import { withChatTemplate } from '../../prompt/template/template.js';
import { checkLoadOptions, namesFile } from '../../reward-model/load/load-options.js';
import { resolveTemplate } from '../../template-files/resolve-template.js';
import { readGivenTemplate } from '../../template-guard/given-template.js';
import { engineSizes, loadOptions } from '../options/model-options.js';
import type { PoolingChoice } from '../options/table/bank-flags.js';
import { type FlagName, type FlagValues, MODEL } from '../options/table/table.js';

/** The flags of every bank command that loads models. */
export const BANK_MODEL_FLAGS = [...MODEL, 'embedder', 'pooling'] as const satisfies readonly FlagName[];

/** {@link BANK_MODEL_FLAGS} as commander reads them. */
export type BankModelOptions = FlagValues<typeof BANK_MODEL_FLAGS>;

/** A model file that was found and checked. */
export interface FoundModel {
  readonly path: string;
  readonly sha256: string;
  /** GGUF metadata, which may name a template. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** How the command gets at models; tests put their own in place. */
export interface BankHost {
  findModel(spec: string, signal: AbortSignal): Promise<FoundModel>;
  loadGenerator(path: string, options: BankModelOptions, signal: AbortSignal): Promise<Generator>;
  loadEmbedder(
    path: string,
    pooling: PoolingChoice,
    options: BankModelOptions,
    signal: AbortSignal,
  ): Promise<Embedder>;
}

/**
 * Judge and embedder as the options name them; nothing is loaded yet. Without `--embedder` the embedder is
 * {@link defaultEmbedder} for a bank made with one of `bankSha256`. Errors: those of `findModel`; `TEMPLATE_INVALID`.
 */
export async function modelSources(
  options: BankModelOptions,
  host: BankHost,
  signal: AbortSignal,
  ownPooling?: PoolingChoice,
  bankSha256: string | null = null,
): Promise<{ judge: JudgeSource; embedder: EmbedderSource }> {
  const named = options.template === undefined ? undefined : await resolveTemplate(options.template);
  const chatTemplate =
    options.chatTemplate === undefined ? undefined : await readGivenTemplate(options.chatTemplate);
  const { embedder: _, pooling: __, ...judging } = options;
  checkLoadOptions(loadOptions(judging));
  if (options.engineUrl !== undefined && !namesFile(options.model))
    throw new PgenrmError(
      'INVALID_OPTION',
      'a bank keeps what its model is: name the file of the model that the servers have (--model FILE)',
    );
  const model = await host.findModel(options.model, signal);
  const template = named ?? (await resolveTemplate(undefined, model.metadata));
  const judge: JudgeSource = {
    sha256: model.sha256,
    template: chatTemplate === undefined ? template : withChatTemplate(template, chatTemplate.source),
    ...(chatTemplate === undefined ? {} : { chatTemplate }),
    load: () => host.loadGenerator(model.path, options, signal),
  };
  if (options.embedder !== undefined && isServerAddress(options.embedder))
    return { judge, embedder: await servedEmbedder(options.embedder, options.pooling, signal) };
  const spec = options.embedder ?? defaultEmbedder(model, bankSha256);
  const itself = spec === null || spec === model.path;
  const embedder = itself ? model : await host.findModel(spec, signal);
  const pooling = options.pooling ?? ownPooling ?? (itself ? 'mean' : 'auto');
  return {
    judge,
    embedder: {
      sha256: embedder.sha256,
      pooling,
      load: () => host.loadEmbedder(embedder.path, pooling, options, signal),
    },
  };
}

/** The embedder of a server. Errors: those of `loadHttpEmbedder`; `INVALID_OPTION` for a pooling, which is the server's. */
async function servedEmbedder(
  url: string,
  pooling: PoolingChoice | undefined,
  signal: AbortSignal,
): Promise<EmbedderSource> {
  if (pooling !== undefined)
    throw new PgenrmError(
      'INVALID_OPTION',
      `--pooling ${pooling} has no part where a server embeds; leave it out`,
    );
  const { loadHttpEmbedder } = await import('../../generator/http/http-embedder.js');
  const load = (): Promise<Embedder> => loadHttpEmbedder({ url, signal });
  await using looked = await load();
  return { sha256: null, pooling: servedPooling(looked), load };
}

/** The models of this machine. */
export const MODELS: BankHost = {
  async findModel(spec, signal) {
    const { resolveModel } = await import('../../model-file/model-file.js');
    const { path, sha256, facts } = await resolveModel(spec, { signal });
    return { path, sha256, metadata: facts.metadata };
  },
  async loadGenerator(modelPath, options, signal) {
    const { generator, gpu, engineUrl: urls } = options;
    if (urls !== undefined) {
      const [{ loadServed }, { resolveModel }] = await Promise.all([
        import('../../reward-model/load/load-served.js'),
        import('../../model-file/model-file.js'),
      ]);
      return loadServed({ ...loadOptions(options), urls }, await resolveModel(modelPath, { signal }), signal);
    }
    const { loadGenerator } = await import('../../generator/choose.js');
    return loadGenerator({
      modelPath,
      gpu,
      signal,
      ...(generator === undefined ? {} : { generator }),
      ...engineSizes(options),
    });
  },
  async loadEmbedder(modelPath, pooling, { generator, gpu, threads }, signal) {
    const { loadEmbedder } = await import('../../generator/choose.js');
    return loadEmbedder({
      modelPath,
      pooling,
      gpu,
      signal,
      ...(generator === undefined ? {} : { generator }),
      ...(threads === undefined ? {} : { threads }),
    });
  },
};
