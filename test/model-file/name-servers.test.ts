import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageFile } from '../../src/package.js';

// Takes questions and never answers.
const silent = createSocket('udp4');
let server = '';
beforeAll(async () => {
  silent.bind(0, '127.0.0.1');
  await once(silent, 'listening');
  server = `127.0.0.1:${silent.address().port}`;
});
afterAll(() => silent.close());

/** Asks for a name in a process of its own; what it prints, and how long it lived after the request ended. */
async function ask(abortMs: number): Promise<{ readonly error: string; readonly heldMs: number }> {
  const module = pathToFileURL(packageFile('dist', 'model-file', 'download', 'connections.js')).href;
  const program = `
    import { openConnections } from ${JSON.stringify(module)};
    const stop = new AbortController();
    if (${abortMs} > 0) setTimeout(() => stop.abort(new Error('enough')), ${abortMs});
    const connections = openConnections({ connectMs: 6000, nameServers: [${JSON.stringify(server)}] }, stop.signal);
    try {
      await connections.request({ origin: 'http://nowhere.example', path: '/', method: 'GET', signal: stop.signal });
    } catch (error) {
      const ended = Date.now();
      await connections.destroy();
      process.on('exit', () => console.log(JSON.stringify({ error: error.message, heldMs: Date.now() - ended })));
    }`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
  return JSON.parse(stdout) as { error: string; heldMs: number };
}

describe('a server of names that never answers', () => {
  it('is given up, and holds the process no longer once the signal aborts', async () => {
    const { error, heldMs } = await ask(300);
    expect(error).toMatch(/enough|no server of names/);
    expect(heldMs).toBeLessThan(1500);
  });

  it('is given up after the time to connect', async () => {
    const { error } = await ask(0);
    expect(error).toMatch(/no server of names \(DNS\) answers about nowhere.example|Connect Timeout/);
  });
});
