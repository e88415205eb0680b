import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  findPackageRoot,
  outsideArchive,
  PACKAGE_VERSION,
  packageFile,
  packageRoot,
} from '../src/package.js';
import { temporaryFolder } from './support/preference-file.js';

afterEach(() => vi.unstubAllEnvs());

describe('the folder of the package', () => {
  it('is the one whose package.json has its name, not the nearest one', async () => {
    const folder = await temporaryFolder();
    const inner = join(folder, 'a', 'b');
    await mkdir(inner, { recursive: true });
    await writeFile(join(folder, 'package.json'), '{"name":"pgenrm"}');
    await writeFile(join(inner, 'package.json'), '{"name":"somebodys-app"}');
    await writeFile(join(folder, 'a', 'package.json'), 'not JSON');
    expect(findPackageRoot(inner)).toBe(folder);
  });

  it('is found as a dependency where a bundle holds the code', async () => {
    const app = await temporaryFolder();
    const installed = join(app, 'node_modules', 'pgenrm');
    await mkdir(installed, { recursive: true });
    await mkdir(join(app, 'out'));
    await writeFile(join(app, 'package.json'), '{"name":"somebodys-app"}');
    await writeFile(join(installed, 'package.json'), '{"name":"pgenrm","version":"1.0.0"}');
    expect(findPackageRoot(join(app, 'out'))).toBe(installed);
  });

  it('can be named by PGENRM_ROOT, which must hold the package', async () => {
    const folder = await temporaryFolder();
    vi.stubEnv('PGENRM_ROOT', folder);
    expect(() => packageRoot()).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining(folder) }),
    );
    await writeFile(join(folder, 'package.json'), '{"name":"pgenrm"}');
    expect(packageFile('models', 'x.gguf')).toBe(join(folder, 'models', 'x.gguf'));
  });

  const { root } = parse(process.cwd());
  it.skipIf(existsSync(join(root, 'package.json')))('is missed with a reason that says what to do', () => {
    expect(() => findPackageRoot(root)).toThrow(
      expect.objectContaining({ code: 'INTERNAL', message: expect.stringContaining('PGENRM_ROOT') }),
    );
  });
});

describe('a file of the package in an Electron archive', () => {
  it('is the unpacked copy where the packer left one, file for file', async () => {
    const folder = await temporaryFolder();
    const unpacked = join(folder, 'app.asar.unpacked', 'node_modules', 'pgenrm');
    await mkdir(unpacked, { recursive: true });
    await writeFile(join(unpacked, 'pgenrm.node'), '');
    const packed = (name: string): string => join(folder, 'app.asar', 'node_modules', 'pgenrm', name);
    expect(outsideArchive(packed('pgenrm.node'))).toBe(join(unpacked, 'pgenrm.node'));
    expect(outsideArchive(packed('package.json'))).toBe(packed('package.json'));
  });
});

describe('the version', () => {
  it('is that of package.json', () => {
    const manifest = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(PACKAGE_VERSION).toBe(manifest.version);
  });
});
