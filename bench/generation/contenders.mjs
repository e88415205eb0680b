// The contenders of the generation benchmark: each in a process of its own, all with the same methods,
// `run(order)`, `peakMemory()`, `processorSeconds()`, `stop()` and `kill()`. Knows how each is started, not what is timed.
import { fileURLToPath } from 'node:url';
import { Child } from '../harness/child.mjs';
import { LlamaServer } from './llama-server.mjs';
import { itemsOf } from './work.mjs';

const script = (name) => fileURLToPath(new URL(name, import.meta.url));
const node = (name, options) => Child.start(process.execPath, [script(name), JSON.stringify(options)]);

/** This package: `kind` is `native`, `portable` or `embedder`. */
export async function startOurs(bench, kind, options) {
  const child = await node('ours-child.mjs', {
    kind,
    model: bench.model.path,
    work: bench.workFile,
    options,
  });
  return jsonContender(child);
}

/** node-llama-cpp's own API. */
export async function startNodeLlama(bench, options) {
  const { gpu, threads } = bench;
  const child = await node('node-llama-child.mjs', {
    model: bench.model.path,
    work: bench.workFile,
    gpu,
    threads,
    ...options,
  });
  return jsonContender(child);
}

function jsonContender(child) {
  return {
    run: (order) => child.ask(JSON.stringify(order)),
    peakMemory: () => child.peakMemory(),
    processorSeconds: () => child.processorSeconds(),
    stop: () => child.stop(),
    kill: () => child.kill(),
  };
}

/** The plain C++ loop: one wave an item. */
export async function startPlainLoop(bench, { cells, sequences, layout, flash = 'auto', type = 'f16' }) {
  const child = await Child.start(bench.peers['plain-loop'], [
    bench.model.path,
    String(bench.threads),
    String(cells),
    String(sequences),
    String(bench.gpu === 'off' ? 512 : 2048),
    layout,
    type,
    flash,
    String(bench.gpu === 'off' ? 0 : 99),
  ]);
  const runItems = (items, { tokens, temperature, seed }) => {
    child.tell('clear');
    for (const [wave, { groups }] of items.entries()) {
      for (const { samples, prompt } of groups) child.tell(`group ${wave} ${samples} ${prompt.join(' ')}`);
    }
    return child.ask(`run ${tokens} ${temperature} ${seed}`);
  };
  return {
    run: async (order) => {
      const items = itemsOf(bench.work, order);
      if (order.run !== 'check') return runItems(items, order);
      // It tells the text of the first wave alone.
      const texts = [];
      for (const item of items) texts.push((await runItems([item], order)).textHex);
      return { texts };
    },
    peakMemory: () => child.peakMemory(),
    processorSeconds: () => child.processorSeconds(),
    stop: () => child.stop(),
    kill: () => child.kill(),
  };
}

/** llama-server, used in the way that `usage` names. */
export async function startServer(bench, { usage, ...settings }) {
  const server = await LlamaServer.start(bench.peers['llama-server'], {
    model: bench.model.path,
    threads: settings.threads ?? bench.threads,
    gpuLayers: bench.gpu === 'off' ? 0 : 99,
    settings,
    usage,
  });
  // Prompts whose texts are checked come one at a time: cells that suffice for the work may not hold all of them.
  const slotsFor = ({ run }) => (run === 'check' ? 1 : settings.slots);
  return {
    run: (order) =>
      order.run === 'embed'
        ? server.embed(bench.work.texts.slice(0, order.texts), settings)
        : server.run(itemsOf(bench.work, order), { ...order, slots: slotsFor(order) }),
    peakMemory: () => server.peakMemory(),
    processorSeconds: () => server.processorSeconds(),
    stop: () => server.stop(),
    kill: () => server.kill(),
  };
}
