// Embeddings of an inference server: those that this process makes, what a server can do wrong, and banks.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadEmbedder } from '../../../src/generator/choose.js';
import { loadHttpEmbedder } from '../../../src/generator/http/http-embedder.js';
import { packageFile } from '../../../src/package.js';
import { byLength, responsesOf } from '../../../src/testing/fake-chains.js';
import { NOT_BUILT, pgenrm } from '../../support/cli-process.js';
import { NO_LLAMA_SERVER, startLlamaServer } from '../../support/llama-server.js';
import { temporaryFolder } from '../../support/preference-file.js';
import { type Fault, type StandIn, startStandIn } from '../../support/stand-in-server.js';

const TEXTS = ['Short answers, please.', 'Long and careful essays on every subject.', 'Steps in order.'];

/** Requests by which a server is looked at. */
const LOOKS = 10;

function cosine(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, index) => sum + value * b[index]!, 0);
}

describe.skipIf(NO_LLAMA_SERVER !== null)(
  `embeddings of a llama-server (${NO_LLAMA_SERVER ?? 'built'})`,
  () => {
    it('are those of this process, and a text that is too long is said to be', async () => {
      const modelPath = packageFile('models', 'nano-embedder.gguf');
      const args = ['--embeddings', '--pooling', 'mean', '-kvu'];
      await using server = await startLlamaServer(modelPath, { slots: 2, context: 1024, args });
      await using there = await loadHttpEmbedder({ url: server.url });
      await using here = await loadEmbedder({ modelPath, pooling: 'mean', gpu: 'off', threads: 1 });
      const many = Array.from({ length: 40 }, (_, index) => `${TEXTS[index % 3]} ${index}`);
      const [one, other] = [await there.embed(many), await here.embed(many)];
      expect(one.dimension).toBe(other.dimension);
      const row = ({ vectors, dimension }: typeof one, at: number) =>
        vectors.subarray(at * dimension, (at + 1) * dimension);
      for (const at of [0, 1, 31, 32, 39])
        expect(cosine(row(one, at), row(other, at))).toBeGreaterThan(0.999);
      await expect(there.embed(['word '.repeat(4_000)])).rejects.toMatchObject({ code: 'CONTEXT_OVERFLOW' });
      await expect(there.embed([])).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    }, 60_000);

    it('are refused where texts beside each other change them', async () => {
      const args = ['--embeddings', '--pooling', 'mean', '-no-kvu'];
      const modelPath = packageFile('models', 'nano-embedder.gguf');
      await using server = await startLlamaServer(modelPath, { slots: 4, context: 1024, args });
      await expect(loadHttpEmbedder({ url: server.url })).rejects.toThrow(/cosine.*-kvu/);
    }, 60_000);
  },
);

describe('a server that embeds', () => {
  const asked = ({ requests }: StandIn) => requests.filter(({ path }) => path === '/v1/embeddings').length;
  // biome-ignore lint/suspicious/noExplicitAny: answers are made wrong
  const change = (make: (answer: any) => void): Fault => ({
    change: (answer) => {
      make(answer);
      return answer;
    },
  });

  it.each<[string, Fault]>([
    ['gives too few', change((answer) => answer.data.pop())],
    ['gives one twice', change((answer) => (answer.data[1].index = 0))],
    ['gives null', change((answer) => (answer.data[0].embedding = null))],
    ['gives what is no number', change((answer) => (answer.data[0].embedding[2] = null))],
    ['gives zeros', change((answer) => answer.data[0].embedding.fill(0))],
    ['hangs up', 'hang up'],
    ['is full', { status: 503, headers: { 'retry-after-ms': '5' } }],
  ])('%s: it is asked again', async (_, fault) => {
    await using server = await startStandIn({
      kind: 'openai',
      fault: (path, nth) => (path === '/v1/embeddings' && nth === LOOKS ? fault : undefined),
    });
    await using embedder = await loadHttpEmbedder({ url: server.url });
    const { vectors, dimension } = await embedder.embed(TEXTS);
    expect([vectors.length, dimension]).toEqual([24, 8]);
    expect(cosine(vectors.subarray(0, 8), vectors.subarray(0, 8))).toBeCloseTo(1, 5);
    expect(asked(server)).toBe(LOOKS + 2);
  });

  it('refuses the key without showing it, and names an address where nothing is', async () => {
    await using server = await startStandIn({ kind: 'openai', key: 'sesame' });
    const failure = await loadHttpEmbedder({ url: server.url, apiKey: 'another-key' }).catch(
      (error) => error,
    );
    expect(failure).toMatchObject({ code: 'GENERATOR_UNAVAILABLE' });
    expect(failure.message).not.toContain('another-key');
    await expect(loadHttpEmbedder({ url: 'http://127.0.0.1:9' })).rejects.toThrow(/127\.0\.0\.1:9/);
  });

  it.skipIf(NOT_BUILT !== null)(
    'makes a bank that is used with that server, and with no other embedder',
    async () => {
      await using server = await startStandIn({ kind: 'openai' });
      await using judge = await startStandIn({ kind: 'vllm', context: 8192, words: chains });
      const bank = join(await temporaryFolder(), 'bank');
      const data = 'examples/preferences.jsonl';
      const at = ['--engine-url', judge.url, '--model', 'nano'];
      const build = `bank build ${data} --limit 4 --k 2 --quiet --out ${bank} --embedder ${server.url}`;
      const built = await pgenrm([...build.split(' '), ...at]);
      expect(built.code, built.stderr).toBe(0);
      const { madeWith } = JSON.parse(await readFile(join(bank, 'manifest.json'), 'utf8'));
      expect(madeWith.embedder).toEqual({ sha256: null, pooling: 'server made-up', dimension: 8 });
      const score = `score ${data} --split test --limit 1 --ind 1 --pro 1 --bank ${bank}`.split(' ');
      const scored = await pgenrm([...score, ...at, '--embedder', server.url, '--out', `${bank}.jsonl`]);
      expect(scored.code, scored.stderr).toBe(0);
      const without = await pgenrm([...score, ...at, '--out', `${bank}-2.jsonl`]);
      expect(without.stderr).toMatch(/BANK_MISMATCH.*server/);
    },
    60_000,
  );
});

const chains = (_seed: number, prompt: string) =>
  byLength({ responses: responsesOf(prompt) }).split(/(?<=\n)/);
