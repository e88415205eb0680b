// The facade in a browser: a model of blobs on llama.cpp as WASM, kernels as WASM, no files and no Node.
// Knows what a page brings; what a reward model does is `base-reward-model.ts`.

import { messageOf, PgenrmError } from '../../errors.js';
import { type BrowserModelOptions, loadBrowserGenerator } from '../../generator/browser/browser-generator.js';
import type { Generator } from '../../generator/generator.js';
import { wasmKernels } from '../../kernels/wasm/kernels.js';
import { renderSkeleton } from '../../prompt/chat/chat-skeleton.js';
import { BaseRewardModel } from '../base-reward-model.js';
import type { OverOptions } from '../load/over-options.js';
import { type Platform, rewardParts } from '../reward-parts.js';

/** What a page adds to a model's own options. */
export interface BrowserLoadOptions
  extends BrowserModelOptions,
    Pick<OverOptions, 'template' | 'chatTemplate' | 'kernels'> {
  /** Address of `kernels.wasm` of this package, on the page's own server. */
  readonly kernelsUrl: string;
}

/** How a generator becomes a reward model in a page: with kernels, or the address of theirs. */
export type BrowserOverOptions = Omit<OverOptions, 'bank' | 'embedder' | 'embedderIdentity' | 'ownsBank'> &
  Partial<Pick<BrowserLoadOptions, 'kernelsUrl'>>;

/** As `RewardModel` on Node, without a prototype level. Run it in a worker: kernels and templates compute where they are called. */
export class RewardModel extends BaseRewardModel {
  /** Loads a model. Errors: those of `loadBrowserGenerator`, and of {@link over}. */
  static async load(options: BrowserLoadOptions): Promise<RewardModel> {
    const { kernelsUrl, template, chatTemplate, kernels, ...model } = options;
    const generator = await loadBrowserGenerator(model);
    try {
      return await RewardModel.over(generator, {
        kernelsUrl,
        ...(template === undefined ? {} : { template }),
        ...(chatTemplate === undefined ? {} : { chatTemplate }),
        ...(kernels === undefined ? {} : { kernels }),
      });
    } catch (error) {
      await generator.close();
      throw error;
    }
  }

  /**
   * Makes a reward model of a generator that is loaded already. Errors: as on Node; `KERNELS_UNAVAILABLE` where the kernels
   * cannot be fetched or compiled.
   */
  static async over(generator: Generator, options: BrowserOverOptions = {}): Promise<RewardModel> {
    const { kernelsUrl, ...over } = options;
    const platform: Platform = {
      loadKernels: () => fetchKernels(kernelsUrl),
      renderChatTemplate: async (source, tokens) => renderSkeleton(source, tokens),
      resolveTemplate: async (name) => {
        throw new PgenrmError(
          'TEMPLATE_INVALID',
          `template must be a built-in one or an object in a browser, which has no files; got ${name}`,
        );
      },
    };
    return new RewardModel(await rewardParts(generator, over, platform));
  }
}

async function fetchKernels(url: string | undefined) {
  if (url === undefined) {
    throw new PgenrmError('KERNELS_UNAVAILABLE', 'give kernelsUrl, the address of kernels.wasm, or kernels');
  }
  try {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
    return await wasmKernels(new Uint8Array(await answer.arrayBuffer()));
  } catch (cause) {
    throw new PgenrmError(
      'KERNELS_UNAVAILABLE',
      `the WASM kernels were not loaded (${messageOf(cause)}): serve kernels.wasm beside the page`,
      { cause },
    );
  }
}
