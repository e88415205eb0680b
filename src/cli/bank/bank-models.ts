// How the bank commands get at models: their options, files found and checked, generator and embedder loaded.
// Knows the options that load models; nothing of banks.

import type { Command } from 'commander';
import type { EmbedderSource, JudgeSource } from '../../bank-build/build-bank.js';
import type { Embedder } from '../../generator/embedder.js';
import type { Generator } from '../../generator/generator.js';
import { defaultEmbedder } from '../../model-file/named-embedder.js';
import { withChatTemplate } from '../../prompt/template/template.js';
import { GENERATOR_CHOICES, GPU_CHOICES } from '../../reward-model/reward-model.js';
import { resolveTemplate } from '../../template-files/resolve-template.js';
import { readGivenTemplate } from '../../template-guard/given-template.js';
import { type EngineFlags, engineFlags, engineSizes } from '../options/engine-flags.js';
import { CHAT_TEMPLATE_HELP } from '../options/model-options.js';
import { choiceOption } from '../options/option-parsers.js';

/** How the vectors of tokens become one; `auto` is what the embedder's file says. */
export const POOLING_CHOICES = ['auto', 'mean', 'cls', 'last'] as const;

/** One of {@link POOLING_CHOICES}. */
export type PoolingChoice = (typeof POOLING_CHOICES)[number];

/** Options of every command that loads models. */
export interface ModelOptions extends EngineFlags {
  readonly model: string;
  readonly template?: string;
  readonly chatTemplate?: string;
  readonly embedder?: string;
  readonly pooling?: PoolingChoice;
  readonly generator?: (typeof GENERATOR_CHOICES)[number];
  readonly gpu: (typeof GPU_CHOICES)[number];
}

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
  loadGenerator(path: string, options: ModelOptions, signal: AbortSignal): Promise<Generator>;
  loadEmbedder(
    path: string,
    pooling: PoolingChoice,
    options: ModelOptions,
    signal: AbortSignal,
  ): Promise<Embedder>;
}

/** Adds the options of {@link ModelOptions} to a command. */
export function withModelOptions(command: Command): Command {
  command
    .option('--model <model>', 'nano (bundled), a path, or an hf: address', 'nano')
    .option('--template <template>', "a template's name or file; default: the model's own, else standard")
    .option('--chat-template <file>', CHAT_TEMPLATE_HELP)
    .option('--embedder <model>', 'a GGUF that embeds; default: the one that the model names, else itself')
    .addOption(
      choiceOption(
        '--pooling <kind>',
        'how tokens become one vector; default mean for the model itself, else auto',
        POOLING_CHOICES,
      ),
    )
    .addOption(choiceOption('--generator <kind>', 'force a generator', GENERATOR_CHOICES))
    .addOption(choiceOption('--gpu <backend>', 'where layers are computed', GPU_CHOICES).default('auto'));
  return engineFlags(command);
}

/**
 * Judge and embedder as the options name them; nothing is loaded yet. Without `--embedder` the embedder is
 * {@link defaultEmbedder} for a bank made with one of `bankSha256`. Errors: those of `findModel`; `TEMPLATE_INVALID`.
 */
export async function modelSources(
  options: ModelOptions,
  host: BankHost,
  signal: AbortSignal,
  ownPooling?: PoolingChoice,
  bankSha256: string | null = null,
): Promise<{ judge: JudgeSource; embedder: EmbedderSource }> {
  const named = options.template === undefined ? undefined : await resolveTemplate(options.template);
  const chatTemplate =
    options.chatTemplate === undefined ? undefined : await readGivenTemplate(options.chatTemplate);
  const model = await host.findModel(options.model, signal);
  const spec = options.embedder ?? defaultEmbedder(model, bankSha256);
  const itself = spec === null || spec === model.path;
  const embedder = itself ? model : await host.findModel(spec, signal);
  const template = named ?? (await resolveTemplate(undefined, model.metadata));
  const pooling = options.pooling ?? ownPooling ?? (itself ? 'mean' : 'auto');
  return {
    judge: {
      sha256: model.sha256,
      template: chatTemplate === undefined ? template : withChatTemplate(template, chatTemplate.source),
      ...(chatTemplate === undefined ? {} : { chatTemplate }),
      load: () => host.loadGenerator(model.path, options, signal),
    },
    embedder: {
      sha256: embedder.sha256,
      pooling,
      load: () => host.loadEmbedder(embedder.path, pooling, options, signal),
    },
  };
}

/** The models of this machine. */
export const MODELS: BankHost = {
  async findModel(spec, signal) {
    const { resolveModel } = await import('../../model-file/model-file.js');
    const { path, sha256, facts } = await resolveModel(spec, { signal });
    return { path, sha256, metadata: facts.metadata };
  },
  async loadGenerator(modelPath, options, signal) {
    const { loadGenerator } = await import('../../generator/choose.js');
    const { generator, gpu } = options;
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
