import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ErrorCode, PgenrmError } from '../../src/errors.js';
import type { Generation, GenerationRequest, Prompt, TextPiece } from '../../src/generator/generator.js';
import type { TokenGenerator } from '../../src/generator/llama/llama-info.js';
import { loadPortableGenerator } from '../../src/generator/portable/portable-generator.js';
import { promptOf } from '../support/prompt-of.js';
import { randomBert, randomModel } from '../support/random-model.js';

const GREEDY = { temperature: 0, topP: 1, minP: 0 };
const FREE = { temperature: 1, topP: 1, minP: 0 };
const ASKED = { seeds: [1], sampling: GREEDY, maxTokens: 24 };
const CONTROL = ['<|assistant|>', '<|end|>', '<|system|>', '<|user|>'];

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('it should have failed'),
    (error: unknown) => error,
  );
}

async function expectCode(promise: Promise<unknown>, code: ErrorCode, ...parts: string[]): Promise<void> {
  const error = await failure(promise);
  expect(error).toBeInstanceOf(PgenrmError);
  expect(error).toMatchObject({ code });
  for (const part of parts) expect((error as PgenrmError).message).toContain(part);
}

async function load(
  changes: Parameters<typeof randomModel>[0] = {},
  more: object = {},
): Promise<TokenGenerator> {
  const modelPath = await randomModel(changes);
  return loadPortableGenerator({ modelPath, gpu: 'off', threads: 1, maxSequences: 2, ...more });
}

