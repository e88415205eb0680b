// Reads a result.json back and checks as much of it as its readers rely on: figures and conditions.
// Knows the form of a result; nothing of how one comes about.

import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { messageOf, PgenrmError } from '../../errors.js';
import type { ScalingResult } from './result.js';

const COUNT = z.number().int().nonnegative();
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
      generator: z.object({
        engine: z.string(),
        version: z.string(),
        samplesAtOnce: COUNT,
        contextTokens: COUNT,
        workers: COUNT.min(1).optional(),
      }),
      options: z.record(z.string(), z.unknown()),
    }),
    machine: z.object({ node: z.string() }),
    driver: TEXT,
    libraryHash: TEXT,
    model: z.object({
      cost: z.object(Object.fromEntries(COSTS.map((name) => [name, z.number().nonnegative()]))).nullable(),
    }),
    variants: z.array(z.object({ individual: COUNT, prototype: COUNT, adaptive: z.number().nullable() })),
  }),
  variants: z.array(VARIANT),
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
  if (error === undefined) return value as ScalingResult;
  const [first] = error.issues;
  throw new PgenrmError(
    'INPUT_MALFORMED',
    `${path} is damaged: ${first?.path.join('.') || 'the whole'}: ${first?.message ?? 'unknown'}; measure again, or take an undamaged copy`,
    { cause: error },
  );
}
