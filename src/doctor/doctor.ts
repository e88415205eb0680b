// Looks at the machine, the addon, the libraries and the model, and asks each part what it would choose.
// Decides nothing itself: the parts that decide give their reasons.
import { availableParallelism, cpus, freemem, loadavg, totalmem } from 'node:os';
import { messageOf, PgenrmError } from '../errors.js';
import { chooseGenerator, fallbackText, type GeneratorChoice } from '../generator/choose.js';
import type { GeneratorKind } from '../generator/generator.js';
import type { GpuChoice } from '../generator/llama/gpu-choice.js';
import { chooseLlama, type LlamaChoice } from '../generator/llama/llama-library.js';
import type { EngineSizes } from '../generator/native/native-generator.js';
import { modelDecoding } from '../guided/decoding.js';
import { type ModelFacts, requireTextDecoder, sequenceEnds } from '../model-file/model-facts.js';
import { BUNDLED_MODEL, type ResolvedModel, resolveModel } from '../model-file/model-file.js';
import { EMBEDDER_METADATA_KEY, namedEmbedder } from '../model-file/named-embedder.js';
import { readModelFacts } from '../model-file/read-model-facts.js';
import { chooseKernels } from '../native/choose-kernels.js';
import { type LoadedBinding, loadNativeBinding } from '../native/load.js';
import { isMusl } from '../native/platform-package.js';
import { PACKAGE_VERSION, packageRoot } from '../package.js';
import { chatTemplateOf } from '../prompt/chat/chat-template.js';
import { chatTokens } from '../prompt/chat/chat-tokens.js';
import { TEMPLATE_METADATA_KEY } from '../prompt/template/built-in.js';
import { resolveTemplate } from '../template-files/resolve-template.js';
import { readGivenTemplate } from '../template-guard/given-template.js';
import { renderGuarded } from '../template-guard/render-guarded.js';
import type {
  ChatTemplateFinding,
  DeviceFacts,
  Diagnosis,
  GeneratorFinding,
  KernelFacts,
  LlamaFacts,
  MachineFacts,
  ModelFinding,
  NativeFacts,
  Trouble,
} from './diagnosis.js';
import { gpuPackages } from './gpu-packages.js';
import { tryLoad } from './try-load.js';

export type { Diagnosis } from './diagnosis.js';
export { diagnosisText } from './diagnosis-text.js';

