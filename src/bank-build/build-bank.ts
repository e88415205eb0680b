// Builds a prototype bank of preference data, stage by stage, each of which a later session can go on from.
// Knows the order of the stages; what each does is its own file's.

import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { BankManifest } from '../bank/file/manifest.js';
import type { StoredMember } from '../bank/file/stored-user.js';
import { writeBank } from '../bank/file/write-bank.js';
import { PgenrmError } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';
import { loadKernels } from '../native/choose-kernels.js';
import { outputFailed } from '../output/output-error.js';
import { RunLock } from '../output/run-lock.js';
import {
  bankAt,
  identityHash,
  openWorkFolder,
  putInPlace,
  removeWork,
  settleReplacement,
  WORK_FILES,
} from './build-folder.js';
import {
  type BuildBankOptions,
  type BuildIdentity,
  type BuildSettings,
  buildIdentity,
  buildSettings,
} from './build-options.js';
import { type ChainFile, chainedRows, chainLines, rowsToTake } from './chain-lines.js';
import { type ChainStage, writeChains } from './chain-stage.js';
import { type Clusters, type ClusterTask, findClusters, refineClusters } from './cluster-stage.js';
import { MemberTexts } from './member-texts.js';
import { stageReporter } from './stage-reporter.js';
import { embedTexts, type TextVectors } from './text-vectors.js';
import { UserBook } from './user-book.js';

export type {
  BuildBankOptions,
  BuildEvent,
  BuildStage,
  EmbedderSource,
  JudgeSource,
} from './build-options.js';
export { BUILD_RANGES, BUILD_STAGES } from './build-options.js';

/** What a build gave. */
export interface BuildResult {
  readonly manifest: BankManifest;
  /** False where the bank stood there already, built of the same data with the same options. */
  readonly built: boolean;
}

/**
 * Builds a bank: one chain a training row, part 1 of the chains embedded, k-means, attentive refinement,
 * reassignment, and an index (P-GenRM, "User prototypes", offline steps 1 to 4).
 *
 * The stages' outcomes are kept in `OUT.building`; a build that was stopped or killed at any moment goes on from
 * there when it is called again with the same data and options, and gives the same bank. The bank appears whole, in
 * one rename; one that it replaces stays usable until then, and its later additions go with it. Memory: the histories of the training data, the
 * embeddings, and in refinement three vectors a row and three a history event.
 *
 * Errors: `INVALID_OPTION` (among them: k over the rows, a place that is no bank); `RUN_MISMATCH` (a bank or an
 * unfinished build of other data or options stands there and `force` is false); `INPUT_MALFORMED` (no row gave a
 * usable chain); `OUTPUT_FAILED` (among them: another process builds there); those of the generator, the embedder
 * and the kernels. Rejects with the signal's reason where it aborts; what was done is kept.
 */
export async function buildBank(options: BuildBankOptions): Promise<BuildResult> {
  const { data, force = false, signal, onEvent } = options;
  const settings = buildSettings(options);
  if (data.damage !== undefined) throw data.damage;
  signal?.throwIfAborted();
  const out = resolve(options.out);
  const identity = buildIdentity(options, settings);
  const kernels = options.kernels ?? (await loadKernels());
  const lock = await RunLock.acquire(out);
  try {
    await settleReplacement(out);
    const existing = await bankAt(out);
    if (existing !== null && !force) {
      if (existing !== 'damaged' && existing.options.build === identityHash(identity)) {
        await removeWork(out);
        return { manifest: existing, built: false };
      }
      const what = existing === 'damaged' ? 'a damaged bank' : 'a bank of other data or options';
      throw new PgenrmError(
        'RUN_MISMATCH',
        `${out} holds ${what}; replace it by --force, or choose another place`,
      );
    }
    const { folder, created } = await openWorkFolder(out, identity, force);
    const manifest = await runStages({ options, settings, identity, kernels, folder, created });
    await putInPlace(folder, out);
    await removeWork(out);
    onEvent?.({ type: 'finished', manifest });
    return { manifest, built: true };
  } finally {
    await lock.release();
  }
}

interface Build {
  readonly options: BuildBankOptions;
  readonly settings: BuildSettings;
  readonly identity: BuildIdentity;
  readonly kernels: Kernels;
  readonly folder: string;
  readonly created: string;
}

