// A queue of one process that shares out, one Redis and GPUs, by events: jobs go round as long as rows may be under way.
// Knows how long each takes; not where the figures come from.

/**
 * Throughput over `seconds` after a tenth of them. A job is one user's rows: it is put (a third of `coordinatorMs`), kept by Redis (half of
 * `redisMs`), taken by the GPU that is free first, answered (the other half), read and written (two thirds). Each hop takes `networkMs`.
 * A GPU judges a row in 1000 / `rowsPerGpu` ms, give or take half of that, one job after another.
 */
export function simulate({
  gpus,
  rowsPerUser,
  rowsPerGpu,
  rowsAhead,
  coordinatorMs,
  redisMs,
  networkMs,
  seconds,
  seed = 1,
}) {
  const random = generatorOf(seed);
  const events = new Heap();
  const end = seconds * 1000;
  const warm = end / 10;
  /** Servers of one queue each: who waits, how many are free, how long they worked after the warm-up. */
  const station = (count) => ({ free: count, count, waiting: [], busy: 0 });
  const coordinator = station(1);
  const redis = station(1);
  const judges = station(gpus);
  let now = 0;
  let done = 0;
  const later = (ms, then) => events.push(now + ms, then);
  const start = (place, ms, then) => {
    place.free -= 1;
    place.busy += Math.max(0, Math.min(end, now + ms) - Math.max(warm, now));
    later(ms, () => {
      place.free += 1;
      const next = place.waiting.shift();
      if (next !== undefined) start(place, ...next);
      then();
    });
  };
  const ask = (place, ms, then) =>
    place.free > 0 ? start(place, ms, then) : void place.waiting.push([ms, then]);
  const judgeMs = () => {
    let ms = 0;
    for (let row = 0; row < rowsPerUser; row += 1) ms += (1000 / rowsPerGpu) * (0.5 + random());
    return ms;
  };
  const job = () =>
    ask(coordinator, coordinatorMs / 3, () =>
      later(networkMs, () =>
        ask(redis, redisMs / 2, () =>
          later(networkMs, () =>
            ask(judges, judgeMs(), () =>
              later(networkMs, () =>
                ask(redis, redisMs / 2, () =>
                  later(networkMs, () =>
                    ask(coordinator, (2 * coordinatorMs) / 3, () => {
                      if (now >= warm && now < end) done += 1;
                      job();
                    }),
                  ),
                ),
              ),
            ),
          ),
        ),
      ),
    );
  for (let under = 0; under < rowsAhead / rowsPerUser; under += 1) job();
  for (;;) {
    const next = events.pop();
    if (next === undefined || next.at >= end) break;
    now = next.at;
    next.then();
  }
  const share = ({ busy, count }) => busy / (count * (end - warm));
  return {
    usersPerSecond: (1000 * done) / (end - warm),
    gpus: share(judges),
    coordinator: share(coordinator),
    redis: share(redis),
  };
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function generatorOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Gives events by their time. */
class Heap {
  #events = [];

  push(at, then) {
    const events = this.#events;
    let place = events.push({ at, then }) - 1;
    while (place > 0) {
      const above = (place - 1) >> 1;
      if (events[above].at <= events[place].at) break;
      [events[above], events[place]] = [events[place], events[above]];
      place = above;
    }
  }

  pop() {
    const events = this.#events;
    const first = events[0];
    const last = events.pop();
    if (first === last) return first;
    events[0] = last;
    for (let place = 0; ; ) {
      let least = place;
      for (const below of [2 * place + 1, 2 * place + 2])
        if (below < events.length && events[below].at < events[least].at) least = below;
      if (least === place) return first;
      [events[least], events[place]] = [events[place], events[least]];
      place = least;
    }
  }
}
