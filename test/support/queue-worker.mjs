// A worker of a queue with a generator that needs no model, which counts as lost soon; started by `queue-workers.ts`.
// PGENRM_WORKER holds the modules' addresses and how the worker behaves.

const given = JSON.parse(process.env.PGENRM_WORKER);
const { address, delayMs, concurrency, timeout, killRows = [], hangRows = [], brokenRows = [] } = given;
const { clockMs = 0, version, lostAfter, model = 'sha-of-nano', template, contextTokens } = given;

if (clockMs !== 0) {
  // This machine's clock is wrong.
  const right = Date.now;
  Date.now = () => right() + clockMs;
}

const [{ work }, { RewardModel }, { FakeGenerator }, { byLength }] = await Promise.all(
  given.modules.map((module) => import(module)),
);

const queryOf = (prompt) =>
  Number(/query (\d+) end/.exec(prompt.split('[The Start of User Input]')[1] ?? prompt)?.[1]);
const script = (sample) => {
  const row = queryOf(sample.prompt);
  if (killRows.includes(row)) process.kill(process.pid, 'SIGKILL');
  if (brokenRows.includes(row)) throw new Error(`row ${row} breaks the generator`);
  return byLength(sample);
};
const generator = new FakeGenerator({
  script,
  delayMs: (prompt) => (hangRows.includes(queryOf(prompt)) ? 600_000 : delayMs),
  ...(contextTokens === undefined ? {} : { contextTokens }),
  ...(version === undefined ? {} : { info: { version } }),
});
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort(new Error('asked to stop')));
const loaded = await RewardModel.over(generator, {
  modelSha256: model,
  ...(template === undefined ? {} : { template }),
});
try {
  await work({
    address,
    model: loaded,
    signal: stop.signal,
    lostAfter,
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(timeout === undefined ? {} : { timeout }),
    onEvent: (event) => process.stdout.write(`${JSON.stringify(event)}\n`),
  });
} catch (error) {
  process.stdout.write(`${JSON.stringify({ type: 'ended', code: error.code, message: error.message })}\n`);
  process.exitCode = 1;
}
// A generator that hangs is left behind.
process.exit();
