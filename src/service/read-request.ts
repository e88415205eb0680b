// Checks the form of a request that came from elsewhere: its operation and its parts.
// Ranges and words of options are the library's own business, which checks them where it uses them.

import { z } from 'zod';
import { PgenrmError } from '../errors.js';
import type { ServiceRequest } from './contract.js';

/** Objects of options, values by name. */
const OPTIONS = z.record(z.string(), z.unknown());
const MODEL = OPTIONS;
const BATCH = z.string().min(1).max(200);

const JUDGE = {
  model: MODEL,
  input: z.unknown(),
  options: OPTIONS.optional(),
  batch: z.strictObject({ name: BATCH, place: z.int().min(0) }).optional(),
  events: z.boolean().optional(),
};

const REQUEST = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('judge'), ...JUDGE }),
  z.strictObject({ op: z.literal('rank'), ...JUDGE }),
  z.strictObject({ op: z.literal('load'), model: MODEL, judge: OPTIONS.optional() }),
  z.strictObject({ op: z.literal('endBatch'), batch: BATCH }),
  z.strictObject({
    op: z.literal('embed'),
    embedder: z.strictObject({
      model: z.string().min(1),
      pooling: z.enum(['auto', 'mean', 'cls', 'last']).optional(),
      gpu: z.string().optional(),
      threads: z.union([z.number(), z.literal('background')]).optional(),
      generator: z.string().optional(),
    }),
    texts: z.array(z.string()).min(1),
  }),
  z.strictObject({ op: z.literal('unload'), model: MODEL }),
  z.strictObject({ op: z.literal('statistics') }),
  z.strictObject({ op: z.literal('health') }),
]);

/** The request. Errors: `INVALID_OPTION`, naming the part that does not fit. */
export function readRequest(value: unknown): ServiceRequest {
  const read = REQUEST.safeParse(value);
  if (read.success) return value as ServiceRequest;
  const [issue] = read.error.issues;
  const where = issue?.path.join('.') || 'request';
  throw new PgenrmError('INVALID_OPTION', `${where} does not fit the service's contract: ${issue?.message}`);
}
