// Loads what a reward model is made of: model file, generator, and for the prototype level bank and embedder.
// Knows where they come from; nothing of judging.

import { PrototypeBank } from '../../bank/bank.js';
import { PgenrmError } from '../../errors.js';
import type { Embedder } from '../../generator/embedder.js';
import type { Generator } from '../../generator/generator.js';
import { isServerAddress, servedPooling } from '../../generator/http/served-embedder.js';
import type { Pooling } from '../../generator/native/native-embedder.js';
import { sequenceEnds } from '../../model-file/model-facts.js';
import type { ResolvedModel } from '../../model-file/model-file.js';
import { defaultEmbedder } from '../../model-file/named-embedder.js';
import { setNativeAddon } from '../../native/load.js';
import { setAssetRoot } from '../../package.js';
import type { GivenChatTemplate } from '../../prompt/chat/chat-template.js';
import { chatTokens } from '../../prompt/chat/chat-tokens.js';
import { resolveTemplate } from '../../template-files/resolve-template.js';
import { checkLoadOptions, type LoadOptions, namesFile } from './load-options.js';
import { loadServed } from './load-served.js';
import type { OverOptions } from './over-options.js';

/** A generator, and the options with which it becomes a reward model. */
export type LoadedParts = OverOptions & { readonly generator: Generator };

/** Loads the parts; errors as `RewardModel.load`. What was loaded is freed where a later part fails. */
export async function loadParts(options: LoadOptions): Promise<LoadedParts> {
  checkLoadOptions(options);
  if (options.assetRoot !== undefined) setAssetRoot(options.assetRoot);
  if (options.nativeAddon !== undefined) setNativeAddon(options.nativeAddon);
  const loaded: AsyncDisposable[] = [];
  const keep = <T extends AsyncDisposable>(part: T): T => {
    loaded.push(part);
    return part;
  };
  try {
    return await load(options, keep);
  } catch (error) {
    for (const part of loaded.reverse()) await part[Symbol.asyncDispose]();
    throw error;
  }
}

async function load(
  options: LoadOptions,
  keep: <T extends AsyncDisposable>(part: T) => T,
): Promise<LoadedParts> {
  const { urls, model = urls === undefined ? 'nano' : undefined, template, signal, onProgress } = options;
  // A wrong template or bank shall not cost the loading of a model.
  const named = template === undefined ? undefined : await resolveTemplate(template);
  const { readGivenTemplate } = await import('../../template-guard/given-template.js');
  const chatTemplate =
    options.chatTemplate === undefined ? undefined : await readGivenTemplate(options.chatTemplate);
  const bank = options.bank === undefined ? undefined : keep(await PrototypeBank.open(options.bank));
  signal?.throwIfAborted();
  // Loaded here, so that a generator of one's own needs none of node-llama-cpp.
  const { resolveModel } = await import('../../model-file/model-file.js');
  const resolve = (spec: string): Promise<ResolvedModel> =>
    resolveModel(spec, {
      ...(signal === undefined ? {} : { signal }),
      ...(onProgress === undefined
        ? {}
        : {
            onProgress: (done, total, source) => onProgress({ phase: 'download', done, total, source }),
          }),
    });
  // Servers have the model; its file says what they do not tell.
  const file =
    model === undefined || (urls !== undefined && !namesFile(model)) ? undefined : await resolve(model);
  const served = options.embedder !== undefined && isServerAddress(options.embedder);
  const embedderFile =
    bank === undefined || served
      ? undefined
      : await findEmbedder(bank, fileForBank(file), options.embedder, resolve);
  const generator = keep(
    urls === undefined
      ? await loadHere(options, file!, chatTemplate)
      : await loadServed({ ...options, urls }, file, signal ?? new AbortController().signal),
  );
  const over = {
    generator,
    ...(file === undefined ? {} : { modelSha256: file.sha256 }),
    ...(named === undefined ? {} : { template: named }),
    ...(chatTemplate === undefined ? {} : { chatTemplate }),
    ...(signal === undefined ? {} : { signal }),
  };
  if (bank === undefined) return over;
  if (embedderFile === undefined) {
    const embedder = keep(await loadServedEmbedder(options));
    const embedderIdentity = { pooling: servedPooling(embedder) };
    bank.checkMadeWith({ embedder: embedderIdentity });
    return { ...over, bank, embedder, embedderIdentity };
  }
  const embedder = keep(await loadEmbedder(bank, embedderFile, options));
  const { pooling } = bank.manifest.madeWith.embedder;
  return { ...over, bank, embedder, embedderIdentity: { sha256: embedderFile.sha256, pooling } };
}

