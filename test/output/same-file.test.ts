import { link, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { printable, printableJson } from '../../src/output/printable.js';
import { refuseSameFile } from '../../src/output/same-file.js';
import { temporaryFolder } from '../support/preference-file.js';

describe('refuseSameFile', () => {
  it('knows a file by whatever name, and a folder by the files in it', async () => {
    const folder = await temporaryFolder();
    const data = join(folder, 'data.jsonl');
    await writeFile(data, 'rows');
    await symlink(data, join(folder, 'soft'));
    await link(data, join(folder, 'hard'));
    await mkdir(join(folder, 'bank', 'deep'), { recursive: true });
    await writeFile(join(folder, 'bank', 'deep', 'users.jsonl'), '');
    const inputs = { data, model: 'nano', bank: join(folder, 'bank'), template: undefined };
    for (const name of ['data.jsonl', './data.jsonl', 'soft', 'hard', 'bank', 'bank/deep/users.jsonl']) {
      await expect(refuseSameFile([join(folder, 'new'), join(folder, name)], inputs)).rejects.toMatchObject({
        code: 'INVALID_OPTION',
        message: expect.stringMatching(/is the same file as the (data|bank)/),
      });
    }
    await refuseSameFile([join(folder, 'new'), join(folder, 'no', 'folder')], inputs);
    expect(await readFile(data, 'utf8')).toBe('rows');
  });
});

describe('printable', () => {
  it('writes out what a terminal would take for a command, and keeps lines and other scripts', () => {
    expect(printable('a\u001b[31m\u009b2J\u0007\r\u202eb\n\tä語')).toBe(
      'a\\u001b[31m\\u009b2J\\u0007\\u000d\\u202eb\n\tä語',
    );
    const value = { id: 'x\u009b2J\u001b[0m\u2066' };
    expect(printableJson(value)).not.toMatch(/[\u007f-\u009f\u2066]/);
    expect(JSON.parse(printableJson(value))).toEqual(value);
  });
});
