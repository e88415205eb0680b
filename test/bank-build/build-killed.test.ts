import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rename, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { BANK_FILES } from '../../src/bank/file/manifest.js';
import { type BuildEvent, type BuildStage, buildBank } from '../../src/bank-build/build-bank.js';
import { dataOf, fakeBuild } from '../bank/made-world.js';
import { styledRows } from '../bank/styles.js';
import { DIST } from '../support/cli-process.js';
import { temporaryFolder, writeRows } from '../support/preference-file.js';

const ROWS = styledRows(8, 2);
const NOT_BUILT = existsSync(join(DIST, 'bank-build/build-bank.js')) ? null : `${DIST} is not built`;

/** The bytes of a bank's files; of the manifest all but its time and what follows from that. */
async function contentOf(bank: string): Promise<Record<string, string>> {
  const content: Record<string, string> = {};
  for (const name of (await readdir(bank)).sort()) {
    const bytes = await readFile(join(bank, name));
    content[name] = bytes.toString('base64');
  }
  const { created, checksum, ...manifest } = JSON.parse(
    await readFile(join(bank, BANK_FILES.manifest), 'utf8'),
  );
  content[BANK_FILES.manifest] = JSON.stringify(manifest);
  delete content[BANK_FILES.additionsHead];
  return content;
}

let modules: Promise<Record<string, string>> | undefined;

/** The built package and the fakes as modules that plain Node runs. */
function nodeModules(): Promise<Record<string, string>> {
  modules ??= (async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pgenrm-fakes-'));
    const built = (path: string): string => pathToFileURL(join(DIST, path)).href;
    const transpiled = async (source: string, name: string): Promise<string> => {
      const text = await readFile(new URL(source, import.meta.url), 'utf8');
      const { outputText } = ts.transpileModule(text, {
        compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
      });
      const path = join(folder, name);
      await writeFile(
        path,
        outputText
          .replace('../../src/errors.js', built('errors.js'))
          .replace('../support/fake-generator.js', built('testing/fake-chains.js')),
      );
      return pathToFileURL(path).href;
    };
    return {
      build: built('bank-build/build-bank.js'),
      data: built('data/preference-data.js'),
      template: built('template-files/resolve-template.js'),
      kernels: built('native/choose-kernels.js'),
      generator: built('testing/fake-generator.js'),
      embedder: await transpiled('../bank/fake-embedder.ts', 'fake-embedder.mjs'),
      chains: await transpiled('../bank/styles.ts', 'styles.mjs'),
    };
  })();
  return modules;
}

