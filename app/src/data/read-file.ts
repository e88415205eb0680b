// The text of a file: unpacked where it is gzipped, and no more of it than a page can hold.

/** Bytes of text that are read. */
const MOST_BYTES = 64 * 2 ** 20;

/** `cut`: what was left out, in words; null where all was read. */
export async function readTextFile(
  file: File,
): Promise<{ readonly text: string; readonly cut: string | null }> {
  const packed = /\.gz$/i.test(file.name);
  const bytes: ReadableStream<Uint8Array<ArrayBuffer>> = packed
    ? file.stream().pipeThrough(new DecompressionStream('gzip'))
    : file.stream();
  const reader = bytes.getReader();
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  let read = 0;
  let whole = true;
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      read += value.byteLength;
      text += decoder.decode(value, { stream: true });
      if (read > MOST_BYTES) {
        whole = false;
        break;
      }
    }
    if (whole) text += decoder.decode();
  } catch (error) {
    const why = packed ? 'is not gzipped text, or is cut short' : 'is no text in UTF-8';
    throw new Error(`${file.name} ${why}: open JSON, JSON Lines (also gzipped) or parquet`, { cause: error });
  } finally {
    void reader.cancel().catch(() => undefined);
  }
  if (whole) return { text, cut: null };
  if (/^\s*\[/.test(text))
    throw new Error(
      `${file.name} is one JSON document of over ${MOST_BYTES / 2 ** 20} MiB: write it as JSON Lines, of which the page reads the first rows`,
    );
  return {
    text: text.slice(0, text.lastIndexOf('\n') + 1),
    cut: `Only the first ${MOST_BYTES / 2 ** 20} MiB were read; judge whole files with pgenrm score.`,
  };
}
