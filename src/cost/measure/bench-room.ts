// Which levels have room on this machine: what one judgment looks like, and what each level's would need.
// Judges a row or two, which warms the generator up; nothing of it is timed.

import { isRowError } from '../../errors.js';
import { nativeDetails } from '../../generator/native/native-info.js';
import { bytesOfCell } from '../machine/model-cost.js';
import type { ScalingBenchOptions } from './bench-options.js';
import { chainsOf, type Variant, variantName } from './bench-plan.js';
import type { SkippedVariant } from './bench-record.js';
import type { BlockParts } from './run-block.js';

/** What a judgment of the data is like. */
export interface Seen {
  readonly longestChain: number;
  readonly promptTokens: number;
  /** Prompt tokens of one user's orders together. */
  readonly distinctTokens: number;
}

/** Rows that are tried before the error of the last one is taken for that of all. */
const TRIED_ROWS = 5;

/** Judges once or twice, not timed: threads start, pages come in, chains show their length. */
export async function warmUp(parts: BlockParts, variants: readonly Variant[]): Promise<Seen> {
  const { generator, model, rows, judge, signal } = parts;
  const prototypes = variants.some(({ level }) => level.prototype > 0) ? 1 : 0;
  let last: unknown;
  for (const row of rows.slice(0, TRIED_ROWS)) {
    const input = { id: row.id, user: row.user, context: row.item.context, candidates: row.item.candidates };
    try {
      const { account } = await generator.account(() =>
        model.judge(input, {
          ...judge,
          individual: Math.max(2, row.item.candidates.length),
          ...(prototypes === 0 ? {} : { prototypes }),
          signal,
        }),
      );
      return {
        longestChain: Math.max(1, ...account.chainTokens),
        promptTokens: Math.max(...account.prompts.map(({ length }) => length)),
        distinctTokens: account.distinctPromptTokens,
      };
    } catch (error) {
      if (signal.aborted || !isRowError(error)) throw error;
      last = error;
    }
  }
  throw last;
}

/** Levels whose judgments have room, and what the others would need. */
export function whatFits(
  { variants, opened, bank, cost }: ScalingBenchOptions,
  seen: Seen,
): { readonly fitting: Variant[]; readonly skipped: SkippedVariant[] } {
  const { info } = opened.generator;
  const { kvCache } = nativeDetails(info) ?? {};
  // With pgenrm's attention the cache is sized for speed, and chains that find no room take turns.
  const available = kvCache === undefined || kvCache.attention === 'pgenrm' ? Infinity : kvCache.cells;
  const fitting: Variant[] = [];
  const skipped: SkippedVariant[] = [];
  const megabytes = (cells: number): string =>
    cost === null ? '' : ` (${((cells * bytesOfCell(cost, kvCache)) / 1e6).toFixed(0)} MB)`;
  for (const variant of variants) {
    const { prototype } = variant.level;
    const chains = Math.min(chainsOf(variant), info.samplesAtOnce);
    const need = seen.distinctTokens + prototype * seen.promptTokens + chains * seen.longestChain;
    const name = variantName(variant);
    if (need > available) {
      skipped.push({
        name,
        reason: `a judgment needs ${need} KV cells${megabytes(need)}, there are ${available}${megabytes(available)}`,
      });
    } else if (bank !== null && prototype > bank.users) {
      skipped.push({
        name,
        reason: `it needs ${prototype} similar users, the bank has ${bank.users} who may be`,
      });
    } else fitting.push(variant);
  }
  return { fitting, skipped };
}
