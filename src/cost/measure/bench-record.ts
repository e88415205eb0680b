// What a bench writes down of every block, line by line, and the header that says whose lines they are.
// Types and their reading back; running is `run-block.ts`, files are `bench-store.ts`.

import { z } from 'zod';
import type { KvCacheInfo } from '../../generator/native/native-info.js';
import type { Machine } from '../machine/machine.js';
import type { ModelCost } from '../machine/model-cost.js';

const NUMBER = z.number();
const COUNT = z.number().int().nonnegative();

const JUDGMENT = z.object({
  /** Number of the row in the data. */
  row: COUNT,
  user: z.string().nullable(),
  /** Wall time of the whole judgment, and until its first chain had ended; null where none did. */
  ms: NUMBER,
  firstChainMs: NUMBER.nullable(),
  /** Tokens: see RequestAccount. */
  prompt: COUNT,
  unshared: COUNT,
  decoded: COUNT,
  distinct: COUNT,
  generated: COUNT,
  requests: COUNT,
  /** Prompt length, chains and decoded prompt tokens of each request; those of similar users come last. */
  each: z.array(z.object({ length: COUNT, chains: COUNT, decoded: COUNT })),
  /** Chains as similar users that ended; each is a request of its own. */
  neighbours: COUNT,
  /** Chains that could be read, that could not, and that were planned and not written to their end. */
  used: COUNT,
  lost: COUNT,
  saved: COUNT,
  /** New tokens of each chain, those as similar users last. */
  chainTokens: z.array(COUNT),
  /** 1 as the user chose, 0 not (or no chain was usable), 0.5 a tie; null where the row has no label. */
  correct: NUMBER.nullable(),
  /** Code of the error that the row met; null where it was judged. */
  error: z.string().nullable(),
});

/** One judgment of a block. */
export type JudgmentRecord = z.infer<typeof JUDGMENT>;

const BLOCK = z.object({
  /** As {@link import('./bench-plan.js').blockName}. */
  block: z.string(),
  round: z.number().int(),
  kind: z.enum(['alone', 'full', 'bare']),
  /** Name of the variant. */
  variant: z.string(),
  /** Which session of the run, from 0. */
  session: COUNT,
  started: z.string(),
  /** Wall time that was timed, and the judgments that ended in it. */
  ms: NUMBER,
  judged: COUNT,
  /** Processor time of this process in it, in seconds. */
  processorSeconds: NUMBER.nullable(),
  stealShare: NUMBER.nullable(),
  busyShare: NUMBER.nullable(),
  /** Peak resident memory of this process in it, and of the GPUs. */
  peakMemoryBytes: NUMBER.nullable(),
  gpuMemoryBytes: NUMBER.nullable(),
  /** Energy of processor and GPUs in it, as far as each is told. */
  cpuJoules: NUMBER.nullable(),
  gpuJoules: NUMBER.nullable(),
  /** Time that keeping accounts took. */
  measuringMs: NUMBER,
  judgments: z.array(JUDGMENT),
});

/** One block. */
export type BlockRecord = z.infer<typeof BLOCK>;

/** All that figures depend on: runs whose identities differ are not one run. */
export interface BenchIdentity {
  readonly machine: { readonly cpu: string; readonly cores: number; readonly gpus: string };
  readonly model: { readonly sha256: string | null };
  readonly template: { readonly name: string; readonly hash: string };
  readonly data: {
    readonly fingerprint: string;
    readonly format: string;
    readonly split: string | null;
    readonly group: string | null;
    readonly users: string | null;
    readonly rows: number;
  };
  readonly bank: {
    readonly checksum: string | null;
    readonly additions: number | null;
    readonly overlap: string | null;
  };
  readonly generator: {
    readonly kind: string;
    readonly engine: string;
    readonly version: string;
    readonly backend: string;
    readonly contextTokens: number;
    readonly samplesAtOnce: number;
    /** Absent: one. */
    readonly workers?: number;
    readonly threads: number | null;
    readonly kv: string | null;
  };
  readonly options: Readonly<Record<string, string | number | boolean | null>>;
}

/** A level that is not measured, and why. */
export interface SkippedVariant {
  readonly name: string;
  readonly reason: string;
}

/** The first line of a bench's file. */
export interface BenchHeader {
  readonly pgenrmBench: 1;
  readonly pgenrm: string;
  readonly created: string;
  readonly identity: BenchIdentity;
  readonly machine: Machine;
  readonly driver: string | null;
  /** SHA-256 of libllama, where the generator opens one that is known. */
  readonly libraryHash: string | null;
  readonly model: {
    readonly description: string;
    readonly parameters: number | null;
    readonly sizeBytes: number | null;
    /** Random weights and the like, said in every output; null for a model like any other. */
    readonly note: string | null;
    /** Null where the file's header cannot be read. */
    readonly cost: ModelCost | null;
  };
  readonly kvCache: KvCacheInfo | null;
  readonly variants: readonly {
    readonly name: string;
    readonly individual: number;
    readonly prototype: number;
    readonly adaptive: number | null;
    readonly inFlight: number;
  }[];
  readonly skipped: readonly SkippedVariant[];
  readonly choices: readonly string[];
}

/** A block read back; null where it is none. */
export function asBlock(value: unknown): BlockRecord | null {
  const parsed = BLOCK.safeParse(value);
  return parsed.success ? parsed.data : null;
}

/** Each difference between two identities, in words; empty where they are equal. */
export function identityDifferences(before: BenchIdentity, now: BenchIdentity): string[] {
  const [a, b] = [flatten(before), flatten(now)];
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter((name) => a.get(name) !== b.get(name))
    .map((name) => `${name} was ${a.get(name) ?? 'absent'}, is ${b.get(name) ?? 'absent'}`);
}

function flatten(identity: BenchIdentity): Map<string, string> {
  return new Map(
    Object.entries(identity).flatMap(([group, fields]) =>
      Object.entries(fields as Record<string, unknown>).map(([name, value]): [string, string] => [
        group === 'options' ? name : `${group} ${name}`,
        String(value ?? 'none'),
      ]),
    ),
  );
}
