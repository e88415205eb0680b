// A registry on loopback (verdaccio) that serves our tarballs and passes everything else on to the registry that npm uses here.
// Owns the process and its folder.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, openSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { nodeOf, programOf } from './tools.mjs';

/** Starts it with the tarballs published; `{ url, stop }`. */
export async function startRegistry(folder, tarballs) {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const uplink = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim();
  const config = {
    storage: path.join(folder, 'storage'),
    uplinks: { outside: { url: uplink, maxage: '60m', timeout: '60s' } },
    packages: {
      '@pgenrm/*': { access: '$all', publish: '$all' },
      pgenrm: { access: '$all', publish: '$all' },
      '**': { access: '$all', proxy: 'outside' },
    },
    auth: { htpasswd: { file: path.join(folder, 'htpasswd') } },
    max_body_size: '200mb',
    log: { type: 'stdout', format: 'json', level: 'error' },
  };
  const configFile = path.join(folder, 'config.yaml');
  writeFileSync(configFile, JSON.stringify(config)); // JSON is YAML
  const log = openSync(path.join(folder, 'verdaccio.log'), 'w');
  const child = spawn(
    nodeOf(24),
    [programOf('verdaccio'), '--config', configFile, '--listen', `127.0.0.1:${port}`],
    {
      stdio: ['ignore', log, log],
    },
  );
  const stop = () => void child.kill('SIGTERM');
  try {
    await answering(url, child);
    for (const tarball of tarballs) publish(tarball, url, folder);
  } catch (error) {
    stop();
    throw error;
  }
  return { url, stop };
}

async function answering(url, child) {
  for (let i = 0; i < 300; i++) {
    if (child.exitCode !== null) throw new Error(`verdaccio ended with ${child.exitCode}`);
    const answer = await fetch(`${url}-/ping`).catch(() => null);
    if (answer?.ok) return;
    await wait(200);
  }
  throw new Error(`verdaccio does not answer at ${url}`);
}

function publish(tarball, url, folder) {
  const userconfig = path.join(folder, 'npmrc');
  writeFileSync(userconfig, `${url.replace('http:', '')}:_authToken=none\n`);
  execFileSync(
    'npm',
    [
      'publish',
      tarball,
      '--registry',
      url,
      '--userconfig',
      userconfig,
      '--access',
      'public',
      '--loglevel',
      'error',
    ],
    {
      stdio: ['ignore', 'ignore', 2],
    },
  );
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
