// Times contenders in turn, so that what else the machine does falls on all of them alike.

const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/**
 * Runs every contender in turn until `seconds` have passed (three rounds at least, after one to warm up).
 * Returns for each name the best wall time, the best processor time and the median processor time, in ms.
 */
export async function interleaved(contenders, seconds) {
  const names = Object.keys(contenders);
  const times = Object.fromEntries(names.map((name) => [name, []]));
  for (const name of names) await contenders[name]();
  const end = performance.now() + seconds * 1000;
  for (let round = 0; round < 3 || performance.now() < end; round++) {
    for (const name of names) {
      const { wall, cpu } = await timed(contenders[name]);
      times[name].push({ wall, cpu });
    }
  }
  const sorted = (name, key) => times[name].map((time) => time[key]).sort((a, b) => a - b);
  return Object.fromEntries(
    names.map((name) => {
      const cpu = sorted(name, 'cpu');
      return [name, { wall: sorted(name, 'wall')[0], cpu: cpu[0], median: cpu[cpu.length >> 1] }];
    }),
  );
}

/** Wall and processor time of one run, in ms, with its result. */
export async function timed(work) {
  const wall = performance.now();
  const cpu = cpuMs();
  const result = await work();
  return { result, wall: performance.now() - wall, cpu: cpuMs() - cpu };
}

/** The value below which a share of sorted numbers lies. */
export function quantile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}
