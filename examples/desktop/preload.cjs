// What the page may do: load, judge, stop, hear of progress and chains. A sandboxed preload is CommonJS.
// @ts-check
const { contextBridge, ipcRenderer } = require('electron');

contextBridge.exposeInMainWorld('judge', {
  load: () => ipcRenderer.invoke('judge:load'),
  /** @param {string} id @param {unknown} input @param {unknown} options */
  judge: (id, input, options) => ipcRenderer.invoke('judge:judge', id, input, options),
  /** @param {string} id */
  stop: (id) => ipcRenderer.send('judge:stop', id),
  /** @param {(progress: unknown) => void} listener */
  onProgress: (listener) => {
    ipcRenderer.on('judge:progress', (_, progress) => listener(progress));
  },
  /** @param {(id: string, event: unknown) => void} listener */
  onEvent: (listener) => {
    ipcRenderer.on('judge:event', (_, id, event) => listener(id, event));
  },
});
