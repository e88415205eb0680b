// Listens to the signals that end single samples of a request.
// Knows indices and signals; how a sample is ended is the generator's.

/**
 * Calls `cancel` with the index of each sample whose signal aborts, now for those that have aborted already; the
 * function that it gives back ends the listening. Samples may share a signal, which is listened to once.
 */
export function watchSampleSignals(
  signals: readonly (AbortSignal | undefined)[],
  cancel: (index: number) => void,
): () => void {
  const indices = new Map<AbortSignal, number[]>();
  for (const [index, signal] of signals.entries()) {
    if (signal === undefined) continue;
    const sharing = indices.get(signal);
    if (sharing === undefined) indices.set(signal, [index]);
    else sharing.push(index);
  }
  const listeners = [...indices].map(([signal, own]) => {
    const onAbort = (): void => own.forEach(cancel);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    return { signal, onAbort };
  });
  return () => {
    for (const { signal, onAbort } of listeners) signal.removeEventListener('abort', onAbort);
  };
}
