// Builds a bank in a process of its own with fakes, and kills itself at a given event; started by `build-killed.test.ts`.
// PGENRM_BUILD holds the modules' addresses and what to do.

const { modules, train, out, killAt, killAfterMs, seed } = JSON.parse(process.env.PGENRM_BUILD);
const [build, data, template, kernels, generator, embedder, chains] = await Promise.all(
  [
    modules.build,
    modules.data,
    modules.template,
    modules.kernels,
    modules.generator,
    modules.embedder,
    modules.chains,
  ].map((address) => import(address)),
);

let events = 0;
const kill = () => process.kill(process.pid, 'SIGKILL');
await build.buildBank({
  data: await data.openPreferenceData(train),
  out,
  judge: {
    sha256: 'a'.repeat(64),
    template: await template.resolveTemplate('compact'),
    load: async () => new generator.FakeGenerator({ script: chains.tellStyle }),
  },
  embedder: { sha256: 'b'.repeat(64), pooling: 'mean', load: async () => new embedder.FakeEmbedder() },
  kernels: await kernels.loadKernels({ force: 'reference' }),
  k: 4,
  seed,
  indexFrom: 10,
  concurrency: 3,
  onEvent: (event) => {
    events += 1;
    process.stdout.write(`${event.type} ${event.stage ?? ''}\n`);
    if (events !== killAt) return;
    if (killAfterMs === 0) kill();
    else setTimeout(kill, killAfterMs);
  },
});