/** Loads a model's file into a generator of this process. */
async function loadHere(
  options: LoadOptions,
  file: ResolvedModel,
  chatTemplate: GivenChatTemplate | undefined,
): Promise<Generator> {
  const { signal, onProgress } = options;
  const [{ loadGenerator }, { renderGuarded }] = await Promise.all([
    import('../../generator/choose.js'),
    import('../../template-guard/render-guarded.js'),
  ]);
  // The chat template is rendered while the model loads; one that cannot be used ends the load.
  const unusable = new AbortController();
  const { name, source } = chatTemplate ?? { name: undefined, source: file.facts.chatTemplate ?? '' };
  const tokens = chatTokens(sequenceEnds(file.facts), file.facts.metadata);
  renderGuarded(source, { ...tokens, ...(name === undefined ? {} : { name }) }, signal).catch(
    (error: unknown) => unusable.abort(error),
  );
  return loadGenerator({
    modelPath: file.path,
    ...pick(options, ['generator', 'gpu', 'contextTokens', 'maxSequences', 'threads', 'onWarning', 'engine']),
    signal: AbortSignal.any([unusable.signal, ...(signal === undefined ? [] : [signal])]),
    ...(onProgress === undefined
      ? {}
      : { onProgress: (share) => onProgress({ phase: 'load', done: share, total: 1 }) }),
  });
}

/** Errors: `INVALID_OPTION` where only servers know the model. */
function fileForBank(file: ResolvedModel | undefined): ResolvedModel {
  if (file !== undefined) return file;
  throw new PgenrmError(
    'INVALID_OPTION',
    'a bank needs its embedder: name the file of the model that the servers have (model), or the embedder itself (embedder), a file or the address of a server that has /v1/embeddings',
  );
}

/** The file of the embedder that a bank was built with. Errors: `BANK_MISMATCH` and those of resolving. */
async function findEmbedder(
  bank: PrototypeBank,
  model: ResolvedModel,
  spec: string | undefined,
  resolve: (spec: string) => Promise<ResolvedModel>,
): Promise<ResolvedModel> {
  const { sha256, pooling } = bank.manifest.madeWith.embedder;
  if (spec === undefined && pooling.startsWith('server '))
    throw new PgenrmError(
      'BANK_MISMATCH',
      `${bank.path} was embedded by ${pooling.slice(7)} on an inference server; name the server's address as embedder (--embedder URL)`,
    );
  const judge = { path: model.path, sha256: model.sha256, metadata: model.facts.metadata };
  const named = spec ?? defaultEmbedder(judge, sha256);
  const file = named === null ? model : await resolve(named);
  if (spec === undefined && sha256 !== null && sha256 !== file.sha256) {
    const own = named === null ? 'the judge is' : `the embedder that the judge names (${named}) is`;
    throw new PgenrmError(
      'BANK_MISMATCH',
      `${bank.path} was embedded by a model of SHA-256 ${sha256}, and ${own} of ${file.sha256}; name the bank's embedder (--embedder), or build a bank with this model`,
    );
  }
  bank.checkMadeWith({ embedder: { sha256: file.sha256 } });
  return file;
}

async function loadServedEmbedder({ embedder, apiKey, signal }: LoadOptions): Promise<Embedder> {
  const { loadHttpEmbedder } = await import('../../generator/http/http-embedder.js');
  return loadHttpEmbedder({
    url: embedder!,
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(signal === undefined ? {} : { signal }),
  });
}

async function loadEmbedder(
  bank: PrototypeBank,
  file: ResolvedModel,
  options: LoadOptions,
): Promise<Embedder> {
  const { loadEmbedder: load } = await import('../../generator/choose.js');
  // The embedder refuses a pooling that it does not know.
  const pooling = bank.manifest.madeWith.embedder.pooling as Pooling;
  return load({
    modelPath: file.path,
    pooling,
    ...pick(options, options.urls === undefined ? ['generator', 'gpu', 'threads', 'signal'] : ['signal']),
  });
}

/** The options of these names that are given. */
function pick<T extends object, K extends keyof T>(from: T, names: readonly K[]): Given<T, K> {
  const entries = names.flatMap((name) => (from[name] === undefined ? [] : [[name, from[name]]]));
  return Object.fromEntries(entries) as Given<T, K>;
}

type Given<T, K extends keyof T> = { readonly [P in K]?: Exclude<T[P], undefined> };
