import { existsSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { Diagnosis } from '../../src/doctor/diagnosis.js';
import { diagnose, diagnosisText } from '../../src/doctor/doctor.js';
import type { KvCacheInfo } from '../../src/generator/native/native-info.js';
import { loadNativeBinding } from '../../src/native/load.js';
import { packageRoot } from '../../src/package.js';
import { temporaryFolder } from '../support/preference-file.js';
import { randomBert, randomModel } from '../support/random-model.js';

function withoutTrouble<T extends object>(part: T): Exclude<T, { trouble: unknown }> {
  if ('trouble' in part) expect.fail(JSON.stringify(part));
  return part as Exclude<T, { trouble: unknown }>;
}

describe('diagnose', () => {
  it('finds everything that a judgment needs, and prints nothing', async () => {
    const out = vi.spyOn(process.stdout, 'write');
    const err = vi.spyOn(process.stderr, 'write');
    const model = await randomModel();
    const diagnosis = await diagnose({ model, gpu: 'off' });
    const printed = out.mock.calls.length + err.mock.calls.length;
    vi.restoreAllMocks();
    expect(printed).toBe(0);
    expect(diagnosis.problems).toEqual([]);
    expect(diagnosis.package.root).toBe(packageRoot());
    expect(diagnosis.package.version).toMatch(/^\d+\.\d+\.\d+/);
    expect(diagnosis.machine).toMatchObject({ node: process.version, platform: process.platform });
    expect(diagnosis.machine.usableCores).toBeGreaterThan(0);
    expect(diagnosis.native.loaded).toBe(loadNativeBinding().binding !== null);
    expect(withoutTrouble(diagnosis.llama)).toMatchObject({ backend: 'cpu' });
    expect(withoutTrouble(diagnosis.kernels).reasons.length).toBeGreaterThan(0);
    expect(withoutTrouble(diagnosis.model)).toMatchObject({
      path: model,
      architecture: 'llama',
      hasChatTemplate: true,
      unusable: null,
      template: { name: 'standard', reason: expect.stringContaining('default') },
      embedder: { spec: model, reason: expect.stringContaining('the model itself') },
    });
    const { loaded, kind } = withoutTrouble(diagnosis.generator);
    expect(kind).toBe(diagnosis.native.loaded ? 'native' : 'portable');
    expect(loaded?.choices.length).toBeGreaterThan(2);
    if (kind === 'native') {
      const { cells, flashAttention, attention } = loaded!.kvCache!;
      expect(loaded?.kvCache).toMatchObject({ type: 'f16' });
      expect(cells).toBeGreaterThan(0);
      const by = attention === 'pgenrm' ? "pgenrm's attention" : `flash attention ${flashAttention}`;
      expect(diagnosisText(diagnosis)).toContain(`${cells} cells of f16; ${by}\n`);
    }
  });

  it.skipIf(loadNativeBinding().binding === null)('shows what comes of sizes that are fixed', async () => {
    const sizes = { engine: { flashAttention: 'off' }, maxSequences: 3, threads: 1 } as const;
    const { generator } = await diagnose({ model: await randomModel(), gpu: 'off', sizes });
    expect(withoutTrouble(generator).loaded).toMatchObject({
      samplesAtOnce: 3,
      threads: 1,
      kvCache: { flashAttention: 'off' },
    });
  });

  it.skipIf(!existsSync('models/nano.gguf'))(
    'names the embedder that the model asks for, and says where it lacks',
    async () => {
      const options = { gpu: 'off', load: false } as const;
      const bundled = await diagnose({ ...options, model: 'models/nano.gguf' });
      const beside = join(packageRoot(), 'models', 'nano-embedder.gguf');
      expect(withoutTrouble(bundled.model).embedder).toMatchObject({ spec: beside });
      expect(diagnosisText(bundled)).toMatch(/embedder +.*nano-embedder.gguf: the model asks for it/);
      const alone = join(await temporaryFolder(), 'nano.gguf');
      await copyFile('models/nano.gguf', alone);
      const diagnosis = await diagnose({ ...options, model: alone });
      expect(withoutTrouble(diagnosis.model).embedder).toMatchObject({
        trouble: { code: 'MODEL_NOT_FOUND' },
      });
      expect(diagnosisText(diagnosis)).toContain('similar users cannot be sought');
      expect(diagnosis.problems).toEqual([]);
    },
  );

  it('takes what it is told and does not load where that is not wanted', async () => {
    const diagnosis = await diagnose({
      model: await randomModel(),
      gpu: 'off',
      generator: 'portable',
      template: 'compact',
      load: false,
    });
    expect(withoutTrouble(diagnosis.generator)).toMatchObject({ kind: 'portable', loaded: null });
    expect(withoutTrouble(diagnosis.model).template).toEqual({ name: 'compact', reason: 'asked for' });
  });

  it('names what is wrong and goes on', async () => {
    const model = join(packageRoot(), 'none.gguf');
    const gpu = process.platform === 'darwin' ? 'cuda' : 'metal';
    const diagnosis = await diagnose({ model, gpu, generator: 'portable' });
    expect(diagnosis.llama).toMatchObject({ trouble: { code: 'GENERATOR_UNAVAILABLE' } });
    expect(diagnosis.model).toMatchObject({ trouble: { code: 'MODEL_NOT_FOUND' } });
    expect(diagnosis.problems.some((problem) => problem.includes('none.gguf'))).toBe(true);
    expect(diagnosis.machine.cores).toBeGreaterThan(0);
  });

  it.each([['an encoder', () => randomBert(), 'encoder']])(
    'says that %s cannot judge',
    async (_, model, part) => {
      const diagnosis = await diagnose({ model: await model(), gpu: 'off' });
      expect(withoutTrouble(diagnosis.model).unusable).toContain(part);
      expect(diagnosis.problems.join('\n')).toContain(part);
      expect(withoutTrouble(diagnosis.generator).loaded).toBeNull();
    },
  );

  it('renders the chat template, and names one that opens a thought', async () => {
    const template = '{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}<think>';
    const opens = await diagnose({
      model: await randomModel({ chatTemplate: template }),
      gpu: 'off',
      load: false,
    });
    expect(withoutTrouble(opens.model).chatTemplate).toMatchObject({
      from: 'model',
      opensThought: '<think>',
    });
    expect(opens.problems).toEqual([]);
    expect(diagnosisText(opens)).toContain('template opens <think>');
    const plain = await diagnose({
      model: await randomModel({ chatTemplate: null }),
      gpu: 'off',
      load: false,
    });
    expect(withoutTrouble(plain.model).chatTemplate).toMatchObject({ from: 'plain', opensThought: null });
    expect(diagnosisText(plain)).toContain('none: a plain one is used');
  });

  it('says that a chat template cannot be used, and takes another one', async () => {
    const hostile = '{% for i in range(900000000) %}x{% endfor %}';
    const options = { model: await randomModel({ chatTemplate: hostile }), gpu: 'off', load: false } as const;
    const diagnosis = await diagnose(options);
    expect(withoutTrouble(diagnosis.model).chatTemplate).toMatchObject({
      trouble: { code: 'MODEL_UNUSABLE' },
    });
    expect(diagnosis.problems.join()).toContain('far more than a chat template needs');
    const given = await diagnose({
      ...options,
      chatTemplate: '{{ messages[0].content }}{{ messages[1].content }}',
    });
    expect(withoutTrouble(given.model).chatTemplate).toMatchObject({ from: 'given', systemRole: 'own' });
    expect(given.problems).toEqual([]);
    const missing = await diagnose({ ...options, chatTemplate: 'none.jinja' });
    expect(withoutTrouble(missing.model).chatTemplate).toMatchObject({
      trouble: { code: 'TEMPLATE_INVALID' },
    });
  });

  it('names an unknown template', async () => {
    const diagnosis = await diagnose({
      model: await randomModel(),
      gpu: 'off',
      template: 'nosuch',
      load: false,
    });
    expect(withoutTrouble(diagnosis.model).template).toMatchObject({ trouble: { code: 'TEMPLATE_INVALID' } });
    expect(diagnosis.problems.join('\n')).toContain('nosuch');
  });

  it('rejects with the reason when aborted', async () => {
    const reason = new Error('stop');
    await expect(diagnose({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it('is plain data', async () => {
    const diagnosis = await diagnose({ model: await randomModel(), gpu: 'off', load: false });
    expect(JSON.parse(JSON.stringify(diagnosis))).toEqual(diagnosis);
  });
});

describe('diagnosisText', () => {
  const diagnosis: Diagnosis = {
    package: { version: '1.2.3', root: '/opt/pgenrm' },
    machine: {
      node: 'v20.1.0',
      platform: 'linux',
      arch: 'x64',
      libc: 'glibc',
      cpu: 'Some CPU',
      cores: 8,
      usableCores: 4,
      memoryTotal: 2 ** 34,
      memoryFree: 2 ** 33,
      load: 1.25,
    },
    native: { path: '/opt/pgenrm/build', loaded: false, llamaRelease: null, reason: 'no addon; build it' },
    kernels: { implementation: 'wasm (wasm128)', reasons: ['native is absent', 'wasm works'] },
    llama: {
      release: 'v0.5.0',
      backend: 'cuda',
      buildType: 'prebuilt',
      folder: '/lib',
      reasons: ['CUDA chosen: the best'],
      devices: [
        { name: 'CUDA0', description: 'H200', gpu: true, memoryFree: 2 ** 36, memoryTotal: 2 ** 37 },
        { name: 'CUDA1', description: 'CUDA1', gpu: true, memoryFree: null, memoryTotal: null },
      ],
    },
    model: { trouble: { code: 'MODEL_NOT_FOUND', message: 'There is no model at x' } },
    generator: { kind: 'portable', reasons: ['portable: no addon'], loaded: null },
    fallback: null,
    gpuPackages: { names: [], bytes: 0, used: true },
    problems: ['model: There is no model at x'],
  };

  it('says that it works, slower, where the portable generator takes the native one’s place', () => {
    const fallback = {
      reason: 'no addon',
      remedy: 'npm install x',
      text: 'works, about 7 times slower: portable',
    };
    const text = diagnosisText({ ...diagnosis, problems: [], fallback });
    expect(text).toMatch(/\npgenrm works, about 7 times slower: portable\n$/);
    expect(text).not.toContain('All is well');
  });

  it('says on Alpine that only kernels run', () => {
    const text = diagnosisText({ ...diagnosis, machine: { ...diagnosis.machine, libc: 'musl' } });
    expect(text).toContain('only the vector kernels run here');
  });

  it('counts GPU packages where no GPU is used', () => {
    const gpuPackages = { names: ['@node-llama-cpp/linux-x64-cuda'], bytes: 2 ** 27, used: false };
    expect(diagnosisText({ ...diagnosis, gpuPackages })).toContain(
      '128.0 MiB of no use here: @node-llama-cpp/linux-x64-cuda',
    );
    expect(diagnosisText({ ...diagnosis, gpuPackages: { ...gpuPackages, used: true } })).not.toContain(
      'of no use',
    );
  });

  it('has a line for each finding, with the reasons', () => {
    const text = diagnosisText(diagnosis);
    expect(text).toMatch(/^pgenrm 1\.2\.3\n/);
    for (const part of [
      'v20.1.0 on linux-x64',
      'Some CPU, 8 cores, 4 usable, load 1.3',
      '8.0 GiB free of 16.0 GiB',
      'not used: no addon; build it',
      'wasm (wasm128): native is absent; wasm works',
      'v0.5.0, prebuilt, for cuda',
      'CUDA chosen: the best',
      'CUDA0 (H200), 64.0 GiB free of 128.0 GiB',
      'CUDA1\n',
      'There is no model at x (MODEL_NOT_FOUND)',
      'portable: no addon\n',
      'One problem:\n! model: There is no model at x\n',
    ]) {
      expect(text).toContain(part);
    }
    expect(text).not.toContain('undefined');
  });

  it.each([
    ['f16', 'auto', '512 cells of f16; flash attention auto'],
    ['q8_0', 'on', '512 cells of q8_0; flash attention on'],
    ['f16', 'auto', "512 cells of f16; pgenrm's attention", 'pgenrm'],
  ] as const)(
    'states a KV cache of %s, with flash attention %s: %s',
    (type, flashAttention, line, attention: 'pgenrm' | 'llama.cpp' = 'llama.cpp') => {
      const loaded = {
        description: 'llama 8B Q8_0',
        backend: 'cpu',
        devices: [],
        contextTokens: 128,
        samplesAtOnce: 4,
        threads: 2,
        choices: [],
        loadMs: 12,
      };
      const generator = { kind: 'native', reasons: [] } as const;
      const text = (kvCache: KvCacheInfo | null): string =>
        diagnosisText({ ...diagnosis, generator: { ...generator, loaded: { ...loaded, kvCache } } });
      expect(text({ type, flashAttention, attention, cells: 512 })).toContain(`  KV cache      ${line}\n`);
      expect(text(null)).not.toContain('KV cache');
    },
  );

  it('says that all is well', () => {
    expect(diagnosisText({ ...diagnosis, problems: [] })).toMatch(/All is well: judgments can be made\.\n$/);
  });
});
