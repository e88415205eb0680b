// The contenders of the generation benchmark: each in a process of its own, all with the same methods,
// `run(order)`, `peakMemory()` and `processorSeconds()`. Knows how each is started; the work and its timing are the workloads'.
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
  return {
    run: (order) => {
      child.tell('clear');
      for (const [wave, { groups }] of itemsOf(bench.work, order).entries()) {
        for (const { samples, prompt } of groups) child.tell(`group ${wave} ${samples} ${prompt.join(' ')}`);
      }
      return child.ask(`run ${order.tokens} ${order.temperature} ${order.seed}`);
    },
    peakMemory: () => child.peakMemory(),
    processorSeconds: () => child.processorSeconds(),
    stop: () => child.stop(),
  };
}

/** llama-server, used in the way that `usage` names. */
export async function startServer(bench, { usage, ...settings }) {
  const server = await LlamaServer.start(bench.peers['llama-server'], {
    model: bench.model.path,
    threads: bench.threads,
    gpuLayers: bench.gpu === 'off' ? 0 : 99,
    settings,
    usage,
  });
  return {
    run: (order) =>
      order.run === 'embed'
        ? server.embed(bench.work.texts.slice(0, order.texts), settings)
        : server.run(itemsOf(bench.work, order), { ...order, slots: settings.slots }),
    peakMemory: () => server.peakMemory(),
    processorSeconds: () => server.processorSeconds(),
    stop: () => server.stop(),
  };
}
