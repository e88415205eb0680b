// A reward server over a generator without a model, in a process of its own: what HTTP and the server cost.
// Says its address; answers messages with memory after a collection, and with what the judge took.
import { createServer } from 'node:http';
import { serviceJudging } from '../../dist/http-server/judging/service-judging.js';
import { RewardServer } from '../../dist/http-server/server.js';
import { RewardModel } from '../../dist/reward-model/reward-model.js';
import { LocalService } from '../../dist/service/local-service.js';
import { FakeGenerator } from '../../dist/testing/fake-generator.js';

const generator = new FakeGenerator();
// It keeps what it was asked, for tests; here that would be the memory that grows.
generator.requests.push = () => 0;
const model = await RewardModel.over(generator);
/** Milliseconds of the judge's own work by the id of the item, while a part asks for them. */
const took = new Map();
const source = {
  ...{ key: 'fake', name: 'fake', kind: 'judge' },
  needs: async () => 0,
  load: async () => ({ value: model, bytes: 0, close: () => model.close() }),
};
const judging = await serviceJudging(new LocalService({}, { judge: () => source }), {
  model: { model: 'fake' },
});
const timed = {
  ...judging,
  async judge(input, options) {
    const began = performance.now();
    const judgment = await judging.judge(input, options);
    if (input.id !== undefined) took.set(input.id, performance.now() - began);
    return judgment;
  },
};
const server = await RewardServer.start({ load: async () => timed, users: null });
await server.ready;

let bare;
process.on('message', async (message) => {
  if (message.ask === 'memory') {
    globalThis.gc();
    globalThis.gc();
    const { rss, heapUsed, external } = process.memoryUsage();
    process.send({ rss, heapUsed, external });
  } else if (message.ask === 'bare') {
    bare = createServer((request, response) => {
      request.on('data', () => {});
      request.on('end', () => response.end(JSON.stringify({ answer: 'x'.repeat(500) })));
    });
    bare.listen(0, '127.0.0.1', () => process.send({ url: `http://127.0.0.1:${bare.address().port}` }));
  } else if (message.ask === 'took') {
    process.send(Object.fromEntries(took));
    took.clear();
  } else {
    bare?.close();
    await server.stop();
    process.disconnect();
  }
});
process.send({ url: server.url });
