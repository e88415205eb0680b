// Picks the kernels: native where the addon loads, else WASM; an option or PGENRM_KERNELS forces one.
// Knows where each lies; nothing of what they compute.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { messageOf, PgenrmError } from '../errors.js';
import type { Kernels, KernelsName } from '../kernels/kernels.js';
import type { NativeKernelsBinding } from '../kernels/native/binding.js';
import { nativeKernels } from '../kernels/native/kernels.js';
import { referenceKernels } from '../kernels/reference/kernels.js';
import { wasmKernels } from '../kernels/wasm/kernels.js';
import { packageFile } from '../package.js';
import { indexFiles } from './index-files.js';
import { loadNativeBinding } from './load.js';

const NAMES: readonly KernelsName[] = ['native', 'wasm', 'reference'];

/** An implementation, or why it cannot be used. */
type Attempt = { readonly kernels: Kernels } | { readonly reason: string };

const attempts = new Map<KernelsName, Promise<Attempt>>();

/** The kernels in use, and why these. */
export interface KernelsChoice {
  readonly kernels: Kernels;
  /** Name and vector instructions, such as `native (avx512-vnni)`. */
  readonly implementation: string;
  readonly reasons: readonly string[];
}

/**
 * The kernels to use: `force`, else what the environment variable `PGENRM_KERNELS` names, else native, else
 * WASM. Loaded once a process and thread.
 *
 * Errors: `INVALID_OPTION` for a name that does not exist; `KERNELS_UNAVAILABLE`, with the reasons, where what
 * is forced (or, unforced, everything) cannot be used.
 */
export async function loadKernels(options: { readonly force?: KernelsName } = {}): Promise<Kernels> {
  return (await chooseKernels(options)).kernels;
}

/** As {@link loadKernels}, with the reasons of the choice. Errors: the same. */
export async function chooseKernels(options: { readonly force?: KernelsName } = {}): Promise<KernelsChoice> {
  const forced = options.force ?? (process.env.PGENRM_KERNELS || undefined);
  if (forced !== undefined && !NAMES.includes(forced as KernelsName)) {
    throw new PgenrmError('INVALID_OPTION', `kernels must be one of ${NAMES.join(', ')}, but are ${forced}`);
  }
  const reasons: string[] = [];
  if (forced !== undefined) {
    reasons.push(options.force ? `${forced} was asked for` : `PGENRM_KERNELS=${forced} asks for it`);
  }
  for (const name of forced === undefined ? (['native', 'wasm'] as const) : [forced as KernelsName]) {
    const attempt = await tried(name);
    if ('kernels' in attempt) {
      const { kernels } = attempt;
      reasons.push(`${name} kernels work here`);
      return { kernels, implementation: `${name} (${kernels.simd})`, reasons };
    }
    reasons.push(`${name} kernels cannot be used: ${attempt.reason}`);
  }
  throw new PgenrmError('KERNELS_UNAVAILABLE', reasons.join('; '));
}

/** Each implementation: what it runs on, or why it cannot be used. Never throws. */
export async function surveyKernels(): Promise<
  readonly { name: KernelsName; simd?: string; reason?: string }[]
> {
  return Promise.all(
    NAMES.map(async (name) => {
      const attempt = await tried(name);
      return 'kernels' in attempt ? { name, simd: attempt.kernels.simd } : { name, reason: attempt.reason };
    }),
  );
}

function tried(name: KernelsName): Promise<Attempt> {
  let attempt = attempts.get(name);
  if (!attempt) {
    attempt = attemptTo(name);
    attempts.set(name, attempt);
  }
  return attempt;
}

async function attemptTo(name: KernelsName): Promise<Attempt> {
  if (name === 'reference') return { kernels: referenceKernels(indexFiles) };
  if (name === 'wasm') return attemptWasm();
  const loaded = loadNativeBinding();
  if (!loaded.binding) return { reason: loaded.reason };
  const { kernels } = loaded.binding as { kernels?: NativeKernelsBinding };
  if (!kernels)
    return { reason: `the addon at ${loaded.path} has no kernels; rebuild it with \`npm run build:native\`` };
  return { kernels: nativeKernels(kernels) };
}

async function attemptWasm(): Promise<Attempt> {
  const places = ['build', 'dist'].map((folder) => packageFile(folder, 'wasm', 'kernels.wasm'));
  const place = places.find((path) => existsSync(path));
  if (!place) return { reason: `no module at ${places.join(' or ')}: build it with \`npm run build:wasm\`` };
  try {
    return { kernels: await wasmKernels(await readFile(place), indexFiles) };
  } catch (error) {
    return { reason: `the module at ${place} does not load: ${messageOf(error)}` };
  }
}