describe('portable generator', () => {
  let generator: TokenGenerator;
  let prompt: Prompt;

  beforeAll(async () => {
    generator = await load();
    prompt = promptOf('The quick brown fox is an animal of taste.');
  });

  afterAll(async () => {
    await generator[Symbol.asyncDispose]();
  });

  function ask(changes: Partial<GenerationRequest> = {}): Promise<Generation> {
    return generator.generate({ prompt, ...ASKED, ...changes });
  }

  it('states what it runs and why', () => {
    expect(generator.info).toMatchObject({
      kind: 'portable',
      backend: 'cpu',
      details: { threads: 1 },
      samplesAtOnce: 2,
    });
    expect(generator.info.contextTokens).toBe(1024);
    expect(generator.info.choices.join('\n')).toMatch(
      /CPU chosen[\s\S]*context of 1024 tokens[\s\S]*1 CPU thread/,
    );
    expect(generator.model).toMatchObject({ trainedContext: 1024 });
    expect(generator.model.parameters).toBeGreaterThan(100_000);
    expect(generator.model.chatTemplate).toContain('add_generation_prompt');
    expect(generator.model.metadata.get('general.architecture')).toBe('llama');
    expect(generator.model.metadata.get('llama.block_count')).toBe('2');
  });

  it('writes the same greedy text for every sample, again and again', async () => {
    const first = await ask({ seeds: [1, 2, 3] });
    const again = await ask({ seeds: [9] });
    const texts = [...first.samples, ...again.samples].map(({ text }) => text);
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]!.length).toBeGreaterThan(0);
  });

  it('gives a seed the same text each time, and another seed another one', async () => {
    const seeds = [0, 1, 2, 2 ** 32 - 1];
    const first = await ask({ seeds, sampling: FREE });
    const again = await ask({ seeds: [...seeds].reverse(), sampling: FREE });
    const texts = first.samples.map(({ text }) => text);
    expect(new Set(texts).size).toBe(seeds.length);
    expect(again.samples.map(({ text }) => text).reverse()).toEqual(texts);
    expect(first.samples.map(({ seed }) => seed)).toEqual(seeds);
    expect(first.samples.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
  });

  it('narrows the choice with a small nucleus and with min-p', async () => {
    const [greedy] = (await ask()).samples;
    for (const sampling of [
      { temperature: 1, topP: 1e-6, minP: 0 },
      { temperature: 1, topP: 1, minP: 1 },
    ]) {
      const { samples } = await ask({ sampling, seeds: [5, 6] });
      expect(samples.map(({ text }) => text)).toEqual([greedy!.text, greedy!.text]);
    }
  });

  it('stops at the most tokens asked for and counts them', async () => {
    for (const maxTokens of [1, 2, 7]) {
      const { samples, usage } = await ask({ maxTokens, sampling: FREE, seeds: [3, 4, 5] });
      for (const { tokens, finish } of samples) {
        expect(tokens).toBeLessThanOrEqual(maxTokens);
        if (tokens < maxTokens) expect(finish).toBe('endOfGeneration');
        else expect(['length', 'endOfGeneration']).toContain(finish);
      }
      expect(usage.generatedTokens).toBe(samples.reduce((sum, { tokens }) => sum + tokens, 0));
    }
  });

  it('draws no ending token before the least number of tokens', async () => {
    const request = { seeds: [1, 2, 3, 4], sampling: FREE, grammar: 'root ::= "a"*' };
    const free = await ask(request);
    expect(free.samples.some(({ finish }) => finish === 'endOfGeneration')).toBe(true);
    const long = await ask({ ...request, minTokens: 24 });
    for (const sample of long.samples) expect(sample).toMatchObject({ tokens: 24, finish: 'length' });
    // Where the grammar allows nothing but the end, the end it is.
    const held = await ask({ ...request, grammar: 'root ::= "yes" | "no"', minTokens: 24 });
    for (const { text } of held.samples) expect(['yes', 'no']).toContain(text);
    await expectCode(ask({ minTokens: 25 }), 'INVALID_OPTION', 'minTokens');
  });

  it('reports text as it is written, in which no stop string ever shows', async () => {
    const [whole] = (await ask({ maxTokens: 40 })).samples;
    const at = Math.floor(whole!.text.length / 2);
    for (const stop of [[], [whole!.text.slice(at, at + 3)]]) {
      const pieces: TextPiece[] = [];
      const { samples } = await ask({
        seeds: [1, 2, 3],
        maxTokens: 40,
        stop,
        onText: (piece) => pieces.push(piece),
      });
      for (const { index, text } of samples) {
        const own = pieces.filter((piece) => piece.index === index);
        expect(own.map((piece) => piece.text).join('')).toBe(text);
        expect(own.length).toBeGreaterThan(1);
      }
    }
    const onText = (): void => {
      throw new Error('listener');
    };
    await expect(ask({ onText })).rejects.toThrow('listener');
  });

  it('ends a text where a stop string begins, also across tokens', async () => {
    const [whole] = (await ask({ maxTokens: 40 })).samples;
    const at = Math.floor(whole!.text.length / 2);
    const stop = whole!.text.slice(at, at + 3);
    const { samples } = await ask({ maxTokens: 40, stop: ['never appears', stop] });
    expect(samples[0]!.finish).toBe('stop');
    expect(samples[0]!.text).toBe(whole!.text.slice(0, whole!.text.indexOf(stop)));
    expect(samples[0]!.tokens).toBeLessThan(whole!.tokens);
  });

  it('ends at the end-of-generation token, whose text is not shown', async () => {
    const { samples } = await ask({
      grammar: 'root ::= "yes" | "no"',
      sampling: FREE,
      seeds: [1, 2, 3, 4],
    });
    for (const { text, finish } of samples) {
      expect(['yes', 'no']).toContain(text);
      expect(finish).toBe('endOfGeneration');
    }
  });

  it('shows the text of user-defined tokens and hides control tokens', async () => {
    const seeds = Array.from({ length: 24 }, (_, index) => index);
    const { samples } = await ask({ seeds, sampling: { temperature: 3, topP: 1, minP: 0 }, maxTokens: 120 });
    const text = samples.map((sample) => sample.text).join('\n');
    expect(text).toMatch(/<JSON_(?:START|END)>/);
    for (const name of CONTROL) expect(text).not.toContain(name);
  });

  it('holds a grammar from its trigger on and leaves the text before it free', async () => {
    const { samples } = await ask({
      seeds: [1, 2, 3, 4, 5, 6],
      sampling: FREE,
      grammar: 'root ::= "=" [0-9]+ "."',
      grammarTrigger: 'e',
      maxTokens: 200,
    });
    const triggered = samples.filter(({ text }) => text.includes('e'));
    expect(triggered.length).toBeGreaterThan(0);
    for (const { text } of triggered) expect(text.slice(text.indexOf('e') + 1)).toMatch(/^=[0-9]*\.?$/);
    expect(triggered.some(({ text }) => text.indexOf('e') > 1)).toBe(true);
  });

  it('cuts a token that reaches past the trigger, so that the grammar holds from there', async () => {
    const trigger = '<JSON_ST';
    const { samples } = await ask({
      seeds: Array.from({ length: 24 }, (_, index) => index),
      sampling: { temperature: 3, topP: 1, minP: 0 },
      grammar: 'root ::= "{}"',
      grammarTrigger: trigger,
      maxTokens: 120,
    });
    const triggered = samples.filter(({ text }) => text.includes(trigger));
    expect(triggered.length).toBeGreaterThan(0);
    for (const { text, finish } of triggered) {
      const rest = text.slice(text.indexOf(trigger) + trigger.length);
      if (finish === 'endOfGeneration') expect(rest).toBe('{}');
      else expect('{}'.startsWith(rest)).toBe(true);
    }
  });

  it('refuses a grammar that does not parse and prints nothing', async () => {
    const err = vi.spyOn(process.stderr, 'write');
    await expectCode(ask({ grammar: 'root ::= undefined-rule' }), 'GRAMMAR_INVALID', 'undefined-rule');
    await expectCode(ask({ grammar: 'start ::= "a"' }), 'GRAMMAR_INVALID', 'root');
    await expectCode(ask({ grammar: 'root ::= <think>' }), 'GRAMMAR_INVALID', 'number');
    await expectCode(ask({ grammar: 'root ::= root "a"' }), 'GRAMMAR_INVALID', 'left recursion');
    expect(err).not.toHaveBeenCalled();
    err.mockRestore();
    await expect(ask({ grammar: 'root ::= "a"' })).resolves.toBeDefined();
  });

  it('decodes a shared prompt once a sequence and says what it decoded', async () => {
    const fresh = promptOf('A prompt that no earlier test has used, rather long, to be shared.');
    const first = await ask({ prompt: fresh, seeds: [1], maxTokens: 4 });
    const count = await generator.countTokens(fresh);
    expect(first.usage.promptTokens).toBe(count);
    expect(first.usage.decodedPromptTokens).toBe(count);
    const again = await ask({ prompt: fresh, seeds: [2], maxTokens: 4 });
    expect(again.usage.decodedPromptTokens).toBe(1);
    const more = generator.tokensOf(prompt);
    const longer = Int32Array.from([...generator.tokensOf(fresh), ...more]);
    const extended = await generator.generateFrom(longer, { ...ASKED, seeds: [2], maxTokens: 4 });
    expect(extended.usage.decodedPromptTokens).toBe(more.length);
    expect(extended.usage.prefillMs).toBeLessThanOrEqual(extended.usage.totalMs);
  });

  it('gives the same text with a reused prompt as with a new one', async () => {
    const text = 'Some prompt that is continued in two ways; the first one fills the memory.';
    const reused = promptOf(text);
    await ask({ prompt: promptOf(`${text} And more of it, much more.`), maxTokens: 30 });
    const warm = await ask({ prompt: reused });
    const other = await load();
    try {
      const cold = await other.generate({ prompt: reused, seeds: [1], sampling: GREEDY, maxTokens: 24 });
      expect(warm.samples[0]!.text).toBe(cold.samples[0]!.text);
    } finally {
      await other[Symbol.asyncDispose]();
    }
  });

  it('decodes prompts of several batches', async () => {
    const long = new Int32Array(900).map((_, index) => 97 + (index % 26));
    const { usage, samples } = await generator.generateFrom(long, { ...ASKED, maxTokens: 3 });
    expect(usage.promptTokens).toBe(900);
    expect(samples[0]!.tokens).toBeGreaterThan(0);
  });

  it('answers overlapping requests each once, short ones not after a long one', async () => {
    const order: string[] = [];
    const long = ask({ seeds: Array.from({ length: 12 }, (_, i) => i), sampling: FREE, maxTokens: 60 });
    const short = ask({ seeds: [7], maxTokens: 4 });
    void long.then(() => order.push('long'));
    void short.then(() => order.push('short'));
    const [longer, shorter] = await Promise.all([long, short]);
    expect(longer.samples).toHaveLength(12);
    expect(shorter.samples).toHaveLength(1);
    expect(order).toEqual(['short', 'long']);
  });

  it('gives turns on one sequence, so that a short request need not wait for all of a long one', async () => {
    const single = await load({}, { maxSequences: 1 });
    try {
      const order: string[] = [];
      const run = (name: string, text: string, samples: number): Promise<Generation> =>
        single.generate({
          prompt: promptOf(text),
          seeds: Array.from({ length: samples }, (_, index) => index),
          sampling: FREE,
          maxTokens: 8,
          onSample: () => order.push(name),
        });
      const [long] = await Promise.all([run('long', 'A long request.', 24), run('short', 'Another one.', 1)]);
      expect(order.indexOf('short')).toBe(8);
      // One turn before the other request, the rest after it: the prompt is decoded twice and no more.
      const promptTokens = long.usage.promptTokens;
      expect(long.usage.decodedPromptTokens).toBeLessThanOrEqual(2 * promptTokens + 24);
    } finally {
      await single[Symbol.asyncDispose]();
    }
  });

  it('reports each sample as it ends', async () => {
    const seen: number[] = [];
    const { samples } = await ask({
      seeds: [4, 5, 6],
      sampling: FREE,
      onSample: (sample) => seen.push(sample.index),
    });
    expect([...seen].sort()).toEqual([0, 1, 2]);
    expect(samples.map(({ elapsedMs }) => elapsedMs > 0)).toEqual([true, true, true]);
  });

  it('ends the request when the callback throws, and goes on with others', async () => {
    const broken = ask({
      onSample: () => {
        throw new TypeError('callback broke');
      },
    });
    await expect(broken).rejects.toThrow('callback broke');
    await expect(ask()).resolves.toBeDefined();
  });

  it('stops at once when aborted and leaves the others alone', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    let samples = 0;
    const aborted = ask({
      seeds: Array.from({ length: 200 }, (_, index) => index),
      sampling: FREE,
      maxTokens: 200,
      signal: controller.signal,
      onSample: () => {
        samples++;
        controller.abort(reason);
      },
    });
    const other = ask({ seeds: [3] });
    await expect(aborted).rejects.toBe(reason);
    expect((await other).samples).toHaveLength(1);
    const seen = samples;
    await ask();
    expect(samples).toBe(seen);
    expect(seen).toBeLessThan(5);
  });

  it('does not start what is aborted already', async () => {
    const reason = new Error('too late');
    await expect(ask({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it.each([
    ['no piece', { prompt: [] }, 'INVALID_OPTION', 'prompt'],
    ['an empty prompt', { prompt: promptOf('') }, 'INVALID_OPTION', 'prompt'],
    ['a prompt that is no list', { prompt: 'x' as never }, 'INVALID_OPTION', 'pieces'],
    ['a piece without trust', { prompt: [{ text: 'x' }] as never }, 'INVALID_OPTION', 'trusted'],
    ['no seeds', { seeds: [] }, 'INVALID_OPTION', 'seed'],
    ['a seed out of range', { seeds: [2 ** 32] }, 'INVALID_OPTION', '4294967296'],
    ['a broken seed', { seeds: [1.5] }, 'INVALID_OPTION', '1.5'],
    ['no new tokens', { maxTokens: 0 }, 'INVALID_OPTION', 'maxTokens'],
    [
      'a temperature out of range',
      { sampling: { ...FREE, temperature: -1 } },
      'INVALID_OPTION',
      'temperature',
    ],
    [
      'a temperature that is none',
      { sampling: { ...FREE, temperature: Number.NaN } },
      'INVALID_OPTION',
      'NaN',
    ],
    ['a nucleus of nothing', { sampling: { ...FREE, topP: 0 } }, 'INVALID_OPTION', 'topP'],
    ['a min-p above one', { sampling: { ...FREE, minP: 1.1 } }, 'INVALID_OPTION', 'minP'],
    ['an empty stop string', { stop: [''] }, 'INVALID_OPTION', 'stop'],
    ['a trigger without a grammar', { grammarTrigger: 'x' }, 'INVALID_OPTION', 'grammarTrigger'],
    ['more than the context holds', { maxTokens: 1024 }, 'CONTEXT_OVERFLOW', '1024'],
  ] as const)('refuses %s', async (_, changes, code, part) => {
    await expectCode(ask(changes), code, part);
  });

  it('accepts a request that fills the context to its last token', async () => {
    const full = new Int32Array(1000).fill(97);
    const { samples } = await generator.generateFrom(full, { ...ASKED, maxTokens: 24, stop: [] });
    for (const stray of [-1, 100_000]) {
      await expectCode(generator.generateFrom(Int32Array.of(5, stray), ASKED), 'INVALID_OPTION', `${stray}`);
    }
    expect(samples[0]!.tokens).toBeLessThanOrEqual(24);
  });
});

describe('tokenizer of the portable generator', () => {
  let generator: TokenGenerator;
  beforeAll(async () => {
    generator = await load();
  });
  afterAll(async () => {
    await generator[Symbol.asyncDispose]();
  });

  const count = (text: string, trusted: boolean): Promise<number> =>
    generator.countTokens([{ text, trusted }]);

  it('reads control tokens in a text as text, and in trusted text as tokens', async () => {
    for (const text of CONTROL) {
      expect(await count(text, true)).toBe(1);
      expect(await count(text, false)).toBeGreaterThan(1);
    }
    expect(await count('<|end|>a<|user|>', false)).toBeGreaterThan(10);
    expect(generator.model.eosToken).toBe('<|end|>');
  });

  it('matches user-defined tokens and adds nothing', async () => {
    expect(await count('<JSON_START>', false)).toBe(1);
    expect([...generator.tokensOf(promptOf('\n'))]).toEqual([10]);
  });
});

describe('disposal', () => {
  it('is safe twice and while it runs, and rejects what runs and what comes after', async () => {
    const generator = await load();
    const prompt = promptOf('Some words.');
    const request = { prompt, seeds: [1, 2, 3, 4, 5], sampling: FREE, maxTokens: 500 };
    const running = [failure(generator.generate(request)), failure(generator.generate(request))];
    await new Promise((resolve) => setTimeout(resolve, 5));
    await Promise.all([generator[Symbol.asyncDispose](), generator[Symbol.asyncDispose]()]);
    await generator[Symbol.asyncDispose]();
    for (const error of await Promise.all(running)) expect(error).toMatchObject({ code: 'DISPOSED' });
    await expectCode(generator.generate(request), 'DISPOSED');
  });

  it('works as `await using` does, with two generators at a time', async () => {
    const [one, two] = await Promise.all([load(), load({ seed: 2 })]);
    const ask = (generator: TokenGenerator): Promise<Generation> =>
      generator.generateFrom(Int32Array.of(97, 98, 99), { ...ASKED, maxTokens: 12 });
    const [first, second] = await Promise.all([ask(one), ask(two)]);
    expect(first.samples[0]!.text).not.toBe(second.samples[0]!.text);
    await one[Symbol.asyncDispose]();
    expect((await ask(two)).samples[0]!.text).toBe(second.samples[0]!.text);
    await two[Symbol.asyncDispose]();
  });
});

describe('loading', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pgenrm-portable-'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });
  const open = (modelPath: string, more: object = {}): Promise<TokenGenerator> =>
    loadPortableGenerator({ modelPath, gpu: 'off', threads: 1, ...more });

  it('reports progress up to the end and prints nothing', async () => {
    const out = vi.spyOn(process.stdout, 'write');
    const err = vi.spyOn(process.stderr, 'write');
    const shares: number[] = [];
    const generator = await open(await randomModel(), { onProgress: (share: number) => shares.push(share) });
    const { info } = generator;
    await generator[Symbol.asyncDispose]();
    expect(out).not.toHaveBeenCalled();
    expect(err).not.toHaveBeenCalled();
    vi.restoreAllMocks();
    expect(shares.at(-1)).toBe(1);
    expect(info.samplesAtOnce).toBe(1);
  });

  it('passes on what the progress callback throws', async () => {
    const broken = open(await randomModel(), {
      onProgress: () => {
        throw new RangeError('no bar');
      },
    });
    await expect(broken).rejects.toThrow('no bar');
  });

  it('says that a model is not there', async () => {
    await expectCode(open(join(folder, 'missing.gguf')), 'MODEL_NOT_FOUND', 'missing.gguf');
    await expectCode(open(folder), 'MODEL_NOT_FOUND', 'not a file');
  });

  it('says what is wrong with a file that is no model', async () => {
    const path = join(folder, 'page.gguf');
    await writeFile(path, '<!doctype html><html><body>Sign in to continue</body></html>');
    await expectCode(open(path), 'MODEL_UNUSABLE', 'web page');
  });

  it('says that a model is cut short', async () => {
    const path = join(folder, 'short.gguf');
    await copyFile(await randomModel(), path);
    const { truncate, stat } = await import('node:fs/promises');
    await truncate(path, (await stat(path)).size - 100);
    await expectCode(open(path), 'MODEL_UNUSABLE', 'cut short');
  });

  it('says that a model has no chat template', async () => {
    await using generator = await open(await randomModel({ chatTemplate: null }));
    expect(generator.model.chatTemplate).toBe('');
  });

  it('refuses an encoder', async () => {
    await expectCode(open(await randomBert()), 'MODEL_UNUSABLE', 'bert', 'encoder');
  });

  it('passes on why llama.cpp refuses a model', async () => {
    const path = join(folder, 'odd.gguf');
    const { readFile } = await import('node:fs/promises');
    const bytes = await readFile(await randomModel());
    const name = bytes.indexOf('blk.1.attn_q.weight');
    bytes.write('blk.1.attn_z.weight', name);
    await writeFile(path, bytes);
    await expectCode(open(path), 'MODEL_UNUSABLE', 'llama.cpp cannot load', 'blk.1.attn_q.weight');
  });

  it.each([
    [{ contextTokens: 10 }, 'contextTokens'],
    [{ contextTokens: 5000 }, '1024'],
    [{ maxSequences: 0 }, 'maxSequences'],
    [{ threads: 1.5 }, 'threads'],
    [{ gpu: 'rocm' }, 'rocm'],
  ])('refuses %o', async (more, part) => {
    await expectCode(open(await randomModel(), more), 'INVALID_OPTION', part);
  });

  it('rejects with the reason when aborted', async () => {
    const reason = new Error('changed my mind');
    await expect(open(await randomModel(), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const loading = open(await randomModel(), {
      signal: controller.signal,
      onProgress: () => controller.abort(reason),
    });
    await expect(loading).rejects.toBe(reason);
  });
});
