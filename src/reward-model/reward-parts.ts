// Makes what a reward model judges with of a generator, and of what the platform brings.
// Needs nothing of Node: kernels, templates from files and the renderer of chat templates come from outside.

import { PgenrmError } from '../errors.js';
import type { Generator } from '../generator/generator.js';
import { modelDecoding } from '../guided/decoding.js';
import { PlanLengths } from '../guided/guide.js';
import type { Kernels } from '../kernels/kernels.js';
import { defaultMaxTokens } from '../options/max-tokens.js';
import { chatTemplateOf, type SkeletonRenderer } from '../prompt/chat/chat-template.js';
import { chatTokens } from '../prompt/chat/chat-tokens.js';
import { BUILT_IN_TEMPLATES, modelTemplate } from '../prompt/template/built-in.js';
import { type PromptTemplate, withChatTemplate } from '../prompt/template/template.js';
import type { JudgeParts } from './judge.js';
import type { OverOptions } from './load/over-options.js';
import { ChainRoom } from './writing/chain-room.js';

/** What a platform brings. */
export interface Platform {
  readonly loadKernels: () => Promise<Kernels>;
  readonly renderChatTemplate: SkeletonRenderer;
  /** The template of a name that is not built in. Errors: `TEMPLATE_INVALID`. */
  readonly resolveTemplate: (name: string) => Promise<PromptTemplate>;
}

/** What a reward model is made of. */
export interface RewardParts {
  readonly template: PromptTemplate;
  /** SHA-256 of the model file, where known. */
  readonly modelSha256: string | null;
  /** @internal */
  readonly judge: JudgeParts;
  /** @internal */
  readonly ownsGenerator: boolean;
  /** @internal */
  readonly ownsBank: boolean;
}

/** Errors: as `RewardModel.over`. */
export async function rewardParts(
  generator: Generator,
  options: OverOptions,
  platform: Platform,
): Promise<RewardParts> {
  const { model } = generator;
  const named =
    typeof options.template === 'object'
      ? options.template
      : await namedTemplate(options.template, model.metadata, platform);
  const template =
    options.chatTemplate === undefined ? named : withChatTemplate(named, options.chatTemplate.source);
  const chat = await chatTemplateFor(generator, options, platform);
  const usualMaxTokens = defaultMaxTokens(generator.info.contextTokens, model.metadata);
  const { bank, embedder, embedderIdentity = {} } = options;
  if ((bank === undefined) !== (embedder === undefined)) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `a bank and the embedder that it was built with go together; got ${bank === undefined ? 'an embedder' : 'a bank'} alone`,
    );
  }
  bank?.checkMadeWith({ embedder: embedderIdentity });
  const prototypes = bank === undefined || embedder === undefined ? null : { bank, embedder };
  const kernels = options.kernels ?? (await platform.loadKernels());
  const decoding = modelDecoding(model.metadata, generator.info.capabilities.plans);
  const defaults = { usualMaxTokens, decoding };
  const planLengths = new PlanLengths();
  const room = new ChainRoom(generator.info.samplesAtOnce);
  return {
    template,
    modelSha256: options.modelSha256 ?? null,
    judge: { generator, template, chat, defaults, planLengths, room, kernels, prototypes },
    ownsGenerator: options.ownsGenerator ?? true,
    ownsBank: options.ownsBank ?? false,
  };
}

async function namedTemplate(
  name: string | undefined,
  metadata: ReadonlyMap<string, string>,
  platform: Platform,
): Promise<PromptTemplate> {
  if (name === undefined) return modelTemplate(metadata);
  return BUILT_IN_TEMPLATES.get(name) ?? platform.resolveTemplate(name);
}

async function chatTemplateFor(generator: Generator, options: OverOptions, platform: Platform) {
  const { chatTemplate, signal } = options;
  const render = options.renderChatTemplate ?? platform.renderChatTemplate;
  const tokens = chatTokens(generator.model, generator.model.metadata);
  const named = chatTemplate === undefined ? tokens : { ...tokens, name: chatTemplate.name };
  return chatTemplateOf(await render(chatTemplate?.source ?? generator.model.chatTemplate, named, signal));
}
