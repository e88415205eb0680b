// Which model is loaded and how it runs, as the command line says it, for every command that loads one.
// Knows names on both sides; nothing of what the command does with it.

import { isServerAddress } from '../../generator/http/served-embedder.js';
import type { EngineSizes } from '../../generator/native/native-generator.js';
import { BUNDLED_MODEL } from '../../model-file/model-file.js';
import type { InputPaths } from '../../output/same-file.js';
import { packageFile } from '../../package.js';
import { type LoadOptions, namesFile } from '../../reward-model/reward-model.js';
import type { ENGINE, FlagValues, MODEL } from './table/table.js';

/** Options of the command line that {@link loadOptions} reads. */
export type ModelOptions = FlagValues<readonly [...typeof MODEL, 'bank', 'embedder']>;

/** Options of the command line that {@link engineSizes} reads. */
export type EngineFlags = FlagValues<typeof ENGINE>;

/** Files that a model is loaded from, as far as they are named. */
export function modelInputs(
  options: Pick<ModelOptions, 'model' | 'engineUrl' | 'bank' | 'embedder' | 'template' | 'chatTemplate'>,
): InputPaths {
  const { model, engineUrl, bank, embedder, template, chatTemplate } = options;
  // What servers call a model is no file.
  const file = engineUrl === undefined || namesFile(model);
  return {
    ...(!file
      ? {}
      : model === BUNDLED_MODEL
        ? { 'bundled model': packageFile('models', `${model}.gguf`) }
        : { model }),
    bank,
    ...(embedder === undefined || isServerAddress(embedder) ? {} : { embedder }),
    template,
    'chat template': chatTemplate,
  };
}

/** How the model is loaded. */
export function loadOptions(options: ModelOptions): LoadOptions {
  return {
    ...(options.model === '' ? {} : { model: options.model }),
    ...(options.engineUrl === undefined ? {} : { urls: options.engineUrl }),
    ...(options.engineKind === undefined ? {} : { dialect: options.engineKind }),
    gpu: options.gpu,
    ...(options.bank === undefined ? {} : { bank: options.bank }),
    // Without a bank it is not the judge's: the command has another use for it.
    ...(options.bank === undefined || options.embedder === undefined ? {} : { embedder: options.embedder }),
    ...(options.template === undefined ? {} : { template: options.template }),
    ...(options.chatTemplate === undefined ? {} : { chatTemplate: options.chatTemplate }),
    ...(options.generator === undefined ? {} : { generator: options.generator }),
    ...engineSizes(options),
  };
}

/** How the engine is sized; what is left out is chosen for the model and the machine. */
export function engineSizes(flags: EngineFlags): EngineSizes {
  const { context, threads, maxSequences, engine } = flags;
  const wishes = { threads, contextTokens: context, maxSequences, engine };
  return Object.fromEntries(Object.entries(wishes).filter(([, wish]) => wish !== undefined));
}
