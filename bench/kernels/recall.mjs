// Share of the true neighbours that a search found.

/** Neighbours a query, wherever recall is told. */
export const K = 10;

/** `labels` and `truth` [queries x k]. */
export function recallOf(labels, truth, k = K) {
  let hits = 0;
  for (let at = 0; at < truth.length; at += k) {
    const expected = new Set(truth.subarray(at, at + k));
    for (const label of labels.subarray(at, at + k)) if (expected.has(label)) hits++;
  }
  return hits / truth.length;
}
