// Asks node-llama-cpp which llama.cpp build it runs here, and finds the library files of that build.
// Owns the one Llama instance per choice of GPU; knows nothing of models or of the native addon.
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import type { Llama } from 'node-llama-cpp';
import { messageOf, PgenrmError } from '../../errors.js';
import { withoutExitHooks } from '../../model-file/exit-hooks.js';
import { withQuietConsole } from '../../model-file/quiet-console.js';
import { GPU_CHOICES, type GpuChoice } from './gpu-choice.js';

/** The shared libraries of one llama.cpp build, absolute paths. */
export interface LlamaLibraryFiles {
  readonly llama: string;
  readonly ggml: string;
  readonly ggmlBase: string;
  /** Folder that holds the backends (`libggml-cpu-*`, `libggml-cuda`, ...). */
  readonly backendsDir: string;
  /** Folder of backends to try where those of `backendsDir` find no GPU (older CUDA), or null. */
  readonly fallbackBackendsDir: string | null;
}

/** The llama.cpp build that runs here, and why it and no other. */
export interface LlamaChoice {
  /** Backend to offload to; false where the CPU decodes. */
  readonly gpu: 'cuda' | 'metal' | 'vulkan' | false;
  /** llama.cpp release, such as `v0.5.0`. */
  readonly release: string;
  /** Folder of the prebuilt library, or null where node-llama-cpp uses a build of its own. */
  readonly folder: string | null;
  /** The library's files, or null where they were not found; `reasons` then says why. */
  readonly files: LlamaLibraryFiles | null;
  readonly buildType: 'prebuilt' | 'localBuild';
  /** GPUs by name, as llama.cpp calls them; empty on the CPU. */
  readonly devices: readonly string[];
  /** What was found, chosen and rejected, for people. */
  readonly reasons: readonly string[];
  /** Shared by all who choose alike; never dispose it. */
  readonly llama: Llama;
}

const requireHere = createRequire(import.meta.url);
const chosen = new Map<GpuChoice, Promise<LlamaChoice>>();
const NAMES = { cuda: 'CUDA', metal: 'Metal', vulkan: 'Vulkan' } as const;

const logListeners = new Set<string[]>();

/** Collects what llama.cpp logs as errors until `stop` is called; it never reaches the console. */
export function listenToLlama(): { readonly lines: readonly string[]; stop(): void } {
  const lines: string[] = [];
  logListeners.add(lines);
  return { lines, stop: () => void logListeners.delete(lines) };
}

/**
 * Chooses the llama.cpp build for this machine through node-llama-cpp: never builds, downloads or prints.
 * The answer is kept for the process. Throws `GENERATOR_UNAVAILABLE` with the reasons where the backend
 * asked for does not work here, and `INVALID_OPTION` for an unknown `gpu`.
 */
export async function chooseLlama(gpu: GpuChoice = 'auto'): Promise<LlamaChoice> {
  if (!GPU_CHOICES.includes(gpu)) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `gpu must be one of ${GPU_CHOICES.join(', ')}, got ${String(gpu)}.`,
    );
  }
  let choice = chosen.get(gpu);
  if (choice === undefined) {
    choice = choose(gpu);
    chosen.set(gpu, choice);
    choice.catch(() => chosen.delete(gpu));
  }
  return choice;
}

async function choose(gpu: GpuChoice): Promise<LlamaChoice> {
  const reasons: string[] = [];
  const note = (line: string): void => {
    reasons.push(line.replace(/^\[node-llama-cpp\]\s*/, ''));
  };
  let llama: Llama;
  try {
    llama = await withQuietConsole(note, () => startLlama(gpu, reasons));
  } catch (error) {
    if (error instanceof PgenrmError) throw error;
    throw unavailable(gpu, reasons, error);
  }
  const wanted = gpu === 'off' ? false : gpu;
  if (wanted !== 'auto' && wanted !== false && llama.gpu !== wanted) {
    reasons.push(`there is no ${NAMES[wanted]} build for this platform`);
    await llama.dispose();
    throw unavailable(gpu, reasons);
  }
  const devices = wanted === false ? [] : await llama.getGpuDeviceNames();
  const { folder, files, why } = await findFiles(llama);
  reasons.push(...why);
  return {
    gpu: wanted === false ? false : llama.gpu,
    release: llama.llamaCppRelease.release,
    folder,
    files,
    buildType: llama.buildType,
    devices,
    reasons,
    llama,
  };
}

