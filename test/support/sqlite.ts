// Whether better-sqlite3, whose native part needs an install script, is there; CI demands it.
import { createRequire } from 'node:module';

/** Why tests of stored users cannot run; null where they can. */
export const NO_SQLITE = process.env.PGENRM_REQUIRE_SQLITE === '1' ? null : whyNot();

function whyNot(): string | null {
  try {
    const Sqlite = createRequire(import.meta.url)('better-sqlite3');
    new Sqlite(':memory:').close();
    return null;
  } catch {
    return 'better-sqlite3 is not built: npm rebuild better-sqlite3';
  }
}
