// `npm run bench -- http`: judging on llama-server against a plain driver that sends the very same requests, with one server
// and with two of one thread each; and what the client's own work costs beside the servers'.
import diagnostics from 'node:diagnostics_channel';
import http from 'node:http';
import { parseArgs } from 'node:util';
import { RewardModel } from '../../dist/api/index.js';
import { findPeers } from '../../scripts/bench-peers.mjs';
import { LlamaServer } from '../generation/llama-server.mjs';
import { environment, environmentText, root } from '../harness/environment.mjs';
import { table } from '../harness/report.mjs';
import { median } from '../harness/statistics.mjs';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    tokens: { type: 'string', default: '160' },
  },
});
const users = values.quick ? 3 : 8;
const rounds = values.quick ? 1 : Number(values.rounds);
const maxTokens = values.quick ? 48 : Number(values.tokens);
const CHAINS = 4;
const SLOTS = 64;

const binary = findPeers()['llama-server'];
if (binary === null) {
  console.error('llama-server is not built: npm run bench:peers');
  process.exit(2);
}

/** Items of several users, each with a history of their own. */
const rows = Array.from({ length: users * 4 }, (_, row) => {
  const user = row % users;
  const said = (n) =>
    `What do you think of subject ${user * 31 + n}, and how would you go about it in a small town?`;
  return {
    id: `row ${row}`,
    user: {
      id: `user ${user}`,
      history: Array.from({ length: 3 }, (_, event) => ({
        context: [{ role: 'user', content: said(event) }],
        chosen: `In short: begin with step ${user + event}, keep notes, and ask a neighbour for the rest.`,
        rejected: `There are many ways to look at subject ${event}, and all of them deserve a long and careful essay.`,
      })),
    },
    context: [{ role: 'user', content: said(100 + row) }],
    candidates: [
      'First measure, then cut; twice is enough.',
      'It depends on a great many things, as you know.',
    ],
  };
});

/** The bodies of all samples that are asked for while `work` runs. */
async function recorded(work) {
  const bodies = [];
  const note = ({ request }) => {
    if (request.path === '/completion') bodies.push(String(request.body));
  };
  diagnostics.subscribe('undici:request:create', note);
  await work();
  diagnostics.unsubscribe('undici:request:create', note);
  return bodies;
}

/** Sends bodies as they are, so many at once to each server, one connection a request. */
async function drive(servers, bodies) {
  const agent = new http.Agent({ keepAlive: false, maxSockets: 512 });
  let tokens = 0;
  let next = 0;
  const lane = async (url) => {
    while (next < bodies.length) {
      const body = bodies[next++];
      const answer = JSON.parse(await post(`${url}/completion`, body, agent));
      tokens += answer.tokens_predicted;
    }
  };
  await Promise.all(
    servers.flatMap(({ url }) => Array.from({ length: SLOTS / servers.length }, () => lane(url))),
  );
  return tokens;
}

function post(url, body, agent) {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const request = http.request(url, { method: 'POST', agent, headers }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`llama-server answered ${response.statusCode}: ${text.slice(0, 300)}`));
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** Judges all rows; tokens written, the rows judged, the client's own processor seconds and the servers'. */
async function judge(servers, seed) {
  const model = await RewardModel.load({ urls: servers.map(({ url }) => url), model: 'nano' });
  try {
    const before = process.cpuUsage();
    const busy = servers.map((server) => server.processorSeconds());
    const start = performance.now();
    let tokens = 0;
    let failed = 0;
    const options = { individual: CHAINS, maxTokens, seed, concurrency: SLOTS / CHAINS };
    for await (const { judgment } of model.judgeMany(rows, options)) {
      if (judgment === undefined) failed += 1;
      else tokens += judgment.tokens.generated;
    }
    const seconds = (performance.now() - start) / 1000;
    const own = process.cpuUsage(before);
    const theirs = servers.reduce((sum, server, index) => sum + server.processorSeconds() - busy[index], 0);
    const repeated = model.generatorInfo.details.repeated;
    return { tokens, failed, seconds, own: (own.user + own.system) / 1e6, theirs, repeated };
  } finally {
    await model.close();
  }
}

const model = `${root}/models/nano.gguf`;
const results = [];
for (const count of [1, 2]) {
  const slots = SLOTS / count;
  const settings = { slots, cells: slots * 2048, unified: true };
  const servers = [];
  for (let index = 0; index < count; index++)
    servers.push(await LlamaServer.start(binary, { model, threads: 1, settings, usage: 'single' }));
  try {
    const bodies = await recorded(() => judge(servers, 0));
    await drive(servers, bodies.slice(0, SLOTS));
    const measured = [];
    for (let round = 0; round < rounds; round++) {
      const ours = async () => judge(servers, 0);
      const plain = async () => {
        const start = performance.now();
        const tokens = await drive(servers, bodies);
        return { tokens, seconds: (performance.now() - start) / 1000 };
      };
      // In turn, so that what else the machine does meets both.
      const [first, second] = round % 2 === 0 ? [ours, plain] : [plain, ours];
      const pair = [await first(), await second()];
      const [own, driven] = round % 2 === 0 ? pair : pair.reverse();
      measured.push({ own, driven });
    }
    const rate = ({ tokens, seconds }) => tokens / seconds;
    results.push({
      servers: count,
      requests: bodies.length,
      'judgments/s': (rows.length / median(measured.map(({ own }) => own.seconds))).toFixed(2),
      'tokens/s': Math.round(median(measured.map(({ own }) => rate(own)))),
      'driver, tokens/s': Math.round(median(measured.map(({ driven }) => rate(driven)))),
      ratio: median(measured.map(({ own, driven }) => rate(own) / rate(driven))).toFixed(3),
      'client / servers, processor time': `${(100 * median(measured.map(({ own }) => own.own / own.theirs))).toFixed(2)}%`,
      failed: measured.reduce((sum, { own }) => sum + own.failed, 0),
      repeated: measured.reduce(
        (sum, { own }) => sum + Object.values(own.repeated).reduce((a, b) => a + b, 0),
        0,
      ),
    });
  } finally {
    for (const server of servers) await server.stop();
  }
}
console.log(environmentText(await environment()));
console.log(
  `${rows.length} rows of ${users} users, ${CHAINS} chains each, at most ${maxTokens} tokens a chain, ${SLOTS} in flight, ${rounds} rounds in turn; nano.gguf, servers of one thread`,
);
table([Object.keys(results[0]), ...results.map((result) => Object.values(result))]);
