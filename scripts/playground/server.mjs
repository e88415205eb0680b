// Serves a built page on loopback, as a web host should: types, and the headers by which a page may have threads.

import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';

const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.gguf': 'application/octet-stream',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.wasm': 'application/wasm',
};
const ISOLATED = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

/** Listens at a free port, or at `port`. `isolated: false`: without COOP and COEP, as many hosts do. */
export function servePage(folder, { port = 0, isolated = true } = {}) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const file = path.join(folder, path.normalize(decodeURIComponent(pathname)));
    const whole = pathname.endsWith('/') ? path.join(file, 'index.html') : file;
    const inside = whole.startsWith(folder + path.sep);
    const info = inside ? statSync(whole, { throwIfNoEntry: false }) : undefined;
    if (!info?.isFile()) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('not found');
      return;
    }
    response.writeHead(200, {
      'content-type': TYPES[path.extname(whole)] ?? 'application/octet-stream',
      'content-length': info.size,
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      ...(isolated ? ISOLATED : {}),
    });
    createReadStream(whole).pipe(response);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const { port: taken } = server.address();
      resolve({ url: `http://127.0.0.1:${taken}/`, close: () => server.close() });
    });
  });
}
