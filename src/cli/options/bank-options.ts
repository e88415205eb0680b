// The flags of a bank beside the levels that use one.
import { PgenrmError } from '../../errors.js';

/**
 * Refuses a bank and levels that do not go together. `similar`: whether a level has similar users; unknown where no levels
 * are given. Errors: `INVALID_OPTION`.
 */
export function checkBankOptions(
  { bank, embedder }: { readonly bank?: string | undefined; readonly embedder?: string | undefined },
  similar: boolean | undefined,
): void {
  const refused = (message: string): PgenrmError => new PgenrmError('INVALID_OPTION', message);
  if (similar === true && bank === undefined)
    throw refused('a level with pro-N needs a prototype bank; name it with --bank BANK');
  if (similar === false && bank !== undefined)
    throw refused('--bank has no part where no level has pro-N; add one to --levels');
  if (bank === undefined && embedder !== undefined)
    throw refused('--embedder is that of a bank; name the bank with --bank');
}
