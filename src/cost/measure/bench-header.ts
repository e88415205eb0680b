// The header of a bench: everything that its figures depend on, and what it ran on.
// Collects facts; what they mean to a bench that is resumed is `bench-record.ts`.

import type { GeneratorInfo } from '../../generator/generator.js';
import { PACKAGE_VERSION } from '../../package.js';
import { machineFacts } from '../machine/machine.js';
import { withoutFolders } from '../machine/without-folders.js';
import type { ScalingBenchOptions } from './bench-options.js';
import { inFlight, type Variant, variantName } from './bench-plan.js';
import type { BenchHeader, BenchIdentity, SkippedVariant } from './bench-record.js';

const workersOf = ({ scheduling }: GeneratorInfo): number => scheduling?.workers ?? 1;

/** Samples that decode at once, in all workers together. */
export const sequencesOf = (info: GeneratorInfo): number => info.maxSequences * workersOf(info);

/** What a bench's figures depend on. */
export function identityOf(options: ScalingBenchOptions): BenchIdentity {
  const { data, split, bank, judge, seed, gpuFacts } = options;
  const { model, generator } = options.opened;
  const { info } = generator;
  const { cpu, cores } = machineFacts();
  const settings = model.settings({ ...judge, seed });
  const { kvCache } = info;
  return {
    machine: { cpu, cores, gpus: gpuFacts?.names.join(', ') ?? 'none' },
    model: { sha256: model.modelSha256 },
    template: { name: model.template.name, hash: model.template.hash },
    data: {
      fingerprint: data.fingerprint,
      format: data.format,
      split,
      group: data.selection?.group ?? null,
      users: data.users?.fingerprint ?? null,
      rows: options.rows.length,
    },
    bank: {
      checksum: bank?.checksum ?? null,
      additions: bank?.additions ?? null,
      overlap: bank?.overlap ?? null,
    },
    generator: {
      kind: info.kind,
      llamaRelease: info.llamaRelease,
      backend: info.backend,
      contextTokens: info.contextTokens,
      maxSequences: info.maxSequences,
      ...(workersOf(info) > 1 ? { workers: workersOf(info) } : {}),
      threads: info.threads,
      kv: kvCache === undefined ? null : kvCache.type,
    },
    options: {
      levels: options.variants.map(variantName).join('; '),
      rows: options.aloneRows,
      fullChains: options.fullChains,
      checkMeasuring: options.checksMeasuring,
      seed,
      ...settings.sampling,
      maxTokens: settings.maxTokens,
      historyEvents: settings.historyEvents,
      grammar: settings.grammar,
      prefer: settings.prefer,
      retrieveBy: bank === null ? null : settings.retrieveBy,
    },
  };
}

/** The header of a bench of the levels that fit. It goes into files that are shown around: no folder stands in it. */
export function headerOf(
  options: ScalingBenchOptions,
  fitting: readonly Variant[],
  skipped: readonly SkippedVariant[],
): BenchHeader {
  const { info, model: modelInfo } = options.opened.generator;
  return {
    pgenrmBench: 1,
    pgenrm: PACKAGE_VERSION,
    created: new Date().toISOString(),
    identity: identityOf(options),
    machine: machineFacts(),
    driver: options.gpuFacts?.driver ?? null,
    libraryHash: options.libraryHash,
    model: {
      description: modelInfo.description,
      parameters: modelInfo.parameters,
      sizeBytes: modelInfo.sizeBytes,
      note: options.modelNote,
      cost: options.cost,
    },
    kvCache: info.kvCache ?? null,
    variants: fitting.map((variant) => ({
      name: variantName(variant),
      ...variant.level,
      adaptive: variant.adaptive,
      inFlight: inFlight(variant, {
        maxSequences: sequencesOf(info),
      }),
    })),
    skipped: skipped.map(({ name, reason }) => ({ name, reason: withoutFolders(reason) })),
    choices: info.choices.map((choice) => withoutFolders(choice)),
  };
}