async function runStages(build: Build): Promise<BankManifest> {
  const { options, settings, kernels, folder } = build;
  const { data, judge, signal, onEvent } = options;
  const chains: ChainStage = {
    path: join(folder, WORK_FILES.chains),
    data,
    settings,
    judge,
    kernels,
    signal,
    onProgress: stageReporter('chains', onEvent),
  };
  await writeChains(chains);

  const texts = new MemberTexts(settings.refine ? settings.refineEvents : null);
  for await (const row of chainedRows(chains)) texts.add(row);
  if (texts.analyses.length === 0) throw await nothingUsable(chains);
  const vectors = await embedTexts({
    path: join(folder, WORK_FILES.texts),
    numbers: texts.numbers,
    async *texts() {
      for await (const row of chainedRows(chains)) yield* texts.textsOf(row);
    },
    load: options.embedder.load,
    signal,
    onProgress: stageReporter('embeddings', onEvent),
  });
  try {
    const embeddings = await vectors.rows(texts.analyses);
    const clusters = await findAndRefine(build, texts, vectors, embeddings);
    const writing = stageReporter('bank', onEvent);
    writing(0, 1);
    signal?.throwIfAborted();
    const manifest = await assemble(build, chains, vectors, embeddings, clusters);
    writing(1, 1);
    return manifest;
  } finally {
    await vectors.close();
  }
}

async function findAndRefine(
  { options, settings, kernels, folder }: Build,
  texts: MemberTexts,
  vectors: TextVectors,
  embeddings: Float32Array,
): Promise<Clusters> {
  const { signal, onEvent } = options;
  const task = (name: string): ClusterTask => ({
    path: join(folder, name),
    embeddings,
    dim: vectors.dimension,
    kernels,
    seed: settings.seed,
    signal,
  });
  const clustering = stageReporter('clusters', onEvent);
  clustering(0, 1);
  const found = await findClusters(task(WORK_FILES.clusters), settings);
  clustering(1, 1);
  signal?.throwIfAborted();
  const refining = stageReporter('refinement', onEvent);
  refining(0, 1);
  const refined = await refineClusters(task(WORK_FILES.refined), found, () =>
    texts.refinementData(vectors, found.assignment),
  );
  refining(1, 1);
  return refined;
}

async function assemble(
  { options, settings, identity, kernels, folder, created }: Build,
  chains: ChainFile,
  vectors: TextVectors,
  embeddings: Float32Array,
  clusters: Clusters,
): Promise<BankManifest> {
  const book = new UserBook();
  const keys: string[] = [];
  const numbers = new Map<string, number>();
  const memberUser: number[] = [];
  const members: StoredMember[] = [];
  const rowIds = new Set<string>();
  for await (const { row, reading } of chainedRows(chains)) {
    if (rowIds.has(row.id)) throw new PgenrmError('DUPLICATE_ID', `the row id ${row.id} comes twice`);
    rowIds.add(row.id);
    const key = book.note(row);
    let number = numbers.get(key);
    if (number === undefined) {
      number = keys.length;
      numbers.set(key, number);
      keys.push(key);
    }
    memberUser.push(number);
    const { personaText, rubric } = reading;
    members.push({ row: row.id, user: book.idOf(key), persona: personaText, rubric });
  }
  const { counts, failedRows } = await tally(chains);
  const bank = join(folder, WORK_FILES.bank);
  await rm(bank, { recursive: true, force: true }).catch((error: unknown) => {
    throw outputFailed(bank, error);
  });
  return writeBank(
    bank,
    {
      about: {
        created,
        madeWith: {
          model: { sha256: options.judge.sha256 },
          template: { name: options.judge.template.name, hash: options.judge.template.hash },
          embedder: {
            sha256: options.embedder.sha256,
            pooling: options.embedder.pooling,
            dimension: vectors.dimension,
          },
        },
        data: identity.data,
        options: { ...identity.options, kernels: kernels.name, build: identityHash(identity) },
        counts: { ...counts, shortenedTexts: vectors.shortened, emptyPrototypes: clusters.dropped },
        silhouettes: clusters.silhouettes === null ? null : [...clusters.silhouettes],
        refinement: clusters.refinement,
        failedRows,
      },
      dimension: vectors.dimension,
      centres: clusters.centres,
      prototypes: clusters.prototypes,
      embeddings,
      assignment: clusters.assignment,
      memberUser: Uint32Array.from(memberUser),
      users: keys.length,
      member: (index) => members[index]!,
      user: (index) => book.user(keys[index]!),
    },
    { kernels, indexFrom: settings.indexFrom },
  );
}

/** Rows that are not members, counted and listed. */
async function tally(chains: ChainFile): Promise<{
  counts: Record<'lost' | 'failed' | 'invalid', number>;
  failedRows: BankManifest['failedRows'];
}> {
  const counts = { lost: 0, failed: 0, invalid: 0 };
  const failedRows: BankManifest['failedRows'][number][] = [];
  for await (const { row, id, status, reason } of chainLines(chains.path)) {
    if (status === 'usable') continue;
    counts[status] += 1;
    failedRows.push({ row, id, reason: `${status}: ${reason ?? 'no reason was noted'}` });
  }
  return { counts, failedRows };
}

async function nothingUsable(chains: ChainFile): Promise<PgenrmError> {
  const { failedRows } = await tally(chains);
  const [first] = failedRows;
  return new PgenrmError(
    'INPUT_MALFORMED',
    `none of ${rowsToTake(chains)} rows gave a usable chain (row ${first?.row}: ${first?.reason}); check the model and its template`,
  );
}
