// The header of a bench: everything that its figures depend on, and what it ran on.
// Collects facts; what they mean to a bench that is resumed is `bench-record.ts`.

import { llamaDetails } from '../../generator/llama/llama-info.js';
import { nativeDetails } from '../../generator/native/native-info.js';
import { PACKAGE_VERSION } from '../../package.js';
import { machineFacts } from '../machine/machine.js';
import { withoutFolders } from '../machine/without-folders.js';
import type { ScalingBenchOptions } from './bench-options.js';
import { inFlight, type Variant, variantName } from './bench-plan.js';
import type { BenchHeader, BenchIdentity, SkippedVariant } from './bench-record.js';

/** What a bench's figures depend on. */
export function identityOf(options: ScalingBenchOptions): BenchIdentity {
  const { data, split, bank, judge, seed, gpuFacts } = options;
  const { model, generator } = options.opened;
  const { info } = generator;
  const { cpu, cores } = machineFacts();
  const settings = model.settings({ ...judge, seed });
  const { kvCache, scheduling } = nativeDetails(info) ?? {};
  const workers = scheduling?.workers ?? 1;
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
      engine: info.engine,
      version: info.version,
      backend: info.backend,
      contextTokens: info.contextTokens,
      samplesAtOnce: info.samplesAtOnce,
      ...(workers > 1 ? { workers } : {}),
      threads: llamaDetails(info)?.threads ?? null,
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
    kvCache: nativeDetails(info)?.kvCache ?? null,
    variants: fitting.map((variant) => ({
      name: variantName(variant),
      ...variant.level,
      adaptive: variant.adaptive,
      inFlight: inFlight(variant, info),
    })),
    skipped: skipped.map(({ name, reason }) => ({ name, reason: withoutFolders(reason) })),
    choices: info.choices.map((choice) => withoutFolders(choice)),
  };
}
