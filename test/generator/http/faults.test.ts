// The table of faults in docs/inference-server.md, each line tried on stand-ins: a clear error, or a retry that is counted.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { GenerationRequest } from '../../../src/generator/generator.js';
import { loadHttpEmbedder } from '../../../src/generator/http/http-embedder.js';
import { loadHttpGenerator } from '../../../src/generator/http/http-generator.js';
import type { HttpOptions, RetryNote } from '../../../src/generator/http/http-options.js';
import type { Plan } from '../../../src/generator/plan.js';
import { byLength, responsesOf } from '../../../src/testing/fake-chains.js';
import { NOT_BUILT, pgenrm } from '../../support/cli-process.js';
import { freePort } from '../../support/llama-server.js';
import { temporaryFolder, writeGoodRows } from '../../support/preference-file.js';
import { type Fault, type StandInOptions, startStandIn } from '../../support/stand-in-server.js';

const ROUTE = '/v1/completions';
const request = (changes: Partial<GenerationRequest> = {}): GenerationRequest => ({
  prompt: [{ text: 'Some words to continue.', trusted: false }],
  seeds: [5],
  sampling: { temperature: 1, topP: 1, minP: 0 },
  maxTokens: 12,
  ...changes,
});

// biome-ignore lint/suspicious/noExplicitAny: answers are made wrong
const wrong = (change: (answer: any) => void): Fault => ({
  change: (answer) => {
    const copy = structuredClone(answer);
    change(copy);
    return copy;
  },
});

/** Generates on a vLLM stand-in whose nth sample has the nth fault. */
async function withFaults(
  faults: readonly (Fault | undefined)[],
  changes: Partial<GenerationRequest> = {},
  more: Partial<HttpOptions> = {},
) {
  await using server = await startStandIn({
    kind: 'vllm',
    fault: (path, nth) => (path === ROUTE ? faults[nth] : undefined),
  });
  const reasons: RetryNote['reason'][] = [];
  const onRetry = ({ reason }: RetryNote) => void reasons.push(reason);
  await using generator = await loadHttpGenerator({
    urls: [server.url],
    patienceMs: 2_000,
    onRetry,
    ...more,
  });
  const outcome = await generator.generate(request(changes)).then(
    ({ samples }) => ({ text: samples[0]!.text, error: null }),
    (error: { code: string; message: string }) => ({ text: null, error }),
  );
  return { ...outcome, reasons, counted: generator.info.details.repeated };
}

const refused = (options: Partial<StandInOptions>, more: Partial<HttpOptions> = {}) =>
  startStandIn({ kind: 'vllm', ...options }).then(async (server) => {
    await using _ended = server;
    const loaded = loadHttpGenerator({ urls: [server.url], patienceMs: 500, ...more });
    return await loaded.then(
      (generator) => generator.close().then(() => ({ code: 'none', message: '' })),
      (error: { code: string; message: string }) => error,
    );
  });

