// A reward server over a generator without a model, and short ways to ask it.

import type { Embedder } from '../../src/generator/embedder.js';
import type { RequestRecord } from '../../src/http-server/app.js';
import { serviceJudging } from '../../src/http-server/judging/service-judging.js';
import type { ServerOptions } from '../../src/http-server/options.js';
import { RewardServer } from '../../src/http-server/server.js';
import { RewardModel } from '../../src/reward-model/reward-model.js';
import { LocalService } from '../../src/service/local-service.js';
import type { UserStore } from '../../src/users/user-store.js';
import { FakeGenerator, type FakeOptions } from './fake-generator.js';

/** What a test asks and looks at. */
export interface TestServer extends AsyncDisposable {
  readonly server: RewardServer;
  readonly generator: FakeGenerator;
  readonly log: RequestRecord[];
  /** Sends a body as JSON; `status`, `headers` and the answer as read from JSON. */
  ask(path: string, body?: unknown, init?: RequestInit): Promise<Answered>;
}

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers as plain data.
  readonly json: any;
}

/** How a test's server differs from the usual one. */
export interface TestOptions extends ServerOptions {
  readonly fake?: FakeOptions;
  readonly users?: UserStore;
  readonly embedder?: Embedder;
}

export async function startServer({
  fake,
  users,
  embedder,
  ...options
}: TestOptions = {}): Promise<TestServer> {
  const generator = new FakeGenerator(fake);
  const model = await RewardModel.over(generator);
  const log: RequestRecord[] = [];
  const server = await RewardServer.start(
    {
      load: () =>
        serviceJudging(serviceOver(model, embedder), {
          model: { model: 'fake' },
          judge: options.judge ?? {},
          embedder: embedder === undefined ? null : { model: 'fake' },
        }),
      users: users ?? null,
      log: (record) => log.push(record),
    },
    { gatherMs: 2000, ...options },
  );
  await server.ready;
  return {
    server,
    generator,
    log,
    async ask(path, body, init = {}) {
      const sent = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
      const response = await fetch(`${server.url}${path}`, {
        ...sent,
        ...init,
        headers: { 'content-type': 'application/json', ...init.headers },
      });
      const text = await response.text();
      const isJson = (response.headers.get('content-type') ?? '').includes('json');
      return { status: response.status, headers: response.headers, json: isJson ? JSON.parse(text) : text };
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

/** A service over a model that is there already. */
function serviceOver(model: RewardModel, embedder: Embedder | undefined): LocalService {
  const source = <T>(value: T, kind: 'judge' | 'embedder', close: () => Promise<void>) => ({
    ...{ key: kind, name: 'fake', kind },
    needs: async () => 0,
    load: async () => ({ value, bytes: 0, close }),
  });
  return new LocalService(
    {},
    {
      judge: () => source(model, 'judge', () => model.close()),
      embedder: () => source(embedder!, 'embedder', async () => {}),
    },
  );
}
