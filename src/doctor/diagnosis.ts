// What `pgenrm doctor` finds, as plain data: each part holds what was found, what was chosen and why.
// Types only; `doctor.ts` fills them in and `diagnosis-text.ts` writes them out.
import type { KvCacheInfo } from '../generator/native/native-info.js';

/** A part that could not be found out: the error's code and message. */
export interface Trouble {
  readonly trouble: { readonly code: string; readonly message: string };
}

/** The machine; memory in bytes. */
export interface MachineFacts {
  readonly node: string;
  readonly platform: string;
  readonly arch: string;
  /** The C library of Linux, null elsewhere. */
  readonly libc: 'glibc' | 'musl' | null;
  readonly cpu: string;
  readonly cores: number;
  /** Cores that this process may use. */
  readonly usableCores: number;
  readonly memoryTotal: number;
  readonly memoryFree: number;
  /** Mean number of processes that wanted a core in the last minute; 0 where the platform does not say. */
  readonly load: number;
}

/** The native addon. */
export interface NativeFacts {
  /** Null where none was found. */
  readonly path: string | null;
  readonly loaded: boolean;
  /** llama.cpp release that it was built for, or null where it is not loaded. */
  readonly llamaRelease: string | null;
  readonly reason: string;
}

/** The kernels that would run. */
export interface KernelFacts {
  /** Name and vector instructions, such as `native (avx2)`. */
  readonly implementation: string;
  readonly reasons: readonly string[];
}

/** One device that llama.cpp can compute on; memory in bytes, null where it is not known. */
export interface DeviceFacts {
  readonly name: string;
  readonly description: string;
  readonly gpu: boolean;
  readonly memoryFree: number | null;
  readonly memoryTotal: number | null;
}

/** The llama.cpp build that would run. */
export interface LlamaFacts {
  readonly release: string;
  readonly backend: string;
  readonly buildType: string;
  readonly folder: string | null;
  readonly reasons: readonly string[];
  readonly devices: readonly DeviceFacts[];
}

/** A chat template that renders. */
export interface ChatTemplateFinding {
  /** Where it comes from: the model's file, what the user gave, or the plain one for models that have none. */
  readonly from: 'model' | 'given' | 'plain';
  /** How the system message reaches the model: by its own role, or in front of the user message. */
  readonly systemRole: 'own' | 'merged';
  /** Whether a prompt begins with the token that begins a sequence, and which; null where it does not. */
  readonly bos: string | null;
  /** The mark of the thought that the template opens at the end of every prompt; null where it opens none. */
  readonly opensThought: string | null;
}

/** The model that would judge. */
export interface ModelFinding {
  readonly spec: string;
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly architecture: string;
  readonly name: string;
  readonly parameters: number;
  readonly trainedContext: number;
  readonly hasChatTemplate: boolean;
  /** The chat template that would be used, compiled and rendered. */
  readonly chatTemplate: ChatTemplateFinding | Trouble;
  /** The prompt template that would be used, and why. */
  readonly template: { readonly name: string; readonly reason: string } | Trouble;
  /** How its chains would be written, and why. */
  readonly decoding: { readonly choice: 'free' | 'guided'; readonly reason: string };
  /** What would embed users where similar ones are sought, and why; not to be had where `trouble` says so. */
  readonly embedder: { readonly spec: string; readonly reason: string } | Trouble;
  /** Why the model cannot judge, or null where it can. */
  readonly unusable: string | null;
}

/** The account of a generator that was loaded. */
export interface LoadedGenerator {
  readonly description: string;
  readonly backend: string;
  readonly devices: readonly string[];
  readonly contextTokens: number;
  readonly samplesAtOnce: number;
  /** Null where it is not this machine that computes. */
  readonly threads: number | null;
  /** Null where the generator does not choose it. */
  readonly kvCache: KvCacheInfo | null;
  readonly choices: readonly string[];
  readonly loadMs: number;
}

/** The generator that would run. */
export interface GeneratorFinding {
  readonly kind: string;
  readonly reasons: readonly string[];
  /** The loaded generator's own account; null where it was not loaded. */
  readonly loaded: LoadedGenerator | null;
}

/** Everything that `diagnose` found. */
export interface Diagnosis {
  readonly package: { readonly version: string; readonly root: string };
  readonly machine: MachineFacts;
  readonly native: NativeFacts;
  readonly kernels: KernelFacts | Trouble;
  readonly llama: LlamaFacts | Trouble;
  readonly model: ModelFinding | Trouble;
  readonly generator: GeneratorFinding | Trouble;
  /** What the native generator lacks, where the portable one takes its place though nobody asked for it; else null. */
  readonly fallback: {
    readonly reason: string;
    readonly remedy: string | null;
    readonly text: string;
  } | null;
  /** Packages of node-llama-cpp for GPUs, which take room and are of no use where there is no GPU. Bytes on disk. */
  readonly gpuPackages: { readonly names: readonly string[]; readonly bytes: number; readonly used: boolean };
  /** What keeps the package from judging, and what to do; empty where it can. */
  readonly problems: readonly string[];
}
