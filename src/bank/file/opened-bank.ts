// Opens the files of a bank in one consistent state, every byte that is loaded checked.
// Knows files and checksums; not what is asked of a bank.

import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PgenrmError } from '../../errors.js';
import type { Kernels } from '../../kernels/kernels.js';
import type { VectorIndex } from '../../kernels/vector-index.js';
import { AdditionsLog } from './additions.js';
import { damaged, unreadable } from './damage.js';
import { BANK_FILES, type BankManifest, readBankManifest } from './manifest.js';
import { RecordFile } from './record-file.js';
import { SafetensorsFile } from './safetensors.js';
import { type BankTables, readTables } from './tables.js';
import { fingerprint } from './write-bank.js';

/** The open files of a bank and what of them is in memory. */
export interface OpenedBank extends AsyncDisposable {
  readonly folder: string;
  readonly manifest: BankManifest;
  readonly tables: BankTables;
  /** Unit rows. Shape [prototypes, dimension] each. */
  readonly prototypes: Float32Array;
  readonly centres: Float32Array;
  /** The index over the members, or their embeddings where there is no index file. */
  readonly index: VectorIndex | null;
  readonly embeddings: Float32Array | null;
  /** The embeddings' file, for those that read through all of it. */
  readonly vectors: SafetensorsFile;
  readonly members: RecordFile;
  readonly users: RecordFile;
  readonly additions: AdditionsLog;
}

/** Where a bank is whose replacement was cut short between two renames. */
export function setAsidePath(path: string): string {
  return `${path}.old`;
}

const TRIES = 5;

/**
 * Opens a bank. A bank that is replaced meanwhile is opened anew, so that no two generations of it mix.
 *
 * Errors: `INPUT_NOT_FOUND`, `BANK_DAMAGED`.
 */
export async function openBankFiles(path: string, kernels: Kernels): Promise<OpenedBank> {
  for (let tries = 1; ; tries += 1) {
    const aside = setAsidePath(path);
    const folder = !existsSync(path) && existsSync(aside) ? aside : path;
    let manifest: BankManifest;
    try {
      manifest = await readBankManifest(folder);
    } catch (error) {
      // Between the two renames of a replacement the folder is away for an instant: it may be back by now.
      const gone = error instanceof PgenrmError && error.code === 'INPUT_NOT_FOUND';
      if (!gone || tries === TRIES || ![path, aside, path].some((each) => existsSync(each))) throw error;
      await delay(5 * tries);
      continue;
    }
    const replaced = async (): Promise<boolean> => {
      const now = await readBankManifest(folder).catch(() => null);
      return now?.checksum !== manifest.checksum && tries < TRIES;
    };
    let opened: OpenedBank;
    try {
      opened = await openAll(folder, manifest, kernels);
    } catch (error) {
      if (await replaced()) continue;
      throw error;
    }
    if (!(await replaced())) return opened;
    await opened[Symbol.asyncDispose]();
  }
}

async function openAll(folder: string, manifest: BankManifest, kernels: Kernels): Promise<OpenedBank> {
  const { counts, files } = manifest;
  const { dimension } = manifest.madeWith.embedder;
  const place = (name: keyof typeof BANK_FILES): string => join(folder, BANK_FILES[name]);
  const indexed = Object.hasOwn(files, BANK_FILES.index);
  const held = ['prototypes', 'tables', 'vectors', 'members', 'users'] as const;
  for (const name of [...held, ...(indexed ? ['index' as const] : [])]) {
    await checkLength(manifest, place(name), name);
  }
  for (const name of ['prototypes', 'tables', indexed ? 'index' : 'vectors'] as const) {
    await checkContent(manifest, place(name), name);
  }
  const tables = await readTables(place('tables'), counts);
  const shape = [counts.prototypes, dimension];
  // What was opened before something failed is closed again, the last first.
  const opened: AsyncDisposable[] = [];
  const close = async (): Promise<void> => {
    for (const resource of opened.reverse()) await resource[Symbol.asyncDispose]();
    opened.length = 0;
  };
  const keep = <T extends AsyncDisposable>(resource: T): T => {
    opened.push(resource);
    return resource;
  };
  try {
    const prototypeFile = keep(await SafetensorsFile.open(place('prototypes')));
    const prototypes = await prototypeFile.read('prototypes', 'F32', shape);
    const centres = await prototypeFile.read('centres', 'F32', shape);
    const vectors = keep(await SafetensorsFile.open(place('vectors')));
    if (vectors.shape('embeddings').join() !== [counts.members, dimension].join()) {
      throw damaged(vectors.path, 'it does not hold one embedding a member');
    }
    const members = keep(await RecordFile.open(place('members'), tables.memberRecords));
    const users = keep(await RecordFile.open(place('users'), tables.userRecords));
    const additions = keep(await AdditionsLog.open(folder, manifest.checksum));
    const index = indexed
      ? await kernels.openIndex(place('index'), { metric: 'cosine', dim: dimension })
      : null;
    if (index !== null) {
      keep({ [Symbol.asyncDispose]: async () => index.dispose() });
      if (index.size !== counts.members) throw damaged(place('index'), 'it does not hold every member');
    }
    const embeddings = indexed ? null : await vectors.read('embeddings', 'F32');
    return {
      folder,
      manifest,
      tables,
      prototypes,
      centres,
      index,
      embeddings,
      vectors,
      members,
      users,
      additions,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function stated(
  manifest: BankManifest,
  path: string,
  name: keyof typeof BANK_FILES,
): { bytes: number; sha256: string } {
  const file = manifest.files[BANK_FILES[name]];
  if (file === undefined) throw damaged(path, 'the manifest does not list it');
  return file;
}

/** Checks the length of a file; where it is not loaded now, its content is checked as it is read. */
async function checkLength(
  manifest: BankManifest,
  path: string,
  name: keyof typeof BANK_FILES,
): Promise<void> {
  const { bytes } = stated(manifest, path, name);
  const found = await stat(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  if (found.size !== bytes) throw damaged(path, `it has ${found.size} bytes, and had ${bytes}`);
}

/** Checks the whole content of a file. */
export async function checkContent(
  manifest: BankManifest,
  path: string,
  name: keyof typeof BANK_FILES,
): Promise<void> {
  const { bytes, sha256 } = stated(manifest, path, name);
  const found = await fingerprint(path);
  if (found.bytes !== bytes || found.sha256 !== sha256) {
    throw damaged(path, 'its bytes do not match the checksum in the manifest');
  }
}
