// What a bank calls a user whose row has no user id.
// Knows nothing of files.

/** Name of the user that a row without a user id makes. */
export function anonymousId(row: string): string {
  return `row:${row}`;
}
