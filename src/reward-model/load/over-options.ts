// What a reward model is made of, beside its generator.
// Types alone.

import type { PrototypeBank } from '../../bank/bank.js';
import type { ExpectedOrigin } from '../../bank/file/manifest.js';
import type { Embedder } from '../../generator/embedder.js';
import type { Kernels } from '../../kernels/kernels.js';
import type { GivenChatTemplate, SkeletonRenderer } from '../../prompt/chat/chat-template.js';
import type { PromptTemplate } from '../../prompt/template/template.js';
import type { LoadOptions } from './load-options.js';

/** How a generator becomes a reward model. */
export interface OverOptions {
  /** As {@link LoadOptions.template}, or a template of your own. */
  readonly template?: string | PromptTemplate;
  /** A chat template in place of the model's own; the template's hash then names it too. */
  readonly chatTemplate?: GivenChatTemplate;
  /** @internal Renders the chat template; by default in a worker thread that is ended where it takes too long or too much memory. */
  readonly renderChatTemplate?: SkeletonRenderer;
  /** Stops the rendering of the chat template. */
  readonly signal?: AbortSignal;
  /** SHA-256 of the model file, for manifests. */
  readonly modelSha256?: string;
  /** Whether disposing the reward model disposes the generator; default true. */
  readonly ownsGenerator?: boolean;
  /** Where similar users are sought; needs `embedder`. Without it there is no prototype level. */
  readonly bank?: PrototypeBank;
  /** The model that the bank's embeddings were made by. */
  readonly embedder?: Embedder;
  /** What `embedder` is; compared with what the bank was built with, as far as it is told. */
  readonly embedderIdentity?: NonNullable<ExpectedOrigin['embedder']>;
  /** Whether disposing the reward model closes the bank and disposes the embedder; default false. */
  readonly ownsBank?: boolean;
  /** Default: those that `loadKernels` picks. */
  readonly kernels?: Kernels;
}
