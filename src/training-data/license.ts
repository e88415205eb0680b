// Under which licence training data stands, and whether it may be used.
// Knows names of licences; nothing of rows.

import type { FormatName } from '../data/preference-data.js';
import { PgenrmError } from '../errors.js';

/** Where nothing is said. */
export const UNKNOWN_LICENSE = 'unknown';

// PRISM: what people wrote is CC-BY-4.0, what models answered CC-BY-NC-4.0; rows hold both.
const KNOWN: Readonly<Partial<Record<FormatName, string>>> = { prism: 'CC-BY-NC-4.0' };

const NON_COMMERCIAL = /(?:^|[^a-z])nc(?:[^a-z]|$)|non-?\s?commercial/i;

/** Whether a licence forbids commercial use, by its name. */
export function forbidsCommercialUse(license: string): boolean {
  return NON_COMMERCIAL.test(license);
}

/**
 * The licence to note with the examples of rows that name none of their own. Errors: `INVALID_OPTION` where it is
 * non-commercial and that was not allowed.
 */
export function sourceLicense(
  format: FormatName,
  {
    license,
    allowNonCommercial = false,
  }: { readonly license?: string; readonly allowNonCommercial?: boolean },
): string {
  const stated = license?.trim();
  if (stated === '')
    throw new PgenrmError('INVALID_OPTION', 'license must name a licence, got an empty text');
  const name = stated ?? KNOWN[format] ?? UNKNOWN_LICENSE;
  if (forbidsCommercialUse(name) && !allowNonCommercial) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `the data stands under ${name}, which forbids commercial use; allow it with --allow-non-commercial, or name the licence that you have with --license`,
    );
  }
  return name;
}
