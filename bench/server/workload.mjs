// The rows that the server and `pgenrm score` judge alike, and how they are asked for over HTTP.
import { writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { openPreferenceData } from '../../dist/data/preference-data.js';
import { inputOf } from '../../dist/run/rows.js';

const TOPICS = ['bread', 'tea', 'a tent', 'chess', 'the moon', 'basil', 'a bicycle', 'sleep'];

/** Writes rows of users who like lists or talk, each with a history of four choices. */
export function writeWorkload(file, users, rowsPerUser) {
  const lines = [];
  for (let user = 0; user < users; user += 1) {
    for (let n = 0; n < 4 + rowsPerUser; n += 1) {
      const topic = TOPICS[(user + n) % TOPICS.length];
      const list = `- Think of ${topic}\n- Try it ${n + 1} times\n- Write down what happened`;
      const talk = `Well, ${topic} is a fine thing to ask about! I would try it ${n + 1} times and see what comes of it.`;
      const [chosen, rejected] = user % 2 === 0 ? [list, talk] : [talk, list];
      lines.push({
        conversation_id: `u${user}-${n}`,
        user_id: `u${user}`,
        context: [{ role: 'user', content: `What about ${topic}, question ${n} of user ${user}?` }],
        chosen: { role: 'assistant', content: chosen },
        rejected: { role: 'assistant', content: rejected },
        turns: 1,
        split: n < 4 ? 'train' : 'test',
      });
    }
  }
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

/** The bodies of requests that judge the rows of a file as `pgenrm score` does. */
export async function bodiesOf(file, options) {
  const data = await openPreferenceData(file, { split: 'test' });
  const bodies = [];
  for await (const row of data.rows()) {
    const { id, user, context, candidates } = inputOf(row);
    bodies.push({
      id,
      user: { ...user, history: user.history.map(plainEvent) },
      context,
      candidates,
      options,
    });
  }
  return bodies;
}

function plainEvent({ context, chosen, rejected }) {
  return { context, chosen, rejected };
}

/** A client that keeps its connections, `connections` at most. */
export function client(url, connections) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const headers = { 'content-type': 'application/json' };
  return {
    post(path, body, signal) {
      const text = JSON.stringify(body);
      return new Promise((resolve, reject) => {
        const sent = request(`${url}${path}`, { method: 'POST', agent, headers, signal }, (response) => {
          let answer = '';
          response.setEncoding('utf8').on('data', (some) => {
            answer += some;
          });
          response.on('error', reject);
          response.on('end', () =>
            response.statusCode === 200
              ? resolve(JSON.parse(answer))
              : reject(new Error(`${response.statusCode} ${answer.slice(0, 300)}`)),
          );
        });
        sent.on('error', reject);
        sent.end(text);
      });
    },
    close: () => agent.destroy(),
  };
}

/** Does `work` for every value with so many workers, and gives the milliseconds that it took. */
export async function withClients(values, clients, work) {
  const began = performance.now();
  let next = 0;
  const worker = async () => {
    while (next < values.length) {
      const at = next;
      next += 1;
      await work(values[at], at);
    }
  };
  await Promise.all(Array.from({ length: clients }, worker));
  return performance.now() - began;
}
