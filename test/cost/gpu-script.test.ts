import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/preference-file.js';

const TOOLS =
  'awk basename bash cat chmod cut df dirname env find grep gzip head ls mkdir mv nproc rm sed sha256sum sleep tar tee timeout wc';
/** Says what it was called for; a bench takes as long as `SLOW` says. */
const NODE = `#!/bin/bash
case "$*" in
  *write-8b*) echo cache/random.gguf ;;
  *doctor*) echo "doctor $* with \${LD_LIBRARY_PATH:-no folders}"; exit "\${DOCTOR:-0}" ;;
  *) trap 'echo interrupted; kill $!; exit 130' INT; echo "bench $*"; sleep "\${SLOW:-0}" & wait ;;
esac
`;
let folder: string;
let bin: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  bin = join(folder, 'bin');
  await mkdir(bin);
  for (const tool of TOOLS.split(' ')) {
    const at = execFileSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).trim();
    await symlink(at, join(bin, tool));
  }
});

async function program(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  await chmod(path, 0o755);
}

/** A folder as it is carried over, with a Node that measures nothing. */
async function carried(): Promise<string> {
  const inside = join(folder, 'inside');
  await program(join(inside, 'bin', 'node'), NODE);
  await mkdir(join(inside, 'models'));
  await writeFile(join(inside, 'models', 'nano.gguf'), 'weights');
  await mkdir(join(inside, 'bench'));
  await copyFile(join('bench', 'gpu.sh'), join(inside, 'bench', 'gpu.sh'));
  const pack = join(folder, 'pack');
  await mkdir(join(pack, 'pieces'), { recursive: true });
  const archive = execFileSync('tar', ['-czf', '-', '-C', inside, '.']);
  const half = archive.length >> 1;
  const pieces = [archive.subarray(0, half), archive.subarray(half)];
  const sums: string[] = [];
  for (const [index, piece] of pieces.entries()) {
    await writeFile(join(pack, 'pieces', `p.${index}`), piece);
    sums.push(`${createHash('sha256').update(piece).digest('hex')}  pieces/p.${index}\n`);
  }
  await writeFile(join(pack, 'SHA256SUMS'), sums.join(''));
  await copyFile(join('bench', 'gpu.sh'), join(pack, 'gpu.sh'));
  return pack;
}

interface Ran {
  readonly code: number;
  readonly text: string;
}

function run(pack: string, env: Record<string, string>): Promise<Ran> {
  return new Promise((resolve) => {
    const options = { cwd: folder, env: { PATH: bin, MODEL: 'nano.gguf', ...env } };
    execFile('/bin/bash', [join(pack, 'gpu.sh')], options, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), text: stdout + stderr }),
    );
  });
}

describe.skipIf(process.platform !== 'linux')('bench/gpu.sh', () => {
  it('joins the pieces, measures each part once and keeps the results together', async () => {
    const pack = await carried();
    const first = await run(pack, { GPU: 'off', ROWS: '8 16' });
    expect(first).toMatchObject({ code: 0, text: expect.stringContaining('joined 2 pieces') });
    const benches = first.text.match(/^bench .*$/gm)!;
    expect(benches).toHaveLength(3 + 2);
    for (const line of benches) expect(line).toContain('--gpu off --model');
    expect(benches.at(-1)).toMatch(/bench scaling .*--max-sequences 16 .*--adaptive 0\.05 .*--resume$/);
    const again = await run(pack, { GPU: 'off', ROWS: '8 16 24' });
    expect(again.text).not.toContain('joined');
    expect(again.text.match(/^bench .*$/gm)).toHaveLength(1);
    // On a fresh machine what was carried back goes on.
    await rm(join(pack, 'results'), { recursive: true });
    expect((await run(pack, { GPU: 'off', ROWS: '8 16 24' })).text).not.toMatch(/^bench /m);
    expect(await readFile(join(pack, 'results', 'scaling-24.txt'), 'utf8')).toMatch(/^bench/);
    // Under other conditions nothing is done yet.
    expect((await run(pack, { GPU: 'off', PARTS: 'generation', QUICK: '1' })).text).toMatch(
      /^bench .*--quick/m,
    );
  });

  it('says that weights are random, in the result too', async () => {
    const pack = await carried();
    const { text } = await run(pack, { GPU: 'off', MODEL: '', PARTS: 'scaling', ROWS: '8' });
    expect(text).toMatch(/^! random weights in the 8B shape/m);
    expect(text).toMatch(/^bench .*--model-note random weights .*--adaptive off/m);
  });

  it('refuses pieces that are damaged or missing, each named', async () => {
    const pack = await carried();
    await writeFile(join(pack, 'pieces', 'p.1'), 'other');
    const damaged = await run(pack, { GPU: 'off' });
    expect(damaged).toMatchObject({
      code: 1,
      text: expect.stringMatching(/p\.1: FAILED.*carry them over/s),
    });
    await rm(join(pack, 'pieces', 'p.0'));
    expect((await run(pack, { GPU: 'off' })).text).toMatch(/p\.0.*No such file/);
  });

  it('stops at its limit with what it has, and says that there is more', async () => {
    const pack = await carried();
    const slow = { GPU: 'off', PARTS: 'generation', WORKLOADS: 'a b', SLOW: '60', LIMIT: '4', GRACE: '1' };
    const cut = await run(pack, slow);
    expect(cut).toMatchObject({
      code: 3,
      text: expect.stringContaining('not finished: generation-a generation-b;'),
    });
    expect(cut.text).toMatch(/^bench .*--workloads a .*\ninterrupted$/m);
    expect(cut.text).not.toMatch(/^bench .*--workloads b/m);
    expect((await run(pack, { ...slow, SLOW: '0', LIMIT: '60' })).code).toBe(0);
  });

  it('says what lacks where there is no GPU, none that works, or no CUDA runtime', async () => {
    const pack = await carried();
    const none = await run(pack, {});
    expect(none).toMatchObject({ code: 1, text: expect.stringMatching(/no NVIDIA GPU here.*GPU=off/) });
    await program(join(bin, 'nvidia-smi'), '#!/bin/bash\necho "no devices were found"; exit 6\n');
    const broken = await run(pack, {});
    expect(broken).toMatchObject({
      code: 1,
      text: expect.stringMatching(/works here: no devices were found/),
    });
    const doctor = await run(pack, { GPU: 'off', DOCTOR: '1' });
    expect(doctor).toMatchObject({
      code: 1,
      text: expect.stringMatching(/nothing was measured: doctor says/),
    });
    expect(doctor.text).not.toMatch(/^bench /m);
  });

  it('finds the CUDA runtime and gives its folders to the loader', async () => {
    const pack = await carried();
    await program(join(bin, 'nvidia-smi'), '#!/bin/bash\necho "a GPU"\n');
    const cuda = join(folder, 'cuda');
    for (const [at, name] of [
      ['driver', 'libcuda.so.1'],
      ['lib', 'libcudart.so.13'],
      ['lib', 'libcublas.so.13'],
      ['lib', 'libcublasLt.so.13'],
    ] as const)
      await program(join(cuda, at, name), '');
    const { code, text } = await run(pack, { CUDA_PATH: cuda, PARTS: 'model', THREADS: '3' });
    expect(code).toBe(0);
    expect(text).toContain(`doctor --gpu cuda --model`);
    expect(text).toContain(`with ${join(cuda, 'driver')}:${join(cuda, 'lib')}`);
  });
});
