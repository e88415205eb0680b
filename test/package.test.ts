import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findManifestFolder } from '../src/package.js';
import { temporaryFolder } from './support/preference-file.js';

describe('the folder of the package', () => {
  it('is the nearest one with a package.json', async () => {
    const folder = await temporaryFolder();
    const inner = join(folder, 'a', 'b');
    await mkdir(inner, { recursive: true });
    await writeFile(join(folder, 'package.json'), '{}');
    expect(findManifestFolder(inner)).toBe(folder);
    await writeFile(join(inner, 'package.json'), '{}');
    expect(findManifestFolder(inner)).toBe(inner);
  });

  const { root } = parse(process.cwd());
  it.skipIf(existsSync(join(root, 'package.json')))('is missed with a reason, not sought for ever', () => {
    expect(() => findManifestFolder(root)).toThrow(
      expect.objectContaining({ code: 'INTERNAL', message: expect.stringContaining('no package.json') }),
    );
  });
});
