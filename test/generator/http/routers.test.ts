// The released routers of vLLM and SGLang in front of stand-in workers: requests of one user stay at one worker.
// Opt-in: `npm run test:routers` installs the routers and names their Python in PGENRM_ROUTERS.
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { loadHttpGenerator } from '../../../src/generator/http/http-generator.js';
import type { HttpOptions } from '../../../src/generator/http/http-options.js';
import { freePort } from '../../support/llama-server.js';
import { type StandInOptions, startStandIn } from '../../support/stand-in-server.js';

const python = process.env.PGENRM_ROUTERS;
const USERS = 12;

interface Routed {
  readonly router: string;
  readonly policy: string;
  readonly worker: StandInOptions;
  readonly route: string;
  readonly options: Partial<HttpOptions>;
  readonly engine: string;
}

const ROUTERS: readonly Routed[] = [
  {
    router: 'vllm_router',
    policy: 'consistent_hash',
    worker: { kind: 'vllm' },
    route: '/v1/completions',
    options: {},
    engine: 'vLLM',
  },
  {
    // It passes neither /tokenize nor /server_info: what is behind it is a server of OpenAI's routes.
    router: 'sglang_router',
    policy: 'manual',
    worker: { kind: 'openai' },
    route: '/v1/completions',
    options: { dialect: 'openai', contextTokens: 2048 },
    engine: 'OpenAI-compatible',
  },
];

async function startRouter({ router, policy }: Routed, workers: readonly string[]) {
  const [port, metrics] = [await freePort(), await freePort()];
  const child = spawn(
    python!,
    ['-m', `${router}.launch_router`, '--host', '127.0.0.1', '--port', `${port}`].concat(
      ['--prometheus-port', `${metrics}`, '--policy', policy, '--worker-urls'],
      workers,
    ),
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries += 1) {
    const there = await fetch(`${url}/health`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (there) break;
    if (tries > 200) throw new Error(`${router} did not start`);
    await sleep(100);
  }
  return { url, [Symbol.dispose]: () => void child.kill('SIGKILL') };
}

describe.skipIf(python === undefined)('routers (npm run test:routers)', () => {
  it.each(ROUTERS.map((one) => [one.router, one] as const))(
    '%s keeps a user at a worker',
    async (_, one) => {
      const worker = { ...one.worker, routed: true };
      await using first = await startStandIn(worker);
      await using second = await startStandIn(worker);
      using router = await startRouter(one, [first.url, second.url]);
      await using generator = await loadHttpGenerator({ urls: [router.url], ...one.options });
      expect(generator.info.engine).toBe(one.engine);
      const asked = Array.from({ length: USERS }, (_, user) => user).flatMap((user) =>
        [1, 2, 3].map((seed) =>
          generator.generate({
            prompt: [{ text: `History of user ${user}. Item ${seed}.`, trusted: false }],
            seeds: [seed, seed + 10],
            sampling: { temperature: 1, topP: 1, minP: 0 },
            maxTokens: 6,
            affinity: `user ${user}`,
          }),
        ),
      );
      const samples = (await Promise.all(asked)).flatMap(({ samples }) => samples);
      expect(samples).toHaveLength(USERS * 6);
      expect(samples.every(({ text }) => text !== '')).toBe(true);
      const users = [first, second].map(({ requests }) => {
        const sent = requests.filter(({ path, body }) => path === one.route && body.max_tokens === 6);
        const said = (body: { prompt: string | number[] }) =>
          typeof body.prompt === 'string' ? body.prompt : String.fromCodePoint(...body.prompt);
        return new Set(sent.map(({ body }) => /user (\d+)/.exec(said(body))![1]));
      });
      const both = [...users[0]!].filter((user) => users[1]!.has(user)).length;
      const repeated = Object.values(generator.info.details.repeated as Record<string, number>);
      const line = {
        router: one.router,
        policy: one.policy,
        engine: one.engine,
        users: USERS,
        workers: users.map(({ size }) => size).join(' + '),
        split: both,
        repeated: repeated.reduce((sum, count) => sum + count, 0),
      };
      if (process.env.PGENRM_ROUTERS_REPORT !== undefined)
        appendFileSync(process.env.PGENRM_ROUTERS_REPORT, `${JSON.stringify(line)}\n`);
      expect(both).toBe(0);
      expect(Math.min(...users.map(({ size }) => size))).toBeGreaterThan(0);
    },
    60_000,
  );
});
