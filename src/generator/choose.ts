// Picks the generator: native where the addon and its library are there, portable otherwise, or the one forced.
// Knows both implementations and nothing of how they work.
import { PgenrmError } from '../errors.js';
import { loadNativeBinding } from '../native/load.js';
import { installCommand, platformPackage } from '../native/platform-package.js';
import { checkEngineOptions, refuseEngineOptions } from '../options/engine-options.js';
import { PACKAGE_VERSION } from '../version.js';
import type { Embedder } from './embedder.js';
import { GENERATOR_KINDS, type Generator, type GeneratorKind, type LoadWarning } from './generator.js';
import type { GpuChoice } from './llama/gpu-choice.js';
import { chooseLlama } from './llama/llama-library.js';
import { type EmbedderOptions, loadNativeEmbedder } from './native/native-embedder.js';
import { type GeneratorOptions, loadNativeGenerator } from './native/native-generator.js';
import { openLibrary, requireBinding } from './native/native-library.js';
import { loadPortableEmbedder } from './portable/portable-embedder.js';
import { loadPortableGenerator } from './portable/portable-generator.js';

/** What can be asked of {@link loadGenerator}. */
export interface LoadGeneratorOptions extends GeneratorOptions {
  /** Forces a generator; default: native where it can run, else portable. */
  readonly generator?: GeneratorKind;
  /** Called where the portable one takes the native one's place though nobody asked for it. */
  readonly onWarning?: (warning: LoadWarning) => void;
}

/** Which generator runs here and why the other does not. */
export interface GeneratorChoice {
  readonly kind: GeneratorKind;
  readonly reasons: readonly string[];
  /** Where the portable generator runs though nobody asked for it; null elsewhere. */
  readonly fallback: Fallback | null;
}

/** What the native generator lacks here, and what brings it. */
export interface Fallback {
  readonly reason: string;
  /** A command or a setting; null where there is none for this platform. */
  readonly remedy: string | null;
}

/** How much slower chains are written without the addon, by `npm run bench -- generation --workloads b` on a CPU. */
const SLOWER = 'about 7 times slower';

/** The fallback in one line, for people. */
export function fallbackText({ reason, remedy }: Fallback): string {
  return `works, ${SLOWER}: portable (${reason})${remedy === null ? '' : `; to mend it: ${remedy}`}`;
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
  if (forced === 'http')
    throw new PgenrmError(
      'INVALID_OPTION',
      'the http generator has no model file: it is loaded with the addresses of servers (urls)',
    );
  if (forced === 'portable') return { kind: 'portable', reasons: ['portable: asked for'], fallback: null };
  const missing = await whyNotNative(gpu);
  if (missing === null) {
    return {
      kind: 'native',
      reasons: [forced === 'native' ? 'native: asked for' : 'native: the addon and its library are here'],
      fallback: null,
    };
  }
  if (forced === 'native') {
    throw new PgenrmError('GENERATOR_UNAVAILABLE', `the native generator cannot be used: ${missing}`);
  }
  const fallback = { reason: missing, remedy: remedyFor() };
  return { kind: 'portable', reasons: [`portable: ${missing}`], fallback };
}

/**
 * Loads a model into the native generator where it runs, else into the portable one; `generator` forces one.
 * Throws `INVALID_OPTION` for an unknown name, `GENERATOR_UNAVAILABLE` with the reasons where the one forced cannot run here,
 * what the loaders throw, and `INVALID_OPTION` where the portable one would run and something of the
 * native engine is fixed.
 */
export async function loadGenerator(options: LoadGeneratorOptions): Promise<Generator> {
  const choice = await chooseGenerator(options.generator, options.gpu);
  const why = choice.reasons.join('; ');
  if (choice.kind === 'native') return loadNativeGenerator({ ...options, why });
  checkEngineOptions(options.engine);
  refuseEngineOptions(options.engine, choice.kind, choice.reasons);
  if (choice.fallback !== null)
    options.onWarning?.({ code: 'PORTABLE_GENERATOR', message: fallbackText(choice.fallback) });
  return loadPortableGenerator({ ...options, why });
}

/** What brings the addon to this machine, with the command of the user's package manager. */
function remedyFor(): string | null {
  if (process.env.PGENRM_NATIVE === 'off') return 'unset PGENRM_NATIVE';
  const { name } = platformPackage();
  return name === null ? null : installCommand(`${name}@${PACKAGE_VERSION}`);
}

/** What can be asked of {@link loadEmbedder}. */
export interface LoadEmbedderOptions extends EmbedderOptions {
  /** Forces the kind of generator whose engine embeds; default: native where it can run, else portable. */
  readonly generator?: GeneratorKind;
}

/** Loads a model that embeds, into the engine that {@link loadGenerator} would pick. Throws what that throws. */
export async function loadEmbedder({ generator, ...options }: LoadEmbedderOptions): Promise<Embedder> {
  const { kind } = await chooseGenerator(generator, options.gpu);
  return kind === 'native' ? loadNativeEmbedder(options) : loadPortableEmbedder(options);
}

async function whyNotNative(gpu: GpuChoice | undefined): Promise<string | null> {
  const choice = await chooseLlama(gpu);
  loadNativeBinding(); // an addon that was named and does not load is an error, and no reason to fall back
  try {
    openLibrary(requireBinding(), choice);
    return null;
  } catch (error) {
    if (error instanceof PgenrmError) return error.message;
    throw error;
  }
}
