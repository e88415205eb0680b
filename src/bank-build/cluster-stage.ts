// Two stages of a build: k-means over the members, then refinement and reassignment, each kept in a file.
// Knows vectors and the kernels; rows only by their numbers.

import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { BankManifest } from '../bank/file/manifest.js';
import { SafetensorsFile, tensorOf, writeSafetensors } from '../bank/file/safetensors.js';
import { PgenrmError } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';
import type { RefinementData } from '../kernels/refine.js';
import { syncDirectory } from '../output/atomic-file.js';
import { outputFailed } from '../output/output-error.js';
import { tooManyPrototypes } from './build-options.js';
import { chooseK, type Silhouette, unitCentres } from './choose-k.js';

/** Prototypes and who belongs to them. */
export interface Clusters {
  /** Unit k-means centres. Shape [prototypes, dim]. */
  readonly centres: Float32Array;
  /** What they became by refinement; the centres themselves before it. Shape [prototypes, dim]. */
  readonly prototypes: Float32Array;
  /** Prototype of each member, every one used. Shape [members]. */
  readonly assignment: Uint32Array;
  /** Prototypes dropped because no member was left. */
  readonly dropped: number;
  readonly silhouettes: readonly Silhouette[] | null;
  readonly refinement: BankManifest['refinement'];
}

/** What clusters are made of. */
export interface ClusterTask {
  readonly path: string;
  /** Unit rows. Shape [members, dim]. */
  readonly embeddings: Float32Array;
  readonly dim: number;
  readonly kernels: Kernels;
  readonly seed: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * K-means over the members, or what an earlier session found.
 *
 * Errors: `INVALID_OPTION` where k is over the number of members; the kernels' errors; `OUTPUT_FAILED`.
 */
export async function findClusters(
  task: ClusterTask,
  options: { readonly k: number | 'auto'; readonly restarts: number },
): Promise<Clusters> {
  const { embeddings, dim, kernels, seed, signal } = task;
  const members = embeddings.length / dim;
  const kept = await readClusters(task);
  if (kept !== null) return kept;
  if (options.k !== 'auto' && options.k > members) {
    throw tooManyPrototypes(options.k, members, 'rows with a usable chain');
  }
  const auto = options.k === 'auto' ? await chooseK(embeddings, dim, seed, kernels, signal) : null;
  signal?.throwIfAborted();
  const fit = await kernels.kmeansFit(
    { data: embeddings, dim },
    { k: auto?.k ?? (options.k as number), seed, restarts: options.restarts },
  );
  const centres = unitCentres(fit.centres, fit.assignment, embeddings, dim);
  const used = withoutEmpty(fit.assignment, centres, centres, dim);
  const clusters = { ...used, silhouettes: auto?.silhouettes ?? null, refinement: null };
  await keepClusters(task, clusters);
  return clusters;
}

/**
 * Refines prototypes on the members' preference pairs and gives each member the prototype of highest cosine, or
 * takes what an earlier session found. With `pairs` null only the reassignment is made.
 *
 * Errors: the kernels' errors; `OUTPUT_FAILED`.
 */
export async function refineClusters(
  task: ClusterTask,
  before: Clusters,
  pairs: () => Promise<Omit<RefinementData, 'dim' | 'prototypes'> | null>,
): Promise<Clusters> {
  const { embeddings, dim, kernels, seed, signal } = task;
  const kept = await readClusters(task);
  if (kept !== null) return kept;
  const data = await pairs();
  signal?.throwIfAborted();
  let { prototypes } = before;
  let refinement: Clusters['refinement'] = null;
  if (data !== null && data.assignment.length > 0) {
    const refined = await kernels.refinePrototypes({ ...data, dim, prototypes }, { seed });
    prototypes = refined.prototypes;
    refinement = { pairs: data.assignment.length, ...lossesOf(refined.losses) };
  }
  const near = await kernels.exactSearch(
    { data: embeddings, dim },
    { data: prototypes, dim },
    { metric: 'cosine', k: 1 },
  );
  const used = withoutEmpty(near.labels, prototypes, before.centres, dim);
  const { silhouettes } = before;
  const clusters = { ...used, dropped: before.dropped + used.dropped, silhouettes, refinement };
  await keepClusters(task, clusters);
  return clusters;
}

function lossesOf(losses: Float64Array): { steps: number; lossBefore: number; lossAfter: number } {
  const part = Math.max(1, Math.floor(losses.length / 10));
  const mean = (values: Float64Array): number => values.reduce((sum, loss) => sum + loss, 0) / values.length;
  return {
    steps: losses.length,
    lossBefore: mean(losses.subarray(0, part)),
    lossAfter: mean(losses.subarray(-part)),
  };
}

/** Leaves out prototypes that nobody belongs to and numbers the others anew, in their order. */
function withoutEmpty(
  assignment: Uint32Array,
  prototypes: Float32Array,
  centres: Float32Array,
  dim: number,
): Pick<Clusters, 'assignment' | 'prototypes' | 'centres' | 'dropped'> {
  const used = [...new Set(assignment)].sort((a, b) => a - b);
  const numbers = new Map(used.map((prototype, number) => [prototype, number]));
  const pick = (rows: Float32Array): Float32Array => {
    const picked = new Float32Array(used.length * dim);
    used.forEach((row, number) => {
      picked.set(rows.subarray(row * dim, (row + 1) * dim), number * dim);
    });
    return picked;
  };
  return {
    assignment: assignment.map((prototype) => numbers.get(prototype)!),
    prototypes: pick(prototypes),
    centres: pick(centres),
    dropped: prototypes.length / dim - used.length,
  };
}

async function keepClusters({ path, dim }: ClusterTask, clusters: Clusters): Promise<void> {
  const { centres, prototypes, assignment, dropped, silhouettes, refinement } = clusters;
  const part = `${path}.part`;
  const shape = [prototypes.length / dim, dim];
  await writeSafetensors(
    part,
    {
      prototypes: tensorOf('F32', shape, prototypes),
      centres: tensorOf('F32', shape, centres),
      assignment: tensorOf('U32', [assignment.length], assignment),
    },
    { facts: JSON.stringify({ dropped, silhouettes, refinement }) },
  );
  try {
    await rename(part, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    throw outputFailed(path, error);
  }
}

/** Null where there are none; a file that is not whole is made again. */
async function readClusters({ path, dim, embeddings }: ClusterTask): Promise<Clusters | null> {
  try {
    await using file = await SafetensorsFile.open(path);
    const prototypes = await file.read('prototypes', 'F32');
    return {
      prototypes,
      centres: await file.read('centres', 'F32', [prototypes.length / dim, dim]),
      assignment: await file.read('assignment', 'U32', [embeddings.length / dim]),
      ...(JSON.parse(file.metadata.facts ?? '') as Pick<Clusters, 'dropped' | 'silhouettes' | 'refinement'>),
    };
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof PgenrmError && error.code === 'BANK_DAMAGED')) {
      throw error;
    }
    await rm(path, { force: true });
    return null;
  }
}