/** What to look at; the defaults are those of `pgenrm score`. */
export interface DiagnoseOptions {
  /** Default `nano`. An `hf:` address is downloaded where it is not there yet. */
  readonly model?: string;
  /** Forces a generator. */
  readonly generator?: GeneratorKind;
  /** Default `auto`. */
  readonly gpu?: GpuChoice;
  /** What is fixed of the engine and not left to the machine. */
  readonly sizes?: EngineSizes;
  /** Name or path of a prompt template; by default the model says. */
  readonly template?: string;
  /** A Jinja file, or the template itself, in place of the model's chat template. */
  readonly chatTemplate?: string;
  /** Whether to load the model, which shows the generator's own choices. Default true. */
  readonly load?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Finds out what pgenrm would use on this machine, and why. What fails is part of the answer: it rejects with
 * the signal's reason when aborted, and with nothing else.
 */
export async function diagnose(options: DiagnoseOptions = {}): Promise<Diagnosis> {
  const { signal, gpu } = options;
  const attempt = async <T>(find: () => Promise<T>): Promise<T | Trouble> => {
    signal?.throwIfAborted();
    try {
      return await find();
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason;
      return {
        trouble: { code: error instanceof PgenrmError ? error.code : 'INTERNAL', message: messageOf(error) },
      };
    }
  };
  const native = nativeFacts();
  const kernels = await attempt(kernelFacts);
  const choice = await attempt(() => chooseLlama(gpu ?? 'auto'));
  const llama = 'trouble' in choice ? choice : await attempt(() => llamaFacts(choice));
  const resolved = await attempt(() =>
    resolveModel(options.model ?? BUNDLED_MODEL, signal === undefined ? {} : { signal }),
  );
  const model = 'trouble' in resolved ? resolved : await modelFinding(resolved, options, attempt);
  const chosen = await attempt(() => chooseGenerator(options.generator, gpu));
  const generator =
    'trouble' in chosen ? chosen : await attempt(() => generatorFinding(options, model, chosen));
  const parts = { kernels, llama, model, generator };
  const fallback = 'trouble' in chosen || 'trouble' in generator ? null : chosen.fallback;
  return {
    package: { version: PACKAGE_VERSION, root: packageRoot() },
    machine: machineFacts(),
    native,
    ...parts,
    fallback: fallback === null ? null : { ...fallback, text: fallbackText(fallback) },
    gpuPackages: await gpuPackages('trouble' in llama ? 'cpu' : llama.backend),
    problems: problemsOf(parts),
  };
}

function machineFacts(): MachineFacts {
  const processors = cpus();
  return {
    node: process.version,
    platform: process.platform,
    arch: process.arch,
    libc: process.platform === 'linux' ? (isMusl() ? 'musl' : 'glibc') : null,
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    usableCores: availableParallelism(),
    memoryTotal: totalmem(),
    memoryFree: freemem(),
    load: loadavg()[0] ?? 0,
  };
}

function nativeFacts(): NativeFacts {
  let found: LoadedBinding;
  try {
    found = loadNativeBinding();
  } catch (error) {
    found = { binding: null, path: process.env.PGENRM_NATIVE ?? null, reason: messageOf(error) };
  }
  if (found.binding === null) {
    return { path: found.path, loaded: false, llamaRelease: null, reason: found.reason };
  }
  const { llamaRelease } = found.binding;
  return { path: found.path, loaded: true, llamaRelease, reason: `built for llama.cpp ${llamaRelease}` };
}

async function kernelFacts(): Promise<KernelFacts> {
  const { implementation, reasons } = await chooseKernels();
  return { implementation, reasons };
}

async function llamaFacts(choice: LlamaChoice): Promise<LlamaFacts> {
  const { release, gpu, buildType, folder, reasons } = choice;
  const backend = gpu === false ? 'cpu' : gpu;
  return { release, backend, buildType, folder, reasons, devices: await devicesOf(choice) };
}

async function devicesOf(choice: LlamaChoice): Promise<DeviceFacts[]> {
  const { binding } = loadNativeBinding();
  if (binding !== null && choice.files !== null && binding.llamaRelease === choice.release) {
    return [...binding.openLibrary(choice.files).devices];
  }
  if (choice.gpu === false) return [];
  const { free, total } = await choice.llama.getVramState();
  const single = choice.devices.length === 1;
  return choice.devices.map((name) => ({
    name,
    description: name,
    gpu: true,
    memoryFree: single ? free : null,
    memoryTotal: single ? total : null,
  }));
}

async function modelFinding(
  { spec, path, bytes, sha256, facts }: ResolvedModel,
  { template, chatTemplate, signal }: DiagnoseOptions,
  attempt: <T>(find: () => Promise<T>) => Promise<T | Trouble>,
): Promise<ModelFinding> {
  let unusable: string | null = null;
  try {
    requireTextDecoder(facts);
  } catch (error) {
    unusable = messageOf(error);
  }
  return {
    spec,
    path,
    bytes,
    sha256,
    architecture: facts.architecture,
    name: facts.metadata.get('general.name') ?? '',
    parameters: facts.parameters,
    trainedContext: facts.trainedContext,
    hasChatTemplate: facts.chatTemplate !== null,
    chatTemplate: await attempt(() => chatTemplateFinding(facts, chatTemplate, signal)),
    template: await attempt(async () => {
      const { name } = await resolveTemplate(template, facts.metadata);
      const wish = facts.metadata.has(TEMPLATE_METADATA_KEY)
        ? `the model asks for it (${TEMPLATE_METADATA_KEY})`
        : 'the default: the model names none';
      return { name, reason: template === undefined ? wish : 'asked for' };
    }),
    // Both generators that can be named follow plans.
    decoding: decodingOf(facts),
    embedder: await attempt(async () => {
      const named = namedEmbedder(facts);
      if (named === null) return { spec: path, reason: 'the model itself, for it names none' };
      // An address would be fetched; what lies beside the model is looked at.
      if (!named.startsWith('hf:')) await readModelFacts(named);
      return { spec: named, reason: `the model asks for it (${EMBEDDER_METADATA_KEY})` };
    }),
    unusable,
  };
}

function decodingOf(facts: ModelFacts): ModelFinding['decoding'] {
  const { decoding, reason } = modelDecoding(facts.metadata, true);
  return { choice: decoding, reason };
}

async function chatTemplateFinding(
  facts: ModelFacts,
  given: string | undefined,
  signal: AbortSignal | undefined,
): Promise<ChatTemplateFinding> {
  const chosen = given === undefined ? undefined : await readGivenTemplate(given);
  const tokens = chatTokens(sequenceEnds(facts), facts.metadata);
  const options = chosen === undefined ? tokens : { ...tokens, name: chosen.name };
  const skeleton = await renderGuarded(chosen?.source ?? facts.chatTemplate ?? '', options, signal);
  const { systemRole, opensThought } = chatTemplateOf(skeleton);
  const [first] = skeleton.parts;
  const begins = first !== undefined && 'text' in first && first.text.startsWith(tokens.bosToken);
  return {
    from: chosen !== undefined ? 'given' : facts.chatTemplate === null ? 'plain' : 'model',
    systemRole,
    bos: tokens.bosToken !== '' && begins ? tokens.bosToken : null,
    opensThought,
  };
}

async function generatorFinding(
  options: DiagnoseOptions,
  model: ModelFinding | Trouble,
  { kind, reasons }: GeneratorChoice,
): Promise<GeneratorFinding> {
  if (options.load === false || 'trouble' in model || model.unusable !== null)
    return { kind, reasons, loaded: null };
  const loaded = await tryLoad(
    {
      modelPath: model.path,
      generator: kind,
      ...options.sizes,
      ...(options.gpu === undefined ? {} : { gpu: options.gpu }),
    },
    options.signal,
  );
  return { kind, reasons, loaded };
}

function problemsOf(parts: Pick<Diagnosis, 'kernels' | 'llama' | 'model' | 'generator'>): string[] {
  const problems: string[] = [];
  for (const [name, part] of Object.entries(parts)) {
    if ('trouble' in part) problems.push(`${name}: ${part.trouble.message}`);
  }
  if (!('trouble' in parts.model)) {
    if (parts.model.unusable !== null) problems.push(`model: ${parts.model.unusable}`);
    if ('trouble' in parts.model.chatTemplate)
      problems.push(`chat template: ${parts.model.chatTemplate.trouble.message}`);
    if ('trouble' in parts.model.template) problems.push(`template: ${parts.model.template.trouble.message}`);
  }
  return [...new Set(problems)];
}
