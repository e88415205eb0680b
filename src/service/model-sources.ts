// Where a service's models come from: judges and embedders by their options, with the memory that each takes.
// Knows files and generators; nothing of jobs.

import { freemem, totalmem } from 'node:os';
import { basename } from 'node:path';
import { loadEmbedder } from '../generator/choose.js';
import type { Embedder } from '../generator/embedder.js';
import { attentionShape } from '../generator/native/attention-shape.js';
import { nativeDetails } from '../generator/native/native-info.js';
import type { ModelFacts } from '../model-file/model-facts.js';
import { type ResolvedModel, resolveModel } from '../model-file/model-file.js';
import { RewardModel } from '../reward-model/reward-model.js';
import type { ServiceEmbedder, ServiceEvent, ServiceModel } from './contract.js';
import type { Loaded, ModelSource } from './model-pool.js';

/** Tokens of a context, where nobody says. */
const USUAL_CONTEXT = 8192;

/** Where judges and embedders come from. */
export interface ModelSources {
  judge(model: ServiceModel): ModelSource<RewardModel>;
  embedder(embedder: ServiceEmbedder): ModelSource<Embedder>;
}

/** Bytes that the machine, or the group of processes that this one may not outgrow, has to give. */
export function availableMemory(): number {
  return process.availableMemory?.() ?? freemem();
}

/** Bytes that there are in all. */
export function totalMemory(): number {
  const constrained = process.constrainedMemory?.() ?? 0;
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

/** Models as {@link RewardModel.load} loads them. */
export const FILE_SOURCES: ModelSources = {
  judge: (model) => ({
    key: `judge ${keyOf(model)}`,
    name:
      model.model === undefined && model.urls !== undefined
        ? model.urls.join(', ')
        : basename(model.model ?? 'nano'),
    kind: 'judge',
    needs: async (signal, tell) => {
      // Servers have their own memory.
      if (model.urls !== undefined) return 0;
      const { facts } = await resolve(model.model ?? 'nano', signal, tell);
      const context = model.contextTokens ?? Math.min(facts.trainedContext || USUAL_CONTEXT, USUAL_CONTEXT);
      return facts.tensorBytes + context * attentionShape(facts).cellBytes;
    },
    load: async (signal, tell): Promise<Loaded<RewardModel>> => {
      const value = await RewardModel.load({
        ...model,
        signal,
        onProgress: (progress) => tell({ type: 'progress', progress }),
        onWarning: (warning) => tell({ type: 'warning', warning }),
      });
      if (model.urls !== undefined) return { value, bytes: 0, close: () => value.close() };
      const { facts } = await resolveModel(value.modelInfo.name, { signal });
      return { value, bytes: bytesOf(value, facts), close: () => value.close() };
    },
  }),
  embedder: (embedder) => {
    let file: ResolvedModel | undefined;
    return {
      key: `embedder ${keyOf(embedder)}`,
      name: basename(embedder.model),
      kind: 'embedder',
      needs: async (signal, tell) => {
        file = await resolve(embedder.model, signal, tell);
        return file.facts.tensorBytes;
      },
      load: async (signal, tell): Promise<Loaded<Embedder>> => {
        file ??= await resolve(embedder.model, signal, tell);
        const { model: _, ...options } = embedder;
        const value = await loadEmbedder({ ...options, modelPath: file.path, signal });
        return { value, bytes: file.facts.tensorBytes, close: async () => value[Symbol.asyncDispose]() };
      },
    };
  },
};

/** The weights, and the keys and values of all cells. */
function bytesOf(model: RewardModel, facts: ModelFacts): number {
  const details = nativeDetails(model.generatorInfo);
  if (details === null) return facts.tensorBytes;
  const { cells, type } = details.kvCache;
  const f16 = cells * attentionShape(facts).cellBytes;
  return facts.tensorBytes + Math.round(type === 'q8_0' ? (f16 * 34) / 64 : f16);
}

function resolve(
  spec: string,
  signal: AbortSignal,
  tell: (event: ServiceEvent) => void,
): Promise<ResolvedModel> {
  return resolveModel(spec, {
    signal,
    onProgress: (done, total, source) =>
      tell({ type: 'progress', progress: { phase: 'download', done, total, source } }),
  });
}

/** Equal for equal options, whatever the order of their names. */
function keyOf(options: object): string {
  return JSON.stringify(options, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
