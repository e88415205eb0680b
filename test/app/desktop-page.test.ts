// The desktop example end to end, without Electron's binary: its main and preload as they are, over stand-ins of Electron's
// modules; the judge in a process of its own, the page in Chromium, in place of the renderer.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { utilityStandIn } from '../support/utility-process.js';
import { judge, NO_CHROMIUM, type Opened, openChromium, shownScores } from './chromium.js';

const EXAMPLE = 'examples/desktop';
const FOLDER = resolve('build/desktop-example');
/** Where Chromium, which takes no schemes of ours, finds the page. */
const HOST = 'http://desktop.test';

type Handler = (event: object, ...args: unknown[]) => unknown;

/** What main asked of Electron. */
interface Asked {
  readonly handlers: Map<string, Handler>;
  readonly quit: (() => Promise<void>)[];
  page: (request: Request) => Promise<Response>;
  url: string;
  send: (channel: string, ...args: unknown[]) => void;
}

/** Runs the example's main process here. */
async function startMain(): Promise<Asked> {
  const asked: Asked = {
    handlers: new Map(),
    quit: [],
    page: () => Promise.reject(new Error('no page is served')),
    url: '',
    send: () => {},
  };
  class BrowserWindow {
    static only: BrowserWindow | null = null;
    static fromWebContents = (): BrowserWindow | null => BrowserWindow.only;
    webContents = { send: (...args: [string]) => asked.send(...args), setWindowOpenHandler() {}, on() {} };
    constructor() {
      BrowserWindow.only = this;
    }
    isDestroyed = (): boolean => false;
    loadURL(url: string): void {
      asked.url = url;
    }
  }
  const ending: ((event: object) => void)[] = [];
  const electron = {
    BrowserWindow,
    app: {
      whenReady: async () => {},
      on: (name: string, listener: (event: object) => void) => {
        if (name === 'before-quit') ending.push(listener);
      },
      quit: () => {},
    },
    ipcMain: {
      handle: (channel: string, handler: Handler) => asked.handlers.set(channel, handler),
      on: (channel: string, handler: Handler) => asked.handlers.set(channel, handler),
    },
    net: {
      fetch: async (url: string) => {
        const bytes = await readFile(fileURLToPath(url)).catch(() => null);
        const headers = { 'content-type': typeOf(url) };
        return bytes === null ? new Response(null, { status: 404 }) : new Response(bytes, { headers });
      },
    },
    protocol: {
      registerSchemesAsPrivileged() {},
      handle: (_: string, handler: Asked['page']) => {
        asked.page = async (request) => handler(request);
      },
    },
    utilityProcess: utilityStandIn,
  };
  asked.quit.push(
    () =>
      new Promise((done) => {
        let prevented = false;
        electron.app.quit = done;
        for (const listener of ending) listener({ preventDefault: () => (prevented = true) });
        if (!prevented) done();
      }),
  );
  Object.assign(globalThis, { electronStandIn: electron });
  mkdirSync(FOLDER, { recursive: true });
  // As it stands, but for where its modules come from.
  const built = (file: string): string => pathToFileURL(resolve(file)).href;
  const main = readFileSync(join(EXAMPLE, 'main.mjs'), 'utf8')
    .replace(/import (\{[^}]*\}) from 'electron';/, 'const $1 = globalThis.electronStandIn;')
    .replace("'pgenrm/worker'", `'${built('dist/api/worker.js')}'`)
    .replace("import.meta.resolve('pgenrm/package.json')", `'${built('package.json')}'`);
  writeFileSync(join(FOLDER, 'main.mjs'), main);
  await import(pathToFileURL(join(FOLDER, 'main.mjs')).href);
  await new Promise((done) => setImmediate(done));
  return asked;
}

function typeOf(url: string): string {
  if (url.endsWith('.html')) return 'text/html';
  return url.endsWith('.css') ? 'text/css' : 'text/javascript';
}

/** Gives a page what Electron gives a renderer: the files of the scheme, and the preload script over IPC. */
async function asRenderer(page: Page, main: Asked): Promise<void> {
  const event = { sender: {}, senderFrame: { origin: new URL(main.url).href.replace(/\/$/, '') } };
  await page.route(`${HOST}/**`, async (route) => {
    const { pathname } = new URL(route.request().url());
    const answer = await main.page(new Request(`http://app${pathname}`));
    await route.fulfill({
      status: answer.status,
      contentType: answer.headers.get('content-type') ?? 'text/plain',
      body: Buffer.from(await answer.arrayBuffer()),
    });
  });
  await page.exposeFunction('invokeMain', (channel: string, ...args: unknown[]) =>
    main.handlers.get(channel)!(event, ...args),
  );
  main.send = (channel, ...args) => {
    page
      .evaluate(
        ([name, given]) => {
          const { heard } = window as unknown as { heard: Map<string, (...all: unknown[]) => void> };
          heard.get(name)?.({}, ...given);
        },
        [channel, args] as const,
      )
      .catch(() => undefined);
  };
  const preload = readFileSync(join(EXAMPLE, 'preload.cjs'), 'utf8');
  await page.addInitScript(`{
    window.heard = new Map();
    const require = () => ({
      contextBridge: { exposeInMainWorld: (name, api) => { window[name] = api; } },
      ipcRenderer: {
        invoke: (...args) => window.invokeMain(...args),
        send: (...args) => void window.invokeMain(...args),
        on: (channel, listener) => window.heard.set(channel, listener),
      },
    });
    ${preload}
  }`);
}

describe.skipIf(NO_CHROMIUM)('the desktop example', () => {
  let opened: Opened;
  let main: Asked;
  beforeAll(async () => {
    opened = await openChromium();
    main = await startMain();
  });
  afterAll(async () => {
    for (const quit of main?.quit ?? []) await quit();
    await opened?.[Symbol.asyncDispose]();
    rmSync(FOLDER, { recursive: true, force: true });
  });

  it('shows the page of the package, which judges through the utility process, and stops there', async () => {
    const { page, errors } = await opened.page();
    await asRenderer(page, main);
    await page.goto(`${HOST}/`);
    await page.getByText('llama 3.5M').waitFor({ timeout: 30_000 });
    await judge(page, 4);
    const scores = await shownScores(page);
    expect(scores[1]).toBeGreaterThan(scores[0]!);
    expect(await page.locator('.headline').textContent()).toMatch(/^B wins/);
    await page.getByLabel('Chains to write').selectOption('32');
    await page.getByRole('button', { name: 'Judge again' }).click();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText(/^Stopped: \d+ of 32 chains written$/).waitFor({ timeout: 10_000 });
    expect(errors).toEqual([]);
  });

  it('answers no other page, and gives no file beside those of the page', async () => {
    const judging = main.handlers.get('judge:judge')!;
    const foreign = { sender: {}, senderFrame: { origin: 'https://elsewhere.example' } };
    expect(await judging(foreign, '1', {}, {})).toMatchObject({ error: { code: 'FORBIDDEN' } });
    expect((await main.page(new Request('http://app/%2e%2e/%2e%2e/package.json'))).status).toBe(404);
  });
});