/** What happens, by the line of the table. */
const LINES: Readonly<Record<string, () => Promise<void>>> = {
  'is not there when the run begins': async () => {
    const port = await freePort();
    const began = performance.now();
    await expect(loadHttpGenerator({ urls: [`http://127.0.0.1:${port}`] })).rejects.toMatchObject({
      code: 'GENERATOR_UNAVAILABLE',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
    expect(performance.now() - began).toBeLessThan(6_000);
  },
  'loads its model (503)': async () => {
    const loading = (path: string, nth: number): Fault | undefined =>
      path === '/v1/models' && nth < 3 ? { status: 503, headers: { 'retry-after-ms': '10' } } : undefined;
    expect(await refused({ fault: loading }, { patienceMs: 5_000 })).toMatchObject({ code: 'none' });
    const always = await refused({ fault: () => ({ status: 503, headers: { 'retry-after-ms': '50' } }) });
    expect(always).toMatchObject({ code: 'GENERATOR_UNAVAILABLE', message: expect.stringContaining('503') });
  },
  'is no inference server, answers with a web page': async () => {
    const page = { status: 200, body: '<!DOCTYPE html><html>hello</html>' };
    expect((await refused({ fault: () => page })).message).toMatch(/web page.*is it an inference server/);
    const { error, reasons } = await withFaults([page]);
    expect(error!.message).toContain('web page');
    expect(reasons).toEqual([]);
  },
  'has another model, or several servers differ': async () => {
    expect(await refused({ model: 'one' }, { model: 'other' })).toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: expect.stringMatching(/has one, not other/),
    });
    await using one = await startStandIn({ kind: 'vllm', model: 'one' });
    await using other = await startStandIn({ kind: 'vllm', model: 'other' });
    await expect(loadHttpGenerator({ urls: [one.url, other.url] })).rejects.toThrow(/model \(one, other\)/);
  },
  'has too short a context': async () => {
    const error = await refused({ context: 600 }, { contextTokens: 4_000 });
    expect(error).toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('at most the 600'),
    });
    const { error: late } = await withFaults([], { maxTokens: 5_000 });
    expect(late).toMatchObject({ code: 'CONTEXT_OVERFLOW' });
  },
  'refuses the key': async () => {
    const error = await refused({ key: 'sesame' }, { apiKey: 'another-key' });
    expect(error).toMatchObject({ code: 'GENERATOR_UNAVAILABLE' });
    expect(`${error.message}${JSON.stringify(error)}`).not.toContain('another-key');
  },
  'is full (429, 503)': async () => {
    const full = (status: number): Fault => ({ status, headers: { 'retry-after-ms': '5' } });
    const { text, reasons, counted } = await withFaults([full(429), full(503)]);
    expect(text).toBe((await withFaults([])).text);
    expect(reasons).toEqual(['busy', 'busy']);
    expect(counted).toMatchObject({ busy: 2 });
  },
  'hangs up, or cuts a stream': async () => {
    let told = '';
    const onText = ({ text }: { text: string }) => {
      told += text;
    };
    const { text, reasons } = await withFaults(['hang up', 'cut the stream'], { onText });
    expect(reasons).toEqual(['connection', 'connection']);
    expect(text).toBe((await withFaults([])).text);
    expect(told).toBe(text);
  },
  'fails (5xx)': async () => {
    const broken: Fault = { status: 500, body: 'broken' };
    const { error, counted } = await withFaults([broken, broken, broken]);
    expect(error).toMatchObject({ code: 'DECODE_FAILED', message: expect.stringContaining('500') });
    expect(counted).toMatchObject({ server: 2 });
    if (NOT_BUILT !== null) return;
    const folder = await temporaryFolder();
    const data = await writeGoodRows(join(folder, 'rows.jsonl'), 2);
    const words = (_: number, prompt: string) =>
      byLength({ responses: responsesOf(prompt) }).split(/(?<=\n)/);
    await using server = await startStandIn({
      ...{ kind: 'vllm', context: 8192, words },
      fault: (path, nth) => (path === ROUTE && nth < 3 ? broken : undefined),
    });
    const out = join(folder, 'out.jsonl');
    const score = [
      'score',
      data,
      '--engine-url',
      server.url,
      '--decoding',
      'free',
      '--concurrency',
      '1',
      '--out',
      out,
    ];
    expect((await pgenrm(score)).code).not.toBe(0);
    const again = await pgenrm([...score, '--resume', '--retry-failed']);
    expect(again.code, again.stderr).toBe(0);
    const lines = (await readFile(out, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ status }) => status)).toEqual(['scored', 'scored']);
  },
  'does not answer within 10 minutes': async () => {
    const silent: Fault = 'never answer';
    expect((await withFaults([silent], {}, { timeoutMs: 200 })).reasons).toEqual(['timeout']);
    const { error } = await withFaults([silent, silent], {}, { timeoutMs: 200 });
    expect(error).toMatchObject({ code: 'DECODE_FAILED', message: expect.stringContaining('200 ms') });
  },
  'gives no choice, two choices, a text of null, counts that cannot be right': async () => {
    for (const change of [
      wrong((answer) => answer.choices.pop()),
      wrong((answer) => answer.choices.push(answer.choices[0])),
      wrong((answer) => (answer.choices[0].text = null)),
      wrong((answer) => (answer.usage.prompt_tokens += 1)),
      wrong((answer) => (answer.usage.completion_tokens = 99)),
    ]) {
      const once = await withFaults([change]);
      expect(once.reasons).toEqual(['answer']);
      expect(once.text).toBe((await withFaults([])).text);
      const { error, counted } = await withFaults([change, change, change]);
      expect(error).toMatchObject({ code: 'DECODE_FAILED', message: expect.stringContaining('must have') });
      expect(counted).toMatchObject({ answer: 2 });
    }
  },
  'tells no log-probabilities of a choice (guided chains)': async () => {
    const plan: Plan = { parts: [{ kind: 'choice', name: 'score', texts: ['1', '2'], terminator: '\n' }] };
    const { prompt, seeds, sampling } = request();
    const nothing = wrong((answer) => (answer.choices[0].logprobs = null));
    const nulls = wrong((answer) => {
      const [top] = answer.choices[0].logprobs.top_logprobs;
      for (const name of Object.keys(top)) top[name] = null;
    });
    for (const [faults, ends] of [
      [[nothing], null],
      [[nulls], null],
      [[nulls, nulls, nulls], /log-probabilit/],
    ] as const) {
      await using server = await startStandIn({
        kind: 'vllm',
        fault: (path, nth) => (path === ROUTE ? faults[nth] : undefined),
      });
      await using generator = await loadHttpGenerator({ urls: [server.url] });
      const planned = generator.generatePlanned!({ prompt, seeds, sampling, plan });
      if (ends !== null) await expect(planned).rejects.toThrow(ends);
      else expect((await planned).samples[0]!.parts[0]!.probabilities).toHaveLength(2);
      expect(generator.info.details.repeated).toMatchObject({ answer: Math.min(2, faults.length) });
    }
  },
  'gives too few embeddings, or ones that are no vectors': async () => {
    const few = wrong((answer) => answer.data.pop());
    await using server = await startStandIn({
      kind: 'openai',
      fault: (path, nth) => (path === '/v1/embeddings' && nth >= 10 ? few : undefined),
    });
    await using embedder = await loadHttpEmbedder({ url: server.url });
    await expect(embedder.embed(['one', 'two'])).rejects.toMatchObject({
      code: 'DECODE_FAILED',
      message: expect.stringContaining('2 embeddings'),
    });
  },
  'dies during the run': async () => {
    const one = await startStandIn({ kind: 'vllm', delay: 20 });
    await using other = await startStandIn({ kind: 'vllm', delay: 20 });
    await using generator = await loadHttpGenerator({ urls: [one.url, other.url], patienceMs: 10_000 });
    const asked = Array.from({ length: 12 }, (_, user) =>
      generator.generate(request({ affinity: `user ${user}`, seeds: [1, 2, 3] })),
    );
    await new Promise((resolve) => setTimeout(resolve, 10));
    await one[Symbol.asyncDispose]();
    expect((await Promise.all(asked)).flatMap(({ samples }) => samples)).toHaveLength(36);
  },
  'all die': async () => {
    const server = await startStandIn({ kind: 'vllm' });
    await using generator = await loadHttpGenerator({ urls: [server.url], patienceMs: 300 });
    await server[Symbol.asyncDispose]();
    await expect(generator.generate(request())).rejects.toMatchObject({
      code: 'GENERATOR_UNAVAILABLE',
      message: expect.stringContaining(server.url),
    });
  },
};

describe('the table of faults', () => {
  it('has the lines that are tried here, and no other', async () => {
    const page = await readFile('docs/inference-server.md', 'utf8');
    const table = page.slice(page.indexOf('| the server | what happens |')).split('\n\n')[0]!;
    const lines = table
      .split('\n')
      .slice(2)
      .filter((line) => line.startsWith('|'));
    expect(lines.map((line) => line.split('|')[1]!.trim())).toEqual(Object.keys(LINES));
  });

  it.each(Object.entries(LINES))('a server that %s', (_, tries) => tries(), 60_000);
});
