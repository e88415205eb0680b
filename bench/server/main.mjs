// The reward server under load, on loopback: `npm run bench -- server [--quick] [--rounds N]`. Four figures with their aims:
// 64 clients beside `pgenrm score` on the same rows; what a request costs without generation; samples that come one by one; memory.
import { fork, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { environment, root } from '../harness/environment.mjs';
import { median, quantile } from '../harness/statistics.mjs';
import { bodiesOf, client, withClients, writeWorkload } from './workload.mjs';

const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, rounds: { type: 'string' }, only: { type: 'string' } },
});
const rounds = Number(values.rounds ?? (values.quick ? 1 : 5));
if (!Number.isInteger(rounds) || rounds < 1)
  throw new Error(`--rounds must be a whole number from 1, got ${values.rounds}`);
const main = path.join(root, 'dist/cli/main.js');
const folder = mkdtempSync(path.join(tmpdir(), 'pgenrm-load-'));
const number = (value, digits = 2) => value.toFixed(digits);

function serve(words) {
  const child = kept(
    spawn(process.execPath, [main, 'serve', '--port', '0', '--log-level', 'silent', ...words], {
      stdio: ['ignore', 'inherit', 'pipe'],
    }),
  );
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said += text;
      const ready = /ready at (\S+)/.exec(said);
      if (ready !== null) resolve({ url: ready[1], stop: () => stop(child) });
    });
    child.on('close', () => reject(new Error(said)));
  });
}

/** Servers that a part which fails would leave behind. */
const children = new Set();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

function kept(child) {
  children.add(child);
  child.once('close', () => children.delete(child));
  return child;
}

function stop(child) {
  child.kill('SIGTERM');
  return new Promise((resolve) => child.once('close', resolve));
}

/** Milliseconds of a run of `pgenrm score` from its start with the loaded model to its last row, as it says itself. */
function score(file, words) {
  const args = [
    main,
    'score',
    file,
    '--split',
    'test',
    '--out',
    path.join(folder, 'scores.jsonl'),
    '--force',
    '--json-progress',
    ...words,
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'pipe'] });
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
    child.on('close', () => {
      const events = said
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line));
      const last = events.findLast(({ event }) => event === 'finished');
      if (last === undefined) reject(new Error(said));
      else resolve(last.summary?.session ?? last.session);
    });
  });
}

async function throughput() {
  const file = path.join(folder, 'rows.jsonl');
  const [users, rowsPerUser] = values.quick ? [8, 4] : [16, 6];
  writeWorkload(file, users, rowsPerUser);
  const bodies = await bodiesOf(file, { individual: 4 });
  const server = await serve(['--ind', '4']);
  const { post, close } = client(server.url, 64);
  const ask = (body) => post('/v1/judge', body);
  await withClients(bodies.slice(0, 16), 16, ask);
  const ratios = [];
  const rates = { score: [], server: [] };
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? ['score', 'server'] : ['server', 'score'];
    const rate = {};
    for (const kind of order) {
      if (kind === 'score') {
        const session = await score(file, ['--ind', '4']);
        rate.score = (1000 * session.rows) / session.ms;
      } else {
        const ms = await withClients(bodies, 64, ask);
        rate.server = (1000 * bodies.length) / ms;
      }
    }
    rates.score.push(rate.score);
    rates.server.push(rate.server);
    ratios.push(rate.server / rate.score);
  }
  close();
  await server.stop();
  console.log(
    `64 clients         ${number(median(rates.server), 1)} rows/s beside ${number(median(rates.score), 1)} of pgenrm score, ratio ${number(median(ratios))} (${ratios.map((one) => number(one)).join(', ')}; aim 0.95): ${bodies.length} rows, Ind-4`,
  );
}

const ask = (child, message) =>
  new Promise((resolve) => {
    child.once('message', resolve);
    child.send(message);
  });

async function withFake(work) {
  const child = kept(fork(path.join(root, 'bench/server/fake-server.mjs'), { execArgv: ['--expose-gc'] }));
  const { url } = await new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('close', () => reject(new Error('the fake server ended')));
  });
  await work(child, url);
  const closed = new Promise((resolve) => child.once('close', resolve));
  child.send({ ask: 'stop' });
  await closed;
}

const EVENT = {
  context: [{ role: 'user', content: 'Before?' }],
  chosen: 'x'.repeat(200),
  rejected: 'y'.repeat(200),
};
const BODY = {
  user: { history: Array(8).fill(EVENT) },
  context: [{ role: 'user', content: 'What now?' }],
  candidates: ['a'.repeat(300), 'b'.repeat(400)],
};

