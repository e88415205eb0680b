// The worker in which judgments are made in the browser: the model, its prompts and the reading of chains.
// Knows the package; nothing of the page.
import { type Generator, loadBrowserGenerator, PgenrmError, RewardModel } from 'pgenrm';
import type { EngineFacts, JudgeAsk } from './engine.js';
import type { FromWorker, ToWorker } from './worker-messages.js';

/** Milliseconds between two looks at the text of a chain that is written. */
const LOOK_MS = 120;

let model: RewardModel | null = null;
let trained = true;
let stop = new AbortController();

const tell = (message: FromWorker): void => self.postMessage(message);

self.addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === 'stop') stop.abort();
  else if (data.type === 'load') answer(() => load(data));
  else answer(() => judge(data.ask));
});

async function answer(work: () => Promise<FromWorker>): Promise<void> {
  stop = new AbortController();
  const { signal } = stop;
  try {
    tell(await work());
  } catch (error) {
    if (signal.aborted) tell({ type: 'stopped' });
    else if (error instanceof PgenrmError) {
      tell({ type: 'failed', failure: { code: error.code, message: error.message } });
    } else tell({ type: 'failed', failure: { code: 'INTERNAL', message: String(error) } });
  }
}

async function load({ at, files }: ToWorker & { type: 'load' }): Promise<FromWorker> {
  const { signal } = stop;
  await model?.close();
  model = null;
  const blobs = files ?? [await download(at.model, signal)];
  const name = files?.[0]?.name ?? at.model.slice(at.model.lastIndexOf('/') + 1);
  tell({ type: 'progress', progress: { phase: 'load', done: 0, total: 0 } });
  const generator = await loadBrowserGenerator({ model: blobs, name, wasmUrl: at.wllama, signal });
  model = await RewardModel.over(watched(generator), { kernelsUrl: at.kernels });
  trained = model.decoding.trained;
  return { type: 'loaded', facts: factsOf(generator) };
}

function factsOf({ info, model: { name, description } }: Generator): EngineFacts {
  const untrained =
    'Nothing says that this model was trained on the form of evaluation chains: a grammar holds it to the form, and its scores may mean little.';
  return {
    model: `${name} (${description})`,
    runsOn: `this browser, ${info.engine} ${info.version}`,
    remarks: [...info.choices, ...(trained ? [] : [untrained])],
  };
}

async function judge({ input, individual, seed, temperature }: JudgeAsk): Promise<FromWorker> {
  if (model === null) throw new PgenrmError('DISPOSED', 'no model is loaded');
  const judgment = await model.judge(input, {
    individual,
    seed,
    temperature,
    ...(trained ? {} : { grammar: 'chain' as const }),
    signal: stop.signal,
    onEvent: (event) => {
      if (event.type === 'started') {
        const { promptTokens, usedEvents, droppedEvents } = event;
        tell({ type: 'started', promptTokens, usedEvents, droppedEvents });
      } else if (event.type === 'chain') tell({ type: 'chain', chain: event.chain });
    },
  });
  return { type: 'judged', judgment };
}

/** The generator, whose texts the page sees while they are written. */
function watched(generator: Generator): Generator {
  const texts = new Map<number, string>();
  let told = 0;
  return {
    info: generator.info,
    model: generator.model,
    countTokens: (prompt, options) => generator.countTokens(prompt, options),
    generate: (request) =>
      generator.generate({
        ...request,
        onText: ({ index, text }) => {
          const seed = request.seeds[index]!;
          const whole = (texts.get(seed) ?? '') + text;
          texts.set(seed, whole);
          if (performance.now() - told < LOOK_MS) return;
          told = performance.now();
          tell({ type: 'writing', seed, text: whole });
        },
        onSample: (sample) => {
          texts.delete(sample.seed);
          request.onSample?.(sample);
        },
      }),
    close: () => generator.close(),
    [Symbol.asyncDispose]: () => generator.close(),
  };
}

async function download(url: string, signal: AbortSignal): Promise<Blob> {
  const missing = (why: string): PgenrmError =>
    new PgenrmError(
      'MODEL_NOT_FOUND',
      `the model beside the page was not fetched (${why}): load the page again`,
    );
  const response = await fetch(url, { signal }).catch((error: unknown) => {
    throw signal.aborted ? signal.reason : missing(String(error));
  });
  if (!response.ok || response.body === null) throw missing(`${url} answers ${response.status}`);
  const total = Number(response.headers.get('content-length') ?? 0);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let done = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { value, done: ended } = await reader.read();
    if (ended) break;
    parts.push(value);
    done += value.byteLength;
    tell({ type: 'progress', progress: { phase: 'download', done, total } });
  }
  return new Blob(parts);
}
