// Searches that may not answer with everything: allowed labels, one user left out, vectors removed.
// Recall is told against the exact scan under the same filter.
import path from 'node:path';
import { LabelSet } from '../../dist/kernels/vectors.js';
import { K, recallOf } from './recall.mjs';
import { interleaved } from './timing.mjs';

const EFFORT = 120;
/** One vector in so many is allowed. */
const SHARES = [2, 10, 100];

export async function benchFilters({ native, wasm, folder, rows, queries, options, report, size }) {
  const count = rows.data.length / rows.dim;
  const few = { data: queries.data.slice(0, Math.min(200, options.queries) * rows.dim), dim: rows.dim };
  const asked = few.data.length / rows.dim;
  const lines = [];
  const measure = async (what, indices, search) => {
    const truth = await native.search(few, { k: K, ...search, exact: true });
    const run = (index) => () => index.search(few, { k: K, effort: EFFORT, threads: 1, ...search });
    const work = Object.fromEntries(Object.entries(indices).map(([name, index]) => [name, run(index)]));
    const { times } = await interleaved(work, options.seconds / 4);
    for (const [engine, time] of Object.entries(times)) {
      const { labels } = await work[engine]();
      lines.push({
        what,
        engine,
        recall: recallOf(labels, truth.labels),
        perSecond: (asked / time.wall) * 1000,
      });
    }
  };
  const opened = await wasm.openIndex(path.join(folder, 'index.bin'), { metric: 'cosine' });
  const both = { native, wasm: opened };
  await measure('all', both, {});
  await measure('one excluded', both, { exclude: Uint32Array.of(7) });
  for (const share of SHARES) {
    const allow = LabelSet.of(Array.from({ length: Math.floor(count / share) }, (_, i) => i * share));
    await measure(`1 in ${share} allowed`, both, { allow });
  }
  opened.dispose();
  // Removed vectors stay as paths: what is left must be found as well as before.
  await native.remove(Uint32Array.from({ length: Math.floor(count / 5) }, (_, i) => 5 * i));
  await measure('a fifth removed', { native }, {});
  report.table(
    `filters, one thread, effort ${EFFORT}, ${size}`,
    {
      what: ['search'],
      engine: ['engine'],
      recall: ['recall@10', 'recall'],
      perSecond: ['queries/s', 'count'],
    },
    lines,
  );
}
