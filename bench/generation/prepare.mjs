// Writes the work of the generation benchmark as token ids, once for all contenders:
//   node prepare.mjs '{ model, gpu, threads, out, promptTokens, items, users, proto, own, maxPrompt, texts, sharedData }'
// A process of its own, so that the vocabulary it loads counts for nobody's memory.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { loadNativeGenerator } from '../../dist/generator/native/native-generator.js';
import { createChatTemplate } from '../../dist/prompt/chat/chat-template.js';
import { fitPrompt } from '../../dist/prompt/fit-prompt.js';
import { resolveTemplate } from '../../dist/template-files/resolve-template.js';
import { seededRandom } from '../harness/statistics.mjs';
import { greedyChecks } from './greedy-checks.mjs';

const order = JSON.parse(process.argv[2]);
const generator = await loadNativeGenerator({
  modelPath: order.model,
  gpu: 'off',
  threads: 1,
  maxSequences: 1,
  contextTokens: Math.min(4096, order.context),
});
const { model } = generator;
const tokenize = (text) => generator.tokensOf([{ text, trusted: false }]);
const random = seededRandom(7);
/** Characters of about 100 tokens: how long queries and replies are, whatever the vocabulary. */
const TEXT = Math.round((100 * 2000) / tokenize(madeUpText(2000)).length);

/** Most tokens of a prompt that greedy texts are checked on; the bundled model's whole prompts are shorter. */
const CHECKED_PROMPT = 800;

const { users, source } = readUsers(order.sharedData) ?? madeUpUsers();
const work = {
  model: order.model,
  data: source,
  prompt: randomPrompt(order.promptTokens),
  short: randomPrompt(512),
  heads: [...new Set(randomPrompt(400))].slice(0, 200),
  dataSet: await dataSet(),
  texts: texts(order.texts),
};
await generator[Symbol.asyncDispose]();
const [own, other] = [work.dataSet[0], work.dataSet.at(-1)].map(({ groups: [{ prompt }] }) => prompt);
work.checks = await greedyChecks(order, [
  own.slice(0, CHECKED_PROMPT),
  other.slice(0, CHECKED_PROMPT),
  work.short.slice(0, 256),
]);
writeFileSync(order.out, JSON.stringify(work));
const lengths = work.dataSet.flatMap((item) => item.groups.map((group) => group.prompt.length));
console.log(
  JSON.stringify({
    data: source,
    prompts: lengths.length,
    meanPromptTokens: Math.round(lengths.reduce((sum, n) => sum + n, 0) / lengths.length),
    checks: work.checks.length,
  }),
);

/** Ordinary tokens: data spells no control token. */
function randomPrompt(length) {
  const ordinary = [...new Set(tokenize(madeUpText(4000)))];
  return Array.from({ length }, () => ordinary[Math.floor(random() * ordinary.length)]);
}

/** Items in the order of their users: own prompts in both orders of the responses, then those of similar users. */
async function dataSet() {
  // The shortest template, whatever the model was made for: made-up vocabularies spell words out.
  const template = await resolveTemplate('compact', model.metadata);
  const chat = createChatTemplate(model.chatTemplate, model);
  const prompt = async (user, item, swapped) => {
    const responses = swapped ? [...item.candidates].reverse() : item.candidates;
    const { history, criteria } = user;
    const options = {
      template,
      chat,
      generator,
      user: { history, criteria },
      context: item.context,
      responses,
    };
    const fitted = await fitPrompt({ ...options, maxPromptTokens: order.maxPrompt, maxEvents: 3 });
    return Array.from(generator.tokensOf(fitted.prompt));
  };
  const items = [];
  const chosen = users.slice(0, order.users);
  for (const [at, user] of chosen.entries()) {
    for (let i = 0; i < order.items / order.users; i++) {
      const item = user.items[i % user.items.length];
      const groups = [];
      for (const swapped of [false, true]) {
        groups.push({ samples: order.own / 2, prompt: await prompt(user, item, swapped) });
      }
      for (let n = 1; n <= order.proto; n++) {
        const other = chosen[(at + n + i) % chosen.length];
        groups.push({ samples: 1, prompt: await prompt(other, item, n % 2 === 1) });
      }
      items.push({ groups });
    }
  }
  return items;
}

function texts(count) {
  return Array.from({ length: count }, () => madeUpText(Math.round(TEXT * (0.1 + random()))));
}

/** Users of the style-users data with three events and their items; null where it is not there. */
function readUsers(folder) {
  const file = folder && path.join(folder, 'style-users', 'pairs.jsonl.gz');
  if (!file || !existsSync(file)) return null;
  const byUser = new Map();
  for (const line of gunzipSync(readFileSync(file)).toString('utf8').split('\n')) {
    if (line === '') continue;
    const row = JSON.parse(line);
    const rows = byUser.get(row.user_id) ?? [];
    rows.push(row);
    byUser.set(row.user_id, rows);
  }
  const short = (turn) => ({ role: turn.role, content: turn.content.slice(0, TEXT) });
  const users = [...byUser.values()]
    .filter((rows) => rows.length >= 8)
    .slice(0, 64)
    .map((rows) => ({
      criteria: '',
      history: rows.slice(0, 3).map((row) => ({
        context: row.context.map(short),
        chosen: row.chosen.content.slice(0, TEXT),
        rejected: row.rejected.content.slice(0, TEXT),
      })),
      items: rows.slice(3).map((row) => ({
        context: row.context.map(short),
        candidates: [row.chosen.content.slice(0, TEXT), row.rejected.content.slice(0, TEXT)],
      })),
    }));
  return { users, source: `style-users, texts cut to ${TEXT} characters` };
}

function madeUpUsers() {
  const turn = () => ({ role: 'user', content: madeUpText(TEXT) });
  const users = Array.from({ length: 64 }, () => ({
    criteria: '',
    history: Array.from({ length: 3 }, () => ({
      context: [turn()],
      chosen: madeUpText(TEXT),
      rejected: madeUpText(TEXT),
    })),
    items: Array.from({ length: 8 }, () => ({
      context: [turn()],
      candidates: [madeUpText(TEXT), madeUpText(TEXT)],
    })),
  }));
  return { users, source: 'made-up text' };
}

function madeUpText(characters) {
  let text = '';
  while (text.length < characters) {
    const length = 2 + Math.floor(random() * 8);
    for (let i = 0; i < length; i++) text += String.fromCharCode(97 + Math.floor(random() * 26));
    text += random() < 0.1 ? '. ' : ' ';
  }
  return text.slice(0, characters);
}
