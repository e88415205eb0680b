// What the page may do: judge, stop, hear of progress. A sandboxed preload is CommonJS.
// @ts-check
const { contextBridge, ipcRenderer } = require('electron');

contextBridge.exposeInMainWorld('judge', {
  /** @param {string} id @param {unknown} input */
  judge: (id, input) => ipcRenderer.invoke('judge:judge', id, input),
  /** @param {string} id */
  stop: (id) => ipcRenderer.send('judge:stop', id),
  /** @param {(progress: unknown) => void} listener */
  onProgress: (listener) => {
    ipcRenderer.on('judge:progress', (_, progress) => listener(progress));
  },
});
