import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { writeAtomically } from '../../src/output/atomic-file.js';
import { LineFile } from '../../src/output/line-file.js';
import { invalidRecord } from '../../src/run/scoring/row-record.js';
import { streamOutput } from '../../src/run/scoring/run-output.js';
import { wilsonInterval } from '../../src/statistics/share.js';
import { temporaryFolder } from '../support/preference-file.js';

let folder: string;

beforeEach(async () => {
  folder = await temporaryFolder();
});

describe('LineFile', () => {
  it('appends whole lines after the byte that it is told', async () => {
    const path = join(folder, 'lines');
    await using fresh = await LineFile.open(path);
    await fresh.append('one');
    await fresh.append('two \u00fc');
    await fresh.close();
    await fresh.close();
    await using again = await LineFile.open(path, 4);
    await again.append('three');
    await again.close();
    expect(await readFile(path, 'utf8')).toBe('one\nthree\n');
  });

  it('does not write over a file by accident', async () => {
    const path = join(folder, 'lines');
    await writeFile(path, 'precious');
    await expect(LineFile.open(path)).rejects.toMatchObject({ code: 'OUTPUT_FAILED' });
    expect(await readFile(path, 'utf8')).toBe('precious');
  });
});

describe('writeAtomically', () => {
  it('replaces a file whole, and leaves nothing beside it', async () => {
    const path = join(folder, 'file.json');
    await writeAtomically(path, 'first');
    await writeAtomically(path, 'second');
    expect(await readFile(path, 'utf8')).toBe('second');
    expect(await readdir(folder)).toEqual(['file.json']);
  });

  it('keeps what is there where it fails', async () => {
    await mkdir(join(folder, 'directory'));
    await expect(writeAtomically(join(folder, 'directory'), 'text')).rejects.toMatchObject({
      code: 'OUTPUT_FAILED',
    });
    expect(await readdir(folder)).toEqual(['directory']);
  });
});

describe.skipIf(!existsSync('/dev/full'))('a full device', () => {
  it('is OUTPUT_FAILED with what to do', async () => {
    const stream = createWriteStream('/dev/full');
    await using output = streamOutput(stream, 'the device');
    const record = invalidRecord({ kind: 'problem', number: 1, reason: 'none' });
    await expect(output.append(record)).rejects.toMatchObject({
      code: 'OUTPUT_FAILED',
      message: expect.stringContaining('the disk is full'),
    });
    await expect(output.append(record)).rejects.toMatchObject({ code: 'OUTPUT_FAILED' });
  });
});

describe('wilsonInterval', () => {
  it('agrees with published values', () => {
    const near = ([low, high]: readonly [number, number], a: number, b: number): void => {
      expect(low).toBeCloseTo(a, 4);
      expect(high).toBeCloseTo(b, 4);
    };
    near(wilsonInterval(81, 263), 0.2553, 0.3662);
    near(wilsonInterval(15, 148), 0.0624, 0.1605);
    near(wilsonInterval(0, 20), 0, 0.1611);
    near(wilsonInterval(1, 29), 0.0061, 0.1718);
  });
});
