// The main process: one judge in a utility process, asked by windows with plain data; the page is the one that pgenrm brings.
// @ts-check
import { fileURLToPath } from 'node:url';
import { app, BrowserWindow, ipcMain, net, protocol, utilityProcess } from 'electron';
import { createJudge } from 'pgenrm/worker';

const ORIGIN = 'page://app';
const FOLDER = new URL('dist/page/', import.meta.resolve('pgenrm/package.json'));
/** Judgments at work, by the name that the page gave. @type {Map<string, AbortController>} */
const running = new Map();
/** @type {Promise<import('pgenrm/worker').Judge> | undefined} */
let loading;

// A scheme of one's own is an origin: the page's policy and its modules hold as on a server.
protocol.registerSchemesAsPrivileged([
  { scheme: 'page', privileges: { standard: true, secure: true, supportFetchAPI: true } },
]);

/** Gives a file of the page. @param {Request} request */
function pageFile(request) {
  const { pathname } = new URL(request.url);
  const file = new URL(`.${pathname === '/' ? '/index.html' : pathname}`, FOLDER);
  return file.href.startsWith(FOLDER.href) ? net.fetch(file.href) : new Response(null, { status: 404 });
}

/** Begins the judge with the first window: a utility process needs a ready app. @param {BrowserWindow} window */
function judgeFor(window) {
  loading ??= createJudge({
    model: 'nano',
    worker: utilityProcess,
    // People work beside it.
    threads: 'background',
    // The memory is free again ten minutes after the last judgment.
    unloadAfterMs: 600_000,
    onProgress: (progress) => {
      if (!window.isDestroyed()) window.webContents.send('judge:progress', progress);
    },
  });
  // The next request says why it failed, and the one after it tries again.
  loading.catch(() => {
    loading = undefined;
  });
  return loading;
}

/**
 * Does work for the page of this application; what it throws would reach the page without its code.
 * @template R
 * @param {import('electron').IpcMainInvokeEvent} event
 * @param {(window: BrowserWindow) => Promise<R>} work
 */
async function answer(event, work) {
  const window = BrowserWindow.fromWebContents(event.sender);
  if (event.senderFrame?.origin !== ORIGIN || window === null) {
    return { error: { code: 'FORBIDDEN', message: 'only the page of this application may ask' } };
  }
  try {
    return await work(window);
  } catch (error) {
    const { code = 'STOPPED', message } = /** @type {Error & { code?: string }} */ (error);
    return { error: { code: typeof code === 'string' ? code : 'STOPPED', message } };
  }
}

ipcMain.handle('judge:load', (event) =>
  answer(event, async (window) => {
    const judge = await judgeFor(window);
    const { model, generator } = await judge.load();
    return { model: model.description, engine: `${generator.engine} ${generator.version}` };
  }),
);

ipcMain.handle('judge:judge', (event, id, input, { individual, seed, temperature }) =>
  answer(event, async (window) => {
    const stop = new AbortController();
    running.set(String(id), stop);
    try {
      const judge = await judgeFor(window);
      return await judge.judge(input, {
        individual,
        seed,
        temperature,
        signal: stop.signal,
        onEvent: (told) => {
          // The judgment itself is the answer.
          if (told.type !== 'finished' && !window.isDestroyed())
            window.webContents.send('judge:event', String(id), told);
        },
      });
    } finally {
      running.delete(String(id));
    }
  }),
);

ipcMain.on('judge:stop', (_, id) => running.get(String(id))?.abort());

function openWindow() {
  const window = new BrowserWindow({
    width: 1200,
    height: 900,
    webPreferences: {
      preload: fileURLToPath(new URL('preload.cjs', import.meta.url)),
      contextIsolation: true,
      nodeIntegration: false,
      sandbox: true,
    },
  });
  window.webContents.setWindowOpenHandler(() => ({ action: 'deny' }));
  window.webContents.on('will-navigate', (event) => event.preventDefault());
  window.loadURL(`${ORIGIN}/`);
}

app.whenReady().then(() => {
  protocol.handle('page', pageFile);
  openWindow();
});
app.on('window-all-closed', () => app.quit());
let closed = false;
app.on('before-quit', (event) => {
  if (closed || loading === undefined) return;
  event.preventDefault();
  loading
    .then((judge) => judge.close())
    .catch(() => undefined)
    .finally(() => {
      closed = true;
      app.quit();
    });
});
