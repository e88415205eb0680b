// What a walk keeps: the nearest nodes found, sorted, and a heap of nodes still to look at.
// Pairs are (distance f32, node u32); blocks grow as walks need and are kept between them.
import { release, take } from './memory';
import { less } from './top-k';

export let pool: usize = 0;
export let expanded: usize = 0;
let poolRoom: i32 = 0;

export let heap: usize = 0;
let heapRoom: i32 = 0;

/** Room for so many found nodes and one more; false where memory is refused. */
export function poolReserve(size: i32): bool {
  if (size + 1 <= poolRoom) return true;
  release(pool);
  release(expanded);
  pool = take((<usize>(size + 1)) << 3);
  expanded = take(size + 1);
  poolRoom = pool !== 0 && expanded !== 0 ? size + 1 : 0;
  return poolRoom > 0;
}

/** Room for so many nodes to look at; false where memory is refused. */
export function heapReserve(size: i32): bool {
  if (size <= heapRoom) return true;
  release(heap);
  heap = take((<usize>size) << 3);
  heapRoom = heap !== 0 ? size : 0;
  return heapRoom > 0;
}

export function poolDistance(place: i32): f32 {
  return load<f32>(pool + ((<usize>place) << 3));
}

export function poolNode(place: i32): u32 {
  return load<u32>(pool + ((<usize>place) << 3), 4);
}

/** Whether a pair belongs into a pool of `size` that holds at most `most`. */
export function poolTakes(distance: f32, node: u32, size: i32, most: i32): bool {
  return size < most || less(distance, node, poolDistance(size - 1), poolNode(size - 1));
}

/** Inserts a pair in order; the last falls out where `most` are there. Returns its place. */
export function poolInsert(distance: f32, node: u32, size: i32, most: i32): i32 {
  let low = 0;
  let high = size;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (less(distance, node, poolDistance(middle), poolNode(middle))) high = middle;
    else low = middle + 1;
  }
  const kept = size === most ? size - 1 : size;
  const at = pool + ((<usize>low) << 3);
  memory.copy(at + 8, at, (<usize>(kept - low)) << 3);
  memory.copy(expanded + low + 1, expanded + low, kept - low);
  store<f32>(at, distance);
  store<u32>(at, node, 4);
  store<u8>(expanded + low, 0);
  return low;
}

/** Adds a pair to the heap, the nearest on top; returns the new size. */
export function heapPush(distance: f32, node: u32, size: i32): i32 {
  let place = size;
  while (place > 0) {
    const parent = heap + ((<usize>((place - 1) >> 1)) << 3);
    if (!less(distance, node, load<f32>(parent), load<u32>(parent, 4))) break;
    store<u64>(heap + ((<usize>place) << 3), load<u64>(parent));
    place = (place - 1) >> 1;
  }
  store<f32>(heap + ((<usize>place) << 3), distance);
  store<u32>(heap + ((<usize>place) << 3), node, 4);
  return size + 1;
}

/** Takes the top off the heap; returns the new size. */
export function heapPop(size: i32): i32 {
  const last = heap + ((<usize>(size - 1)) << 3);
  const distance = load<f32>(last);
  const node = load<u32>(last, 4);
  const left = size - 1;
  let place = 0;
  for (;;) {
    let child = 2 * place + 1;
    if (child >= left) break;
    let at = heap + ((<usize>child) << 3);
    if (child + 1 < left && less(load<f32>(at, 8), load<u32>(at, 12), load<f32>(at), load<u32>(at, 4))) {
      child++;
      at += 8;
    }
    if (!less(load<f32>(at), load<u32>(at, 4), distance, node)) break;
    store<u64>(heap + ((<usize>place) << 3), load<u64>(at));
    place = child;
  }
  store<f32>(heap + ((<usize>place) << 3), distance);
  store<u32>(heap + ((<usize>place) << 3), node, 4);
  return left;
}
