import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { loadNativeBinding } from '../../src/native/load.js';

// Other releases of Node that are here: paths of their binaries, separated by colons.
const others = (process.env.PGENRM_OTHER_NODES ?? '').split(':').filter((path) => existsSync(path));
const MISSING = loadNativeBinding().binding === null && process.env.PGENRM_REQUIRE_NATIVE !== '1';
const program = fileURLToPath(new URL('../support/ending-worker.mjs', import.meta.url));
const dist = new URL('../../dist/', import.meta.url).href;
const run = promisify(execFile);

describe.skipIf(MISSING).each([process.execPath, ...others])(
  'the process outlives a worker of %s that ends',
  (node) => {
    describe.each(['chains', 'embeddings', 'kmeans', 'index'])('while %s are at work', (work) => {
      it.each(['terminate', 'exit', 'throw'])('by %s', { timeout: 120_000 }, async (way) => {
        const { stdout, stderr } = await run(node, [program, dist, work, way]);
        expect(stdout).toBe('alive\n');
        expect(stderr).toBe('');
      });
    });
  },
);
