// `npm run playground`: builds the page and opens it on loopback. `-- --build` only builds; `-- --port N` chooses the port.
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { buildPage, PAGE } from './build.mjs';
import { servePage } from './server.mjs';

const { values } = parseArgs({
  options: { build: { type: 'boolean', default: false }, port: { type: 'string', default: '0' } },
});
await buildPage();
if (values.build) {
  console.log(`the page is in ${PAGE}: any web host can serve this folder`);
} else {
  const { url } = await servePage(PAGE, { port: Number(values.port) });
  console.log(`the page is at ${url} (Ctrl+C ends)`);
  const opener = { darwin: 'open', win32: 'explorer' }[process.platform] ?? 'xdg-open';
  // Where nothing opens it, the address stands above.
  if (process.stdout.isTTY)
    spawn(opener, [url], { stdio: 'ignore', detached: true })
      .on('error', () => {})
      .unref();
}
