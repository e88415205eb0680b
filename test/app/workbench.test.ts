// The workbench of the page: files, pasted text, changed histories, chains of an evaluation. Through a server without a model.
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from '../support/reward-server.js';
import { judge, NO_CHROMIUM, type Opened, openChromium } from './chromium.js';

const row = (user: string, prompt: string, extra: object = {}) => ({
  prompt,
  chosen: `Chosen for ${prompt}`,
  rejected: `Not for ${prompt}, by far`,
  user_id: user,
  ...extra,
});
const lines = (...rows: object[]): Buffer => Buffer.from(rows.map((one) => JSON.stringify(one)).join('\n'));

describe.skipIf(NO_CHROMIUM)('the workbench', () => {
  let server: TestServer;
  let opened: Opened;
  let page: Page;
  beforeAll(async () => {
    server = await startServer();
    opened = await openChromium({ served: `${server.server.url}/` });
    ({ page } = await opened.page());
    await page.goto(opened.url);
  });
  afterAll(async () => {
    await opened?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  const open = (name: string, buffer: Buffer): Promise<void> =>
    page.getByLabel('Data file').setInputFiles({ name, mimeType: 'application/octet-stream', buffer });
  const listed = (): Promise<string[]> => page.locator('.rows li button').allTextContents();

  it('reads a file by what its rows hold, with the histories of its users, and says which rows do not fit', async () => {
    await open(
      'own.jsonl',
      lines(row('ann', 'One?'), row('ann', 'Two?'), { prompt: 'Broken?' }, row('bo', 'Three?')),
    );
    await page.getByRole('heading', { name: 'own.jsonl' }).waitFor();
    expect(await listed()).toEqual(['One?', 'Two?', 'Three?']);
    expect(await page.locator('.problems').textContent()).toMatch(/^1 remark.*row 3: /);
    // Leave one out: the other choice of the user is known, the row's own is not.
    expect(await page.locator('.user summary').textContent()).toBe('1 earlier choice');
  });

  it('reads a gzipped file that is dropped', async () => {
    const bytes = [...gzipSync(lines(row('cy', 'Packed?')))];
    const transfer = await page.evaluateHandle((content) => {
      const data = new DataTransfer();
      data.items.add(new File([Uint8Array.from(content)], 'packed.jsonl.gz'));
      return data;
    }, bytes);
    await page.dispatchEvent('main', 'drop', { dataTransfer: transfer });
    await page.getByRole('heading', { name: 'packed.jsonl.gz' }).waitFor();
    expect(await listed()).toEqual(['Packed?']);
  });

  it('says in place what is no data, and keeps what was open', async () => {
    for (const [name, content, said] of [
      ['notes.jsonl', Buffer.from('{"a": 1}'), /the rows fit no known shape/],
      ['image.gz', Buffer.from('no gzip'), /is not gzipped text, or is cut short/],
      ['latin.jsonl', Buffer.from([0x7b, 0xff, 0xfe]), /is no text in UTF-8/],
      ['x.parquet', Buffer.from('PAR1 or so it says'), /cannot be read/],
    ] as const) {
      await open(name, content);
      await page.getByRole('alert').getByText(said).waitFor();
      expect(await listed()).toEqual(['Packed?']);
    }
  });

  it('shows the text of data as text', async () => {
    const trap = '<img src=x onerror="document.title=`owned`"><b>bold</b>';
    await page.getByRole('button', { name: 'Paste…' }).click();
    await page.getByLabel(/^Rows as JSON/).fill(lines(row(trap, trap)).toString());
    await page.getByRole('button', { name: 'Read', exact: true }).click();
    await page.getByRole('heading', { name: 'Pasted text' }).waitFor();
    expect(await page.locator('.query > .prose').textContent()).toBe(trap);
    expect(await page.locator('main img').count()).toBe(0);
    expect(await page.title()).not.toBe('owned');
  });

  it('adds a choice to the history of a user, and judges anew beside what was said before', async () => {
    await open(
      'own.jsonl',
      lines(row('ann', 'One?', { split: 'test' }), row('ann', 'Two?', { split: 'test' })),
    );
    await page.getByRole('heading', { name: 'own.jsonl' }).waitFor();
    await page.getByRole('button', { name: 'The user would choose A' }).click();
    await page.getByRole('button', { name: 'Two?' }).click();
    expect(await page.locator('.user summary').textContent()).toBe('1 earlier choice');
    await judge(page, 2);
    await page.getByText('Change it', { exact: true }).click();
    await page.getByLabel('What the user wishes').fill('Short answers.');
    await page.getByRole('button', { name: 'Judge again' }).click();
    await page
      .locator('.verdict')
      .getByText(/Before: A \d/)
      .waitFor();
    await page.getByRole('button', { name: /^As it was/ }).click();
    expect(await page.locator('.user summary').textContent()).toBe('0 earlier choices');
  });

  it('gives the judgment as a file', async () => {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Export this judgment' }).click(),
    ]);
    const chunks: Buffer[] = [];
    for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
    const whole = JSON.parse(Buffer.concat(chunks).toString());
    expect(whole.judgment.scores).toHaveLength(2);
    expect(whole.chains).toHaveLength(2);
  });

  it('shows the chains of an evaluation, and the rows alone where levels disagree', async () => {
    const chain = (index: number, scores: number[] | null) => ({
      level: 'individual',
      index,
      seed: index,
      order: [0, 1],
      scores,
      lost: scores === null ? 'cutOff' : null,
      finish: 'stop',
      tokens: 100,
    });
    const judged = (id: string, ...chains: object[]) => ({
      ...{ row: 1, run: 'r', id, user: 'dee', status: 'judged', lengths: [10, 20], chains },
    });
    await open(
      'eval.chains.jsonl',
      lines(
        { pgenrmChains: 2, run: 'r' },
        judged('same', chain(0, [8, 3]), chain(1, [9, 2])),
        judged('other', chain(0, [8, 3]), chain(1, [2, 9]), chain(2, [2, 9]), chain(3, null)),
      ),
    );
    await page.getByRole('heading', { name: 'eval.chains.jsonl' }).waitFor();
    await page.getByLabel('Only where levels disagree (1)').check();
    expect(await listed()).toEqual(['Row other']);
    await page.getByRole('button', { name: 'Row other' }).click();
    await page.getByText(/^B (is ahead|wins)/).waitFor();
    await page.getByLabel(/^Level/).fill('1');
    await page.getByText(/^A is ahead/).waitFor();
    expect(await page.getByText('lost: it ends before every response has a score').count()).toBe(1);
  });
});
