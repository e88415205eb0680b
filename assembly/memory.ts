// Memory that the host fills and frees: blocks of bytes outside any garbage collection.
// A block holds at most 1 GiB less its header; null stands for memory that was refused.

/** Most bytes of one block. */
const MOST: usize = (1 << 30) - 64;

/** A block aligned to 16 bytes, or 0 where memory is refused. */
export function allocate(bytes: f64): usize {
  if (bytes > <f64>MOST) return 0;
  return take(<usize>bytes);
}

/** As {@link allocate}, for the kernels' own needs. */
export function take(bytes: usize): usize {
  if (bytes > MOST) return 0;
  // The allocator itself traps at the end of the address space.
  const pages = <i32>((bytes + 0x1ffff) >>> 16);
  if (bytes > 1 << 20 && memory.size() + pages > 65535) return 0;
  return heap.alloc(max<usize>(bytes, 16));
}

/** Frees a block; 0 is no block. */
export function release(block: usize): void {
  if (block !== 0) heap.free(block);
}
