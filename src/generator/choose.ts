// Picks the generator: native where the addon and its library are there, portable otherwise, or the one forced.
// Knows both implementations and nothing of how they work.
import { PgenrmError } from '../errors.js';
import { refuseEngineOptions } from '../options/engine-options.js';
import type { Embedder } from './embedder.js';
import { GENERATOR_KINDS, type Generator, type GeneratorKind } from './generator.js';
import { chooseLlama, type GpuChoice } from './llama/llama-library.js';
import { type EmbedderOptions, loadNativeEmbedder } from './native/native-embedder.js';
import { type GeneratorOptions, loadNativeGenerator } from './native/native-generator.js';
import { openLibrary, requireBinding } from './native/native-library.js';
import { loadPortableEmbedder } from './portable/portable-embedder.js';
import { loadPortableGenerator } from './portable/portable-generator.js';

/** What can be asked of {@link loadGenerator}. */
export interface LoadGeneratorOptions extends GeneratorOptions {
  /** Forces a generator; default: native where it can run, else portable. */
  readonly generator?: GeneratorKind;
}

/** Which generator runs here and why the other does not. */
export interface GeneratorChoice {
  readonly kind: GeneratorKind;
  readonly reasons: readonly string[];
}

/**
 * Says which generator would be used. Throws `INVALID_OPTION` for an unknown name, and
 * `GENERATOR_UNAVAILABLE` with the reasons where the one forced cannot run here.
 */
export async function chooseGenerator(forced?: GeneratorKind, gpu?: GpuChoice): Promise<GeneratorChoice> {
  if (forced !== undefined && !GENERATOR_KINDS.includes(forced)) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `generator must be one of ${GENERATOR_KINDS.join(', ')}, got ${String(forced)}`,
    );
  }
  if (forced === 'portable') return { kind: 'portable', reasons: ['portable: asked for'] };
  const missing = await whyNotNative(gpu);
  if (missing === null) {
    return {
      kind: 'native',
      reasons: [forced === 'native' ? 'native: asked for' : 'native: the addon and its library are here'],
    };
  }
  if (forced === 'native') {
    throw new PgenrmError('GENERATOR_UNAVAILABLE', `the native generator cannot be used: ${missing}`);
  }
  return { kind: 'portable', reasons: [`portable: ${missing}`] };
}

/**
 * Loads a model into the generator that {@link chooseGenerator} picks.
 * Throws what that and the loaders throw, and `INVALID_OPTION` where the portable one would run and something of the
 * native engine is fixed.
 */
export async function loadGenerator(options: LoadGeneratorOptions): Promise<Generator> {
  const choice = await chooseGenerator(options.generator, options.gpu);
  if (choice.kind === 'native') return loadNativeGenerator(options);
  refuseEngineOptions(options, choice.reasons);
  return loadPortableGenerator(options);
}

/** What can be asked of {@link loadEmbedder}. */
export interface LoadEmbedderOptions extends EmbedderOptions {
  /** Forces the kind of generator whose engine embeds; default: native where it can run, else portable. */
  readonly generator?: GeneratorKind;
}

/** Loads a model that embeds, into the engine that {@link chooseGenerator} picks. Throws what that and the loaders throw. */
export async function loadEmbedder({ generator, ...options }: LoadEmbedderOptions): Promise<Embedder> {
  const { kind } = await chooseGenerator(generator, options.gpu);
  return kind === 'native' ? loadNativeEmbedder(options) : loadPortableEmbedder(options);
}

async function whyNotNative(gpu: GpuChoice | undefined): Promise<string | null> {
  const choice = await chooseLlama(gpu);
  try {
    openLibrary(requireBinding(), choice);
    return null;
  } catch (error) {
    if (error instanceof PgenrmError) return error.message;
    throw error;
  }
}
