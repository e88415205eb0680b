// The main process: one judge in a utility process, asked by windows with plain data.
// @ts-check
import { fileURLToPath } from 'node:url';
import { app, BrowserWindow, ipcMain, utilityProcess } from 'electron';
import { createJudge } from 'pgenrm/worker';

const PAGE = new URL('index.html', import.meta.url);
/** Judgments at work, by the name that the page gave. @type {Map<string, AbortController>} */
const running = new Map();
/** @type {Promise<import('pgenrm/worker').Judge> | undefined} */
let loading;

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

// What a handler throws would reach the page without its code.
ipcMain.handle('judge:judge', async (event, id, input) => {
  const window = BrowserWindow.fromWebContents(event.sender);
  if (event.senderFrame?.url !== PAGE.href || window === null) {
    return { error: { code: 'FORBIDDEN', message: 'only the page of this application may ask' } };
  }
  const stop = new AbortController();
  running.set(String(id), stop);
  try {
    const judge = await judgeFor(window);
    const { scores, winner, status } = await judge.judge(input, { individual: 4, signal: stop.signal });
    return { scores, winner, status };
  } catch (error) {
    const { code = 'STOPPED', message } = /** @type {Error & { code?: string }} */ (error);
    return { error: { code: typeof code === 'string' ? code : 'STOPPED', message } };
  } finally {
    running.delete(String(id));
  }
});

ipcMain.on('judge:stop', (_, id) => running.get(String(id))?.abort());

function openWindow() {
  const window = new BrowserWindow({
    width: 800,
    height: 600,
    webPreferences: {
      preload: fileURLToPath(new URL('preload.cjs', import.meta.url)),
      contextIsolation: true,
      nodeIntegration: false,
      sandbox: true,
    },
  });
  window.webContents.setWindowOpenHandler(() => ({ action: 'deny' }));
  window.webContents.on('will-navigate', (event) => event.preventDefault());
  window.loadURL(PAGE.href);
}

app.whenReady().then(openWindow);
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
