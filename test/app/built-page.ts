// The built page for several test processes: built by the first that comes, where a source is newer than it.

import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { buildPage } from '../../scripts/playground/build.mjs';

const LOCK = 'build/page.lock';
const STALE_MS = 120_000;

const modified = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

function newest(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.startsWith(join('app', 'dist')))
    .reduce((latest, entry) => Math.max(latest, modified(join(entry.parentPath, entry.name))), 0);
}

const isFresh = (): boolean =>
  modified('dist/page/index.html') >=
    Math.max(...['app', 'src', 'examples', 'scripts/playground'].map(newest)) &&
  modified('app/dist/models/nano.gguf') > 0;

export async function builtPage(): Promise<void> {
  for (;;) {
    try {
      mkdirSync(LOCK);
      break;
    } catch {
      if (Date.now() - modified(LOCK) > STALE_MS) rmSync(LOCK, { recursive: true, force: true });
      await pause(200);
    }
  }
  try {
    if (!isFresh()) await buildPage({ quiet: true });
  } finally {
    rmSync(LOCK, { recursive: true, force: true });
  }
}
