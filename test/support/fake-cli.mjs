// Runs pgenrm's command line with a generator that needs no model; started by `cli-process.ts`.
// PGENRM_FAKE holds the module's addresses and how the generator behaves.

const { runCli, rewardModel, fakeGenerator, fakeChains, delayMs, loseRows, failRows } = JSON.parse(
  process.env.PGENRM_FAKE,
);
const [{ runCli: run }, { RewardModel }, { FakeGenerator }, { byLength }] = await Promise.all(
  [runCli, rewardModel, fakeGenerator, fakeChains].map((address) => import(address)),
);

const script = (sample) => {
  const number = /query (\d+) end/.exec(sample.prompt.slice(sample.prompt.lastIndexOf('User Input')));
  const index = Number(
    /query (\d+) end/.exec(sample.prompt.split('[The Start of User Input]')[1])?.[1] ?? number?.[1],
  );
  if (loseRows?.includes(index)) return 'I would rather not say.';
  if (failRows?.includes(index)) throw new Error(`row ${index} breaks the generator`);
  return byLength(sample);
};

process.exitCode = await run(process.argv.slice(2), {
  loadModel: (options) =>
    RewardModel.over(new FakeGenerator({ delayMs, script }), {
      modelSha256: `sha-of-${options.model}`,
      ...(options.template === undefined ? {} : { template: options.template }),
    }),
});
