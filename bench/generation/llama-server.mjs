// A contender of the generation benchmark: llama-server, in one of the ways in which a client may use it.
// Owns the server's process and the HTTP requests; the work comes as token ids.
import { spawn } from 'node:child_process';
import http from 'node:http';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { peakMemory, processorSeconds } from '../harness/environment.mjs';

export class LlamaServer {
  #process;
  #port;
  #ended;
  #log = '';
  // A connection for each request: one that is kept holds a thread of the server for 5 s, and may close as it is used again.
  #agent = new http.Agent({ keepAlive: false, maxSockets: 512 });

  /**
   * Starts a server. `settings`: `{ slots, cells, unified, flash, cacheRam, ubatch, embeds }`; `usage` says how chains
   * are asked for: `together` (one request a prompt, `n_cmpl` chains) or `single` (one request a chain).
   */
  static async start(binary, { model, threads, gpuLayers = 0, settings, usage = 'together' }) {
    const server = new LlamaServer();
    server.usage = usage;
    server.#port = await freePort();
    const { slots, cells, unified = true, flash = 'auto', cacheRam, ubatch = 512, embeds = false } = settings;
    const args = ['-m', model, '--host', '127.0.0.1', '--port', String(server.#port), '--offline', '--no-ui'];
    args.push('-t', String(threads), '-tb', String(threads), '-c', String(cells), '-np', String(slots));
    args.push(
      '-b',
      String(Math.max(ubatch, 512)),
      '-ub',
      String(ubatch),
      '-fa',
      flash,
      '-ngl',
      String(gpuLayers),
    );
    args.push(unified ? '-kvu' : '-no-kvu', '-fit', 'off');
    if (cacheRam !== undefined) args.push('--cache-ram', String(cacheRam));
    if (embeds) args.push('--embeddings', '--pooling', 'mean');
    server.#process = spawn(binary, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    server.#process.stderr.on('data', (data) => {
      server.#log = `${server.#log}${data}`.slice(-1500);
    });
    // It reads nothing of ours that would end with the benchmark.
    const end = () => server.#process.kill('SIGKILL');
    process.once('exit', end);
    server.#process.on('exit', () => process.off('exit', end));
    server.#ended = new Promise((resolve) => {
      server.#process.on('error', (error) => resolve(error.message));
      server.#process.on('exit', (code, signal) => resolve(`it ended (${signal ?? code})`));
    });
    await server.#untilHealthy();
    return server;
  }

  peakMemory() {
    return peakMemory(this.#process.pid);
  }

  processorSeconds() {
    return processorSeconds(this.#process.pid);
  }

  async stop() {
    this.#agent.destroy();
    this.#process.kill('SIGTERM');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), 10_000);
    await this.#ended;
    clearTimeout(timer);
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Ends it at once; what it was asked fails. */
  kill() {
    this.#process.kill('SIGKILL');
  }

  /** Runs items of groups, all handed over at once but for `together`, whose requests need their slots free. */
  async run(items, { tokens, temperature, seed, slots }) {
    const requests = items.flatMap(({ groups }) =>
      groups.flatMap(({ samples, prompt }) =>
        this.usage === 'together'
          ? [{ prompt, n: samples }]
          : Array.from({ length: samples }, () => ({ prompt, n: 1 })),
      ),
    );
    const start = performance.now();
    let free = slots;
    const waiting = [];
    const take = async (n) => {
      while (free < n) await new Promise((resolve) => waiting.push(resolve));
      free -= n;
    };
    const give = (n) => {
      free += n;
      for (const wake of waiting.splice(0)) wake();
    };
    const answers = [];
    const running = [];
    for (const [index, { prompt, n }] of requests.entries()) {
      await take(n);
      const request = this.#complete(prompt, n, { tokens, temperature, seed: seed + index }).then((found) => {
        answers[index] = found;
        give(n);
      });
      // A failure shows where all are awaited.
      request.catch(() => give(n));
      running.push(request);
    }
    await Promise.all(running);
    const seconds = (performance.now() - start) / 1000;
    const chains = answers.flat();
    return {
      seconds,
      promptTokens: chains.reduce((sum, { tokens_evaluated }) => sum + tokens_evaluated, 0),
      generatedTokens: chains.reduce((sum, { tokens_predicted }) => sum + tokens_predicted, 0),
      texts: answers.map(([first]) => Buffer.from(first.content).toString('hex')),
    };
  }

  /** Embeds texts, so many a request, a few requests at a time. */
  async embed(texts, { perRequest = 32, atOnce = 2 } = {}) {
    const start = performance.now();
    const vectors = [];
    let next = 0;
    const serve = async () => {
      for (let at = next; at < texts.length; at = next) {
        next = at + perRequest;
        const answer = await this.#post('/v1/embeddings', {
          input: texts.slice(at, next),
          encoding_format: 'float',
        });
        for (const { index, embedding } of answer.data) vectors[at + index] = embedding;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, serve));
    const seconds = (performance.now() - start) / 1000;
    return {
      seconds,
      texts: texts.length,
      dimension: vectors[0].length,
      first: vectors[0],
      last: vectors.at(-1),
    };
  }

  async #complete(prompt, n, { tokens, temperature, seed }) {
    const answer = await this.#post('/completion', {
      prompt,
      n_predict: tokens,
      n_cmpl: n,
      ignore_eos: true,
      temperature,
      // The least that gives the same distribution. At temperature 0 it is this sampler that leaves the likeliest token only:
      // with no sampler at all the server draws from the whole distribution, whatever the temperature.
      samplers: ['temperature'],
      top_k: 0,
      top_p: 1,
      min_p: 0,
      repeat_penalty: 1,
      seed,
      cache_prompt: true,
      stream: false,
    });
    return Array.isArray(answer) ? answer : [answer];
  }

  #post(path, body) {
    const data = JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const request = http.request(
        {
          host: '127.0.0.1',
          port: this.#port,
          path,
          method: 'POST',
          agent: this.#agent,
          headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(data) },
        },
        (response) => {
          const chunks = [];
          response.on('data', (chunk) => chunks.push(chunk));
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString('utf8');
            if (response.statusCode === 200) resolve(JSON.parse(text));
            else reject(new Error(`llama-server answered ${response.statusCode}: ${text.slice(0, 300)}`));
          });
          response.on('error', reject);
        },
      );
      request.on('error', reject);
      request.end(data);
    });
  }

  async #untilHealthy() {
    for (let i = 0; i < 1200; i++) {
      const ended = await Promise.race([this.#ended, sleep(50)]);
      if (ended !== undefined) throw new Error(`llama-server did not start: ${ended}: ${this.#log.trim()}`);
      const healthy = await new Promise((resolve) => {
        const request = http.get({ host: '127.0.0.1', port: this.#port, path: '/health' }, (response) => {
          response.resume();
          resolve(response.statusCode === 200);
        });
        request.on('error', () => resolve(false));
      });
      if (healthy) return;
    }
    await this.stop();
    throw new Error('llama-server was not ready within a minute');
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