async function startLlama(gpu: GpuChoice, reasons: string[]): Promise<Llama> {
  const { getLlama, getLlamaGpuTypes, LlamaLogLevel } = await importNodeLlamaCpp();
  const supported = await getLlamaGpuTypes('supported');
  if (gpu === 'auto') {
    for (const type of await getLlamaGpuTypes('allValid')) {
      if (type !== false && !supported.includes(type)) {
        reasons.push(`${NAMES[type]} not tried: no ${NAMES[type]} driver or runtime found`);
      }
    }
  }
  const start: Start = (type) =>
    getLlama({
      gpu: type,
      build: 'never',
      skipDownload: true,
      debug: false,
      logLevel: LlamaLogLevel.error,
      logger: (_level, message) => {
        for (const lines of logListeners) lines.push(message.trim());
      },
    });
  if (gpu === 'auto') return startBest(start, supported, reasons);
  if (gpu !== 'off') {
    const llama = await withDevice(await start(gpu), reasons);
    if (llama === null) throw unavailable(gpu, reasons);
    if (llama.gpu === gpu) reasons.push(`${NAMES[gpu]} chosen: asked for`);
    return llama;
  }
  // On Apple silicon the only build is the Metal one; with no layers offloaded it decodes on the CPU.
  if (process.platform === 'darwin' && process.arch === 'arm64') {
    reasons.push('CPU chosen: asked for; the Metal build decodes with no layers on the GPU');
    return start('metal');
  }
  const llama = await start(false);
  reasons.push('CPU chosen: asked for');
  return llama;
}

type Start = (type: 'auto' | Llama['gpu']) => Promise<Llama>;

/** What llama.cpp chooses, or where its driver finds no device the next backend that has one, or the CPU. */
async function startBest(
  start: Start,
  supported: readonly Llama['gpu'][],
  reasons: string[],
): Promise<Llama> {
  const best = await start('auto');
  let llama = await withDevice(best, reasons);
  for (const type of supported) {
    if (llama !== null || type === false || type === best.gpu) continue;
    llama = await start(type).then(
      (next) => withDevice(next, reasons),
      // What is tried in place of another one may be missing.
      (error: unknown) => {
        reasons.push(`${NAMES[type]} not used: ${messageOf(error)}`);
        return null;
      },
    );
  }
  llama ??= await start(false);
  const why = llama.gpu === false ? 'no GPU backend works here' : 'the best backend that works here';
  reasons.push(`${llama.gpu === false ? 'CPU' : NAMES[llama.gpu]} chosen: ${why}`);
  return llama;
}

/** The same, or null, disposed of, where it is for a GPU and its driver finds none. */
async function withDevice(llama: Llama, reasons: string[]): Promise<Llama | null> {
  if (llama.gpu === false || (await llama.getGpuDeviceNames()).length > 0) return llama;
  reasons.push(`${NAMES[llama.gpu]} not used: its driver finds no device`);
  await llama.dispose();
  return null;
}

type NodeLlamaCpp = typeof import('node-llama-cpp');
let imported: NodeLlamaCpp | undefined;

/** The package, once {@link chooseLlama} has given a library. It is never imported before that: see `exit-hooks.ts`. */
export function nodeLlamaCpp(): NodeLlamaCpp {
  if (imported === undefined) throw new PgenrmError('INTERNAL', 'node-llama-cpp is used before it is loaded');
  return imported;
}

async function importNodeLlamaCpp(): Promise<NodeLlamaCpp> {
  try {
    imported ??= await withoutExitHooks('node-llama-cpp', () => import('node-llama-cpp'));
    return imported;
  } catch (error) {
    throw new PgenrmError(
      'GENERATOR_UNAVAILABLE',
      `node-llama-cpp cannot be loaded: ${messageOf(error)}. Install the package's dependencies again.`,
      { cause: error },
    );
  }
}

function unavailable(gpu: GpuChoice, reasons: readonly string[], cause?: unknown): PgenrmError {
  const what = gpu === 'auto' || gpu === 'off' ? 'No llama.cpp build' : `The ${gpu} build of llama.cpp`;
  const verb = gpu === 'auto' || gpu === 'off' ? 'works' : 'does not work';
  const why = [...reasons];
  if (cause !== undefined && !/^NoBinaryFoundError$/.test(messageOf(cause))) why.push(messageOf(cause));
  if (why.length === 0) why.push('node-llama-cpp found no prebuilt library for it');
  return new PgenrmError(
    'GENERATOR_UNAVAILABLE',
    `${what} ${verb} on ${process.platform}-${process.arch}: ${why.join('; ')}. ` +
      (gpu === 'auto' || gpu === 'off'
        ? 'Install the optional packages of node-llama-cpp for this platform.'
        : 'Install its driver and runtime, or choose gpu auto or off.'),
    cause === undefined ? undefined : { cause },
  );
}