/** Runs a build in a process of its own that kills itself at an event, or never. */
async function runBuild(
  train: string,
  out: string,
  killAt = 0,
  killAfterMs = 0,
): Promise<{ signal: NodeJS.Signals | null; code: number | null; events: string[]; stderr: string }> {
  const task = { modules: await nodeModules(), train, out, killAt, killAfterMs, seed: 7 };
  const child = spawn(process.execPath, [fileURLToPath(new URL('./build-process.mjs', import.meta.url))], {
    env: { ...process.env, PGENRM_BUILD: JSON.stringify(task) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return new Promise((done, fail) => {
    child.on('error', fail);
    child.on('close', (code, signal) => {
      done({ signal, code, events: stdout.trim().split('\n'), stderr });
    });
  });
}

describe.skipIf(NOT_BUILT !== null)(`a build that is killed (${NOT_BUILT ?? 'built'})`, () => {
  it('between and inside stages gives the bank of one that was not', async () => {
    const folder = await temporaryFolder();
    const train = await writeRows(join(folder, 'train.jsonl'), ROWS);
    const whole = await runBuild(train, join(folder, 'whole'));
    expect(whole).toMatchObject({ code: 0, stderr: '' });
    const truth = await contentOf(join(folder, 'whole'));
    const out = join(folder, 'bank');
    const seen = new Set<string>();
    let kills = 0;
    for (let tries = 0; tries < 60; tries += 1) {
      // Every fourth session gets further, so that each stage is met at its start and in its middle.
      const { signal, code, events, stderr } = await runBuild(train, out, 2 + (tries % 4) * 2, tries % 3);
      for (const event of events) seen.add(event);
      if (signal === null) {
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
        break;
      }
      kills += 1;
      expect(signal).toBe('SIGKILL');
      if (existsSync(out)) expect(await contentOf(out)).toEqual(truth);
    }
    expect(kills).toBeGreaterThan(4);
    expect([...seen]).toEqual(expect.arrayContaining(['stage chains', 'stage clusters', 'stage bank']));
    await runBuild(train, out);
    expect(await contentOf(out)).toEqual(truth);
    expect((await readdir(folder)).sort()).toEqual(['bank', 'train.jsonl', 'whole']);
  }, 300_000);
});

describe('a build that was stopped', () => {
  /** Stops a build as a stage begins and gives its work folder. */
  async function stoppedAt(folder: string, stage: BuildStage): Promise<string> {
    const stop = new AbortController();
    const onEvent = (event: BuildEvent): void => {
      if (event.type === 'stage' && event.stage === stage) stop.abort(new Error('enough'));
    };
    const options = await fakeBuild(folder, await dataOf(folder, ROWS), { signal: stop.signal, onEvent });
    await expect(buildBank(options)).rejects.toThrow('enough');
    return `${options.out}.building`;
  }

  async function truthOf(folder: string): Promise<Record<string, string>> {
    const options = await fakeBuild(folder, await dataOf(folder, ROWS), { out: join(folder, 'whole') });
    await buildBank(options);
    return contentOf(options.out);
  }

  const leftovers: [string, BuildStage, (work: string) => Promise<unknown>][] = [
    ['nothing but its stages', 'refinement', async () => undefined],
    [
      'half a line of a chain',
      'embeddings',
      (work) => appendFile(join(work, 'chains.jsonl'), '{"row": 99, "i'),
    ],
    ['a chain that was cut', 'embeddings', (work) => cut(join(work, 'chains.jsonl'), 30)],
    ['a vector that was cut', 'clusters', (work) => cut(join(work, 'texts.vectors'), 9)],
    ['vectors all but a few bytes gone', 'clusters', (work) => truncate(join(work, 'texts.vectors'), 5)],
    ['a vector that was changed', 'clusters', (work) => flip(join(work, 'texts.vectors'), 700)],
    ['clusters that were cut', 'refinement', (work) => cut(join(work, 'clusters.safetensors'), 10)],
    ['a part of clusters', 'clusters', (work) => writeFile(join(work, 'clusters.safetensors.part'), 'half')],
    [
      'a part of a bank',
      'bank',
      async (work) => {
        await mkdir(join(work, 'bank'));
        await writeFile(join(work, 'bank', 'vectors.safetensors'), 'half');
      },
    ],
    ['no identity', 'clusters', (work) => rename(join(work, 'build.json'), join(work, 'chains.jsonl.old'))],
  ];

  it.each(leftovers)('and left %s goes on to the same bank', async (_, stage, damage) => {
    const folder = await temporaryFolder();
    const truth = await truthOf(folder);
    await damage(await stoppedAt(folder, stage));
    const options = await fakeBuild(folder, await dataOf(folder, ROWS));
    await buildBank(options);
    expect(await contentOf(options.out)).toEqual(truth);
    expect((await readdir(folder)).sort()).toEqual(['bank', 'train.jsonl', 'whole']);
  });

  it('loads no model for what is done', async () => {
    const folder = await temporaryFolder();
    await stoppedAt(folder, 'clusters');
    const options = await fakeBuild(folder, await dataOf(folder, ROWS));
    await buildBank(options);
    expect(options.loads).toMatchObject({ generator: 0, embedder: 0 });
  });

  it('between the two renames leaves the old bank to be opened, and is finished by the next', async () => {
    const folder = await temporaryFolder();
    const first = await fakeBuild(folder, await dataOf(folder, ROWS));
    await buildBank(first);
    const truth = await contentOf(first.out);
    await rename(first.out, `${first.out}.old`);
    const { PrototypeBank } = await import('../../src/bank/bank.js');
    const bank = await PrototypeBank.open(first.out);
    expect(bank.memberCount).toBe(ROWS.length);
    await bank.close();
    expect(await buildBank(first)).toMatchObject({ built: false });
    expect(await contentOf(first.out)).toEqual(truth);
    expect((await readdir(folder)).sort()).toEqual(['bank', 'train.jsonl']);
  });
});

async function cut(path: string, bytes: number): Promise<void> {
  await truncate(path, (await readFile(path)).length - bytes);
}

async function flip(path: string, at: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[at]! ^= 4;
  await writeFile(path, bytes);
}
