// Cuts content into lines, those of one block at a time, and lets go of a line that is longer than allowed.
// Knows line ends; not what a line holds.

const LINE_FEED = 0x0a;

/** A line's bytes without its end; or, where it is longer than allowed, its length in bytes alone. */
export type Line = Buffer | number;

/**
 * The lines of a stream of blocks, as many at a time as a block completes; a last line needs no end.
 * Of a line over `limit` bytes only the length is kept, so that memory does not grow with it.
 */
export async function* linesOf(content: AsyncIterable<Buffer>, limit: number): AsyncGenerator<Line[]> {
  let pieces: Buffer[] = [];
  let length = 0;
  const keep = (piece: Buffer): void => {
    length += piece.length;
    if (length <= limit) pieces.push(piece);
    else pieces = [];
  };
  const take = (): Line => {
    const line = length > limit ? length : pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, length);
    pieces = [];
    length = 0;
    return line;
  };
  for await (const block of content) {
    const lines: Line[] = [];
    let start = 0;
    for (let end = block.indexOf(LINE_FEED); end >= 0; end = block.indexOf(LINE_FEED, start)) {
      keep(block.subarray(start, end));
      lines.push(take());
      start = end + 1;
    }
    if (start < block.length) keep(block.subarray(start));
    if (lines.length > 0) yield lines;
  }
  if (length > 0) yield [take()];
}
