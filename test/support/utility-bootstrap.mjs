// Runs a module as Electron's utility process would: `process.parentPort` in place of `process.send`, messages in events and
// held until somebody listens. Started by `utility-process.ts`.
import { EventEmitter } from 'node:events';

const send = process.send.bind(process);
const port = new EventEmitter();
const early = [];
port.postMessage = (message, ...rest) => {
  if (rest.length > 0) throw new TypeError('a utility process has no transfer list');
  if (process.connected) send(message, undefined, undefined, () => undefined);
};
port.on('newListener', (event) => {
  if (event !== 'message') return;
  queueMicrotask(() => {
    for (const data of early.splice(0)) port.emit('message', { data, ports: [] });
  });
});
process.on('message', (data) => {
  if (port.listenerCount('message') === 0) early.push(data);
  else port.emit('message', { data, ports: [] });
});
// Electron ends its utility processes with the application.
process.on('disconnect', () => process.exit(0));
process.parentPort = port;
delete process.send;
await import(process.argv[2]);