interface Found {
  folder: string | null;
  files: LlamaLibraryFiles | null;
  why: string[];
}

async function findFiles(llama: Llama): Promise<Found> {
  if (llama.buildType !== 'prebuilt') {
    return { folder: null, files: null, why: ['library files unknown: node-llama-cpp uses a local build'] };
  }
  const release = llama.llamaCppRelease.release;
  const why: string[] = [];
  for (const binsDir of await binsFolders(llama.gpu, why)) {
    for (const folder of await buildFolders(binsDir, llama.gpu, release)) {
      const files = await libraryFiles(folder, llama.gpu, release);
      if (files !== null) return { folder, files, why: [`llama.cpp ${release} from ${folder}`] };
      why.push(`${folder} lacks libllama, libggml or libggml-base of ${release}`);
    }
  }
  why.push(`library files of llama.cpp ${release} not found`);
  return { folder: null, files: null, why };
}

function packageNames(gpu: Llama['gpu']): string[] {
  const os = { darwin: 'mac', linux: 'linux', win32: 'win' }[process.platform as string];
  const arch = process.arch === 'arm' ? 'armv7l' : process.arch;
  const base = `@node-llama-cpp/${os ?? process.platform}-${arch}`;
  return gpu === false ? [base] : [`${base}-${gpu}`, `${base}-${gpu}-ext`];
}

// Folders named `bins` in the order in which node-llama-cpp itself looks for a prebuilt library.
async function binsFolders(gpu: Llama['gpu'], why: string[]): Promise<string[]> {
  const main = requireHere.resolve('node-llama-cpp');
  const folders = [join(dirname(main), '..', 'bins')];
  const require = createRequire(main);
  for (const name of packageNames(gpu)) {
    try {
      folders.push(join(dirname(require.resolve(name)), '..', 'bins'));
    } catch (error) {
      if (!name.endsWith('-ext')) why.push(`package ${name} not found: ${messageOf(error)}`);
    }
  }
  return folders.map(outsideAsar).filter((folder) => existsSync(folder));
}

// Native libraries cannot be opened from inside an Electron archive; they lie beside it.
function outsideAsar(path: string): string {
  const unpacked = path.replace(`.asar${sep}`, `.asar.unpacked${sep}`);
  return existsSync(unpacked) ? unpacked : path;
}

async function buildFolders(binsDir: string, gpu: Llama['gpu'], release: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(binsDir, { withFileTypes: true })) {
    const metadata = join(binsDir, entry.name, '_nlcBuildMetadata.json');
    if (!entry.isDirectory() || !existsSync(metadata)) continue;
    const { buildOptions } = JSON.parse(await readFile(metadata, 'utf8')) as {
      buildOptions?: { gpu?: unknown; arch?: unknown; llamaCpp?: { release?: unknown } };
    };
    if (
      buildOptions?.gpu === gpu &&
      buildOptions.arch === process.arch &&
      buildOptions.llamaCpp?.release === release
    ) {
      found.push(join(binsDir, entry.name));
    }
  }
  return found;
}

async function libraryFiles(
  folder: string,
  gpu: Llama['gpu'],
  release: string,
): Promise<LlamaLibraryFiles | null> {
  const names = await readdir(folder);
  const variant = gpu === false ? '' : `\\.${gpu}`;
  const version = release.replaceAll('.', '\\.');
  const find = (library: string, suffix: string): string | null => {
    const pattern = new RegExp(`^(?:lib)?${library}${suffix}\\.(?:so|dylib|dll)$`);
    const name = names.find((candidate) => pattern.test(candidate));
    return name === undefined ? null : join(folder, name);
  };
  // The version and variant are part of the name on some platforms only.
  const suffix = `(?:${variant})?(?:\\.${version})?`;
  const llama = find('llama', suffix);
  const ggml = find('ggml', suffix);
  const ggmlBase = find('ggml-base', suffix);
  if (llama === null || ggml === null || ggmlBase === null) return null;
  return { llama, ggml, ggmlBase, backendsDir: folder, fallbackBackendsDir: fallbackDir(gpu) };
}

function fallbackDir(gpu: Llama['gpu']): string | null {
  const [, extension] = packageNames(gpu);
  if (extension === undefined) return null;
  const require = createRequire(requireHere.resolve('node-llama-cpp'));
  try {
    const bins = join(dirname(require.resolve(extension)), '..', 'bins');
    const folder = outsideAsar(join(bins, `${extension.replace(/^.*\/|-ext$/g, '')}`, 'fallback'));
    return existsSync(folder) ? folder : null;
  } catch {
    // The extension package is optional: without it there is no fallback.
    return null;
  }
}