async function overhead() {
  const count = values.quick ? 500 : 3000;
  await withFake(async (child, url) => {
    const { post, close } = client(url, 1);
    const [whole, over, bare] = [[], [], []];
    const control = client((await ask(child, { ask: 'bare' })).url, 1);
    for (let round = 0; round < 6; round += 1) {
      const asked = new Map();
      for (let n = 0; n < count / 5; n += 1) {
        const id = `${round} ${n}`;
        const body = { ...BODY, id, context: [...BODY.context, { role: 'user', content: id }] };
        const began = performance.now();
        await post('/v1/judge', body);
        asked.set(id, performance.now() - began);
        const again = performance.now();
        await control.post('/', body);
        if (round > 0) bare.push(performance.now() - again);
      }
      const took = await ask(child, { ask: 'took' });
      // The first round warms up.
      if (round === 0) continue;
      whole.push(...asked.values());
      over.push(...[...asked].map(([id, ms]) => ms - took[id]));
    }
    close();
    control.close();
    console.log(
      `a request          ${number(median(whole))} ms; without the judge's own work ${number(median(over))} ms median, ${number(quantile(over, 0.99))} at p99 (aim 2), HTTP and the client with it; a bare node:http server in turn with it ${number(median(bare))} and ${number(quantile(bare, 0.99))}: ${over.length} requests one by one, no generation`,
    );
  });
}

async function memory() {
  const total = values.quick ? 4000 : 20_000;
  await withFake(async (child, url) => {
    const { post, close } = client(url, 64);
    const seen = [];
    const part = total / 10;
    for (let at = 0; at < total; at += part) {
      const numbers = Array.from({ length: part }, (_, n) => at + n);
      await withClients(numbers, 64, (n) => {
        const context = [{ role: 'user', content: `question ${n}` }];
        if (n % 4 !== 3) return post('/v1/judge', { ...BODY, context });
        return post('/v1/judge', { ...BODY, context, candidates: [`${n}`], groupSize: 1 });
      });
      seen.push(await ask(child, { ask: 'memory' }));
    }
    close();
    const show = (name) => seen.map((one) => number(one[name] / 1e6, 0)).join(' ');
    console.log(
      `memory             heap ${show('heapUsed')}, resident ${show('rss')} MB, after each tenth of ${total} requests of 64 clients`,
    );
  });
}

async function gathered() {
  const server = await serve(['--decoding', 'guided', '--ind', '2']);
  const { post, close } = client(server.url, 16);
  const samples = Array.from(
    { length: 8 },
    (_, n) => `Sample ${n}: ${'go to the sea and rest '.repeat(n + 1)}`,
  );
  const ratios = { time: [], tokens: [] };
  const user = { history: [{ prompt: 'Where to?', chosen: 'To the sea.', rejected: 'Nowhere.' }] };
  const ways = {
    whole: (prompt) => post('/v1/judge', { prompt, user, candidates: samples }),
    single: async (prompt) => {
      const one = (candidate) => post('/v1/judge', { prompt, user, candidates: [candidate], groupSize: 8 });
      const answers = await Promise.all(samples.map(one));
      if (new Set(answers.map(({ comparison }) => comparison.group)).size !== 1)
        throw new Error('more than one group');
      return answers[0];
    },
  };
  for (let round = 0; round <= rounds * 8; round += 1) {
    const [ms, tokens] = [{}, {}];
    for (const way of round % 2 === 0 ? ['whole', 'single'] : ['single', 'whole']) {
      const began = performance.now();
      // Prompts of their own, so that neither finds the other's decoded.
      const { cost } = await ways[way](`Where shall we go on day ${round}, ${way}?`);
      ms[way] = performance.now() - began;
      tokens[way] = cost.generatedTokens;
      if (cost.comparisons !== 1) throw new Error('more than one comparison');
    }
    // The first one warms up.
    if (round === 0) continue;
    ratios.time.push(ms.single / ms.whole);
    ratios.tokens.push(tokens.single / tokens.whole);
  }
  close();
  await server.stop();
  console.log(
    `8 single samples   ${number(median(ratios.time))} of the time and ${number(median(ratios.tokens))} of the tokens of one comparison of 8 (aim 1.2), Ind-2, guided`,
  );
}

async function cancelled() {
  const server = await serve(['--decoding', 'guided', '--ind', '16']);
  const { post, close } = client(server.url, 4);
  const times = [];
  for (let round = 0; round < rounds * 4; round += 1) {
    const stopping = new AbortController();
    const body = { ...BODY, context: [{ role: 'user', content: `round ${round}` }] };
    const asked = post('/v1/judge', body, stopping.signal).catch(() => null);
    await new Promise((resolve) => setTimeout(resolve, 60));
    const began = performance.now();
    stopping.abort();
    await asked;
    for (;;) {
      const { running } = await (await fetch(`${server.url}/health`)).json();
      if (running === 0) break;
    }
    times.push(performance.now() - began);
  }
  close();
  await server.stop();
  console.log(
    `a client that goes ${number(median(times), 1)} ms median, ${number(Math.max(...times), 1)} at most, until its chains have stopped (Ind-16)`,
  );
}

const parts = { overhead, memory, gathered, cancelled, throughput };
const { cpu, cores, node, commit } = environment();
console.log(
  `${new Date().toISOString()} node ${node ?? process.version}, ${cpu ?? ''} ${cores ?? ''} commit ${commit?.slice(0, 7)}, ${rounds} rounds, nano.gguf`,
);
for (const [name, part] of Object.entries(parts)) {
  if (values.only === undefined || values.only.split(',').includes(name)) await part();
}
rmSync(folder, { recursive: true, force: true });
