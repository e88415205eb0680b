// Reads a result.json back and checks as much of it as its readers rely on: figures, cost model, conditions.
// Knows the form of a result; nothing of how one comes about.

import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { messageOf, PgenrmError } from '../errors.js';
import type { ScalingResult } from './result.js';
import type { EngineSizes } from './simulate.js';

const COUNT = z.number().int().nonnegative();
const AMOUNT = z.number().nonnegative();
const TEXT = z.string().nullable();

const ESTIMATE = z.object({
  value: z.number(),
  low: z.number().nullable(),
  high: z.number().nullable(),
  n: COUNT,
});
const FIGURE = ESTIMATE.nullable();

const MODE = z.object({
  judgments: COUNT,
  medianMs: ESTIMATE,
  p95Ms: ESTIMATE,
  p99Ms: ESTIMATE,
  msPerJudgment: ESTIMATE,
  firstChainMs: FIGURE,
  judgmentsPerSecond: ESTIMATE,
  generatedTokensPerSecond: ESTIMATE,
  decodedPromptTokens: ESTIMATE,
  savedPromptTokens: ESTIMATE,
  generatedTokens: ESTIMATE,
  processorMs: FIGURE,
  joules: FIGURE,
  flops: FIGURE,
  shareOfPeak: FIGURE,
});

const INTERVAL = z.union([
  z.object({ untold: z.string() }),
  z.object({ low: z.number(), high: z.number(), untold: z.undefined().optional() }),
]);

const VARIANT = z.object({
  name: z.string(),
  individual: COUNT,
  prototype: COUNT,
  adaptive: z.number().nullable(),
  alone: MODE.nullable(),
  full: MODE.nullable(),
  usedChains: ESTIMATE,
  lostChains: ESTIMATE,
  savedChains: ESTIMATE,
  kvBytes: FIGURE,
  accuracy: z.object({ value: z.number().nullable(), interval: INTERVAL }).nullable(),
});

const PROMPTS = z.object({ mean: z.number().positive(), least: AMOUNT, most: AMOUNT });
const SHARES = z.object({ first: AMOUNT, other: AMOUNT, neighbour: AMOUNT });
const CHAINS = z.object({ judgments: z.array(AMOUNT).min(1), within: z.array(z.number()).min(1) });
const OVERHEAD = z.object({ judgment: AMOUNT, chain: AMOUNT, search: AMOUNT });

const COST_MODEL = z.object({
  step: z.object({
    call: AMOUNT,
    promptRow: AMOUNT,
    sampleRow: AMOUNT,
    promptAttended: AMOUNT,
    sampleAttended: AMOUNT,
    rowCell: AMOUNT,
    // Older results do not tell it, nor how many cells there were.
    cellRead: AMOUNT.optional(),
    draw: AMOUNT,
  }),
  sizes: z.object({
    workers: COUNT.min(1).optional(),
    maxSequences: COUNT.min(1),
    batch: COUNT.min(1),
    prefillChunk: COUNT.min(1),
    separatesPrompts: z.boolean(),
    // Older results tell how many unfinished samples there could be beyond maxSequences, and of no lane.
    maxAhead: COUNT.optional(),
    maxUnfinished: COUNT.min(1).optional(),
    lone: z.object({ maxSequences: COUNT.min(1), maxUnfinished: COUNT.min(1) }).nullish(),
    maxIdleCells: COUNT,
    cells: COUNT.min(1).nullish(),
    threads: COUNT.min(1).optional(),
    sharedReading: z.object({ rows: COUNT.min(1), headsKv: COUNT }).nullish(),
    // Older results do not tell it, and no figure is made of it.
    hostCacheBytes: COUNT.optional(),
    promptsAtOnce: COUNT.min(1).nullable(),
  }),
  overhead: z.object({ alone: OVERHEAD, full: OVERHEAD }),
  forgetsAfter: COUNT.min(1),
  prompts: z.object({ own: PROMPTS, neighbour: PROMPTS }),
  shares: z.object({ alone: SHARES, full: SHARES }),
  chains: z.object({ own: CHAINS, neighbour: CHAINS }),
  orders: COUNT.min(1),
  leftOut: z.array(z.object({ error: z.number() })),
});

const COSTS = ['flopsPerToken', 'flopsPerOutput', 'flopsPerAttended', 'cellBytes'] as const;

const RESULT = z.object({
  header: z.object({
    pgenrm: z.string(),
    identity: z.object({
      machine: z.object({ cpu: z.string(), cores: COUNT, gpus: z.string() }),
      model: z.object({ sha256: TEXT }),
      template: z.object({ name: z.string(), hash: z.string() }),
      data: z.record(z.string(), z.unknown()),
      bank: z.record(z.string(), z.unknown()),
      generator: z.object({ contextTokens: COUNT }),
      options: z.record(z.string(), z.unknown()),
    }),
    machine: z.object({ node: z.string() }),
    driver: TEXT,
    libraryHash: TEXT,
    model: z.object({
      cost: z.object(Object.fromEntries(COSTS.map((name) => [name, AMOUNT]))).nullable(),
    }),
    variants: z.array(z.object({ individual: COUNT, prototype: COUNT, adaptive: z.number().nullable() })),
  }),
  variants: z.array(VARIANT),
  costModel: z.union([z.object({ untold: z.string() }), COST_MODEL]),
});

/**
 * Reads a result.json. Errors: `INPUT_NOT_FOUND`; `INPUT_MALFORMED` where it is no JSON, no result, of another version,
 * or lacks what results have, the place named.
 */
export async function readResult(path: string): Promise<ScalingResult> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new PgenrmError(
      'INPUT_NOT_FOUND',
      `cannot read ${path}: ${messageOf(error)}; give the result.json that pgenrm bench scaling wrote`,
      { cause: error },
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new PgenrmError(
      'INPUT_MALFORMED',
      `${path} is not JSON (${messageOf(error)}): it is no result, or was cut off; give the result.json that pgenrm bench scaling wrote`,
      { cause: error },
    );
  }
  const version = (value as { readonly pgenrmScaling?: unknown } | null)?.pgenrmScaling;
  if (version !== 1) {
    const what = version === undefined ? 'it names none' : `it is of version ${String(version)}`;
    throw new PgenrmError(
      'INPUT_MALFORMED',
      `${path} is not the result of pgenrm bench scaling, version 1 (${what}); give its result.json`,
    );
  }
  const { error } = RESULT.safeParse(value);
  if (error === undefined) return withLanes(value as ScalingResult);
  const [first] = error.issues;
  throw new PgenrmError(
    'INPUT_MALFORMED',
    `${path} is damaged: ${first?.path.join('.') || 'the whole'}: ${first?.message ?? 'unknown'}; measure again, or take an undamaged copy`,
    { cause: error },
  );
}

/** An older result in today's terms. */
function withLanes(result: ScalingResult): ScalingResult {
  const { costModel } = result;
  if (!('sizes' in costModel)) return result;
  const { maxAhead = 0, ...sizes } = costModel.sizes as EngineSizes & { readonly maxAhead?: number };
  const maxUnfinished = sizes.maxUnfinished ?? sizes.maxSequences + maxAhead;
  return {
    ...result,
    costModel: {
      ...costModel,
      step: { ...costModel.step, cellRead: costModel.step.cellRead ?? 0 },
      sizes: { ...sizes, maxUnfinished, lone: sizes.lone ?? null, cells: sizes.cells ?? null },
    },
  };
}
