// A binary heap of (distance f32, label u32) pairs, the worst on top; equal distances are ordered by label.
// Twin of native/core/top_k.h.

/** Offers a pair to a heap of at most k; returns its new size. */
export function offer(heap: usize, size: i32, k: i32, distance: f32, label: u32): i32 {
  if (size < k) {
    siftUp(heap, size, distance, label);
    return size + 1;
  }
  if (less(distance, label, load<f32>(heap), load<u32>(heap, 4))) siftDown(heap, size, distance, label);
  return size;
}

/** Sorts a heap into rising order in place. */
export function sortHeap(heap: usize, size: i32): void {
  for (let last = size - 1; last > 0; last--) {
    const at = heap + ((<usize>last) << 3);
    const distance = load<f32>(at);
    const label = load<u32>(at, 4);
    store<u64>(at, load<u64>(heap));
    siftDown(heap, last, distance, label);
  }
}

/** Whether the first pair comes before the second. */
export function less(distance: f32, label: u32, otherDistance: f32, otherLabel: u32): bool {
  return distance < otherDistance || (distance === otherDistance && label < otherLabel);
}

function siftUp(heap: usize, place: i32, distance: f32, label: u32): void {
  while (place > 0) {
    const parent = heap + ((<usize>((place - 1) >> 1)) << 3);
    if (!less(load<f32>(parent), load<u32>(parent, 4), distance, label)) break;
    store<u64>(heap + ((<usize>place) << 3), load<u64>(parent));
    place = (place - 1) >> 1;
  }
  store<f32>(heap + ((<usize>place) << 3), distance);
  store<u32>(heap + ((<usize>place) << 3), label, 4);
}

/** Puts a pair at the top of a heap whose top is free, and lets it sink. */
function siftDown(heap: usize, size: i32, distance: f32, label: u32): void {
  let place = 0;
  for (;;) {
    let child = 2 * place + 1;
    if (child >= size) break;
    let at = heap + ((<usize>child) << 3);
    if (child + 1 < size && less(load<f32>(at), load<u32>(at, 4), load<f32>(at, 8), load<u32>(at, 12))) {
      child++;
      at += 8;
    }
    if (!less(distance, label, load<f32>(at), load<u32>(at, 4))) break;
    store<u64>(heap + ((<usize>place) << 3), load<u64>(at));
    place = child;
  }
  store<f32>(heap + ((<usize>place) << 3), distance);
  store<u32>(heap + ((<usize>place) << 3), label, 4);
}
