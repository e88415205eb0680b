// Whether levels can be derived from stored chains.
// Knows the header of a chains file; nothing of rows or figures.

import { PgenrmError } from '../../errors.js';
import { invalidOption } from '../../options/option-range.js';
import { levelName, type ScalingLevel } from '../../scaling/level.js';
import type { ChainsHeader } from '../chains/chains-record.js';

/** Throws `INVALID_OPTION` unless every level can be derived from what is stored. */
export function checkLevels(path: string, { identity }: ChainsHeader, levels: readonly ScalingLevel[]): void {
  if (levels.length === 0) throw invalidOption('levels', 'a list of one level or more', 'none');
  const { individual, prototype } = identity.sampling;
  const names = new Set<string>();
  for (const level of levels) {
    const name = levelName(level);
    if (names.has(name))
      throw new PgenrmError('INVALID_OPTION', `level ${name} is listed twice; list it once`);
    names.add(name);
    if (level.individual <= individual && level.prototype <= prototype) continue;
    throw new PgenrmError(
      'INVALID_OPTION',
      `level ${name} needs ${level.individual} individual and ${level.prototype} prototype chains a row, and ${path} holds ${individual} and ${prototype}; ask for smaller levels, or sample again with this one among --levels`,
    );
  }
}
