// Hostile texts of models and hostile chat templates, damaged models, lines without end: each ends with an answer or a named error.
// Knows the parts that read them.
import { createReadStream, createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { hasStack, pgenrm, root, Tally } from './campaign.mjs';

const load = (file) => import(path.join(root, 'dist', file));

const PIECES = [
  '<JSON_START>',
  '<JSON_END>',
  '{"rationale": "',
  '"better_response": {',
  '"response_1": ',
  '"response_2": ',
  '7',
  '8.5',
  '-1',
  '1e309',
  '"}',
  '}',
  '{',
  '[',
  ']',
  '"',
  '\\',
  '\\u',
  '\n',
  ',',
  ':',
  '/10',
  ' out of ',
  'Final Score = (7*1.00) = 7',
  '(100%)',
  '1. Fit: 8/10',
  '<think>',
  '</think>',
  '[THINK]',
  '<|channel|>analysis<|message|>',
  'A. Evaluation Criteria & Weights:',
  'B. Scoring Breakdown:',
  'Response 1:',
  'PART 1: Chain-of-Thought Analysis',
  'PART 2',
  '**',
  '- Fit (100%): one thing.',
  '\u202e',
  '\u200b',
  '\ud800',
  '\u0000',
  '７',
  ' '.repeat(50),
  '('.repeat(30),
];

const WHOLE = [
  'PART 1: Chain-of-Thought Analysis\n\n1. **User Preference Synthesis**\n- Likes what is short.\n',
  '2. **Personalized Scoring Model Derivation**\n- Length (60%): short.\n- Fit (40%): on the point.\n\nPART 2: Final Scoring and JSON Output\n',
  '<JSON_START>\n{"rationale": "A. Evaluation Criteria & Weights:\\n1. Length - 60%\\n2. Fit - 40%\\n(Total = 100%)\\nB. Scoring Breakdown:\\n',
  'Response 1:\\n1. Length: 8/10 - short.\\n2. Fit: 7/10 - yes.\\nFinal Score = (8*0.60)+(7*0.40) = 7.6\\n',
  'Response 2:\\n1. Length: 4/10 - long.\\n2. Fit: 6/10 - partly.\\nFinal Score = (4*0.60)+(6*0.40) = 4.8\\n", ',
  '"better_response": {"response_1": 7.6, "response_2": 4.8}}\n<JSON_END>',
].join('');

/** A chain as it should be, with pieces put in, taken out and doubled. */
function damagedChain(random) {
  let text = WHOLE;
  for (let change = Math.floor(random() * 5); change > 0; change--) {
    const at = Math.floor(random() * text.length);
    const end = at + Math.floor(random() ** 2 * 60);
    const put = [PIECES[Math.floor(random() * PIECES.length)], '', text.slice(at, end).repeat(3)];
    text = text.slice(0, at) + put[Math.floor(random() * 3)] + text.slice(end);
  }
  return text;
}

function piecedText(random) {
  let text = '';
  for (let pieces = 1 + Math.floor(random() ** 3 * 400); pieces > 0; pieces--) {
    const piece = PIECES[Math.floor(random() * PIECES.length)];
    text += random() < 0.02 ? piece.repeat(200) : piece;
  }
  return text;
}

/** Texts put together at random, and whole chains damaged, read as chains. */
export async function hostileChains({ random, count }) {
  const tally = new Tally('a chain that is hostile text', 'read or lost, never an exception, in linear time');
  const { readChain } = await load('chain/read-chain.js');
  let worst = 0;
  for (let done = 0; done < count; done++) {
    const text = random() < 0.5 ? damagedChain(random) : piecedText(random);
    const began = performance.now();
    try {
      const chain = readChain(text, {
        responses: 2,
        thoughtsOpened: random() < 0.2,
        prompt: random() < 0.2 ? text.slice(0, 500) : '',
      });
      const scores = chain.responses.map(({ score }) => score);
      if (chain.usable && !scores.every((score) => score >= 1 && score <= 10))
        tally.breaks(`scores ${scores}`);
      else tally.count(chain.usable ? 'read' : 'lost');
    } catch (error) {
      tally.breaks(error.stack);
    }
    worst = Math.max(worst, performance.now() - began);
  }
  tally.note(`the slowest in ${worst.toFixed(0)} ms`);
  return tally;
}

const TEMPLATES = {
  'a long range': '{% for i in range(900000000) %}x{% endfor %}',
  'loops within loops':
    '{% for i in range(9999) %}{% for j in range(9999) %}{% for k in range(9999) %}{% endfor %}{% endfor %}{% endfor %}',
  'a text that doubles':
    "{% set n = namespace(x='aaaa') %}{% for i in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}{{ n.x }}",
  'a list that doubles':
    '{% set n = namespace(x=[1]) %}{% for i in range(99) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}',
  'a long text': "{{ 'a' * 900000000 }}",
  'a long list': '{{ [1] * 900000000 }}',
  'a large number': '{{ 9 ** 9 ** 9 ** 9 }}',
  'a replacement': "{% set x = 'a' * 900000 %}{{ x.replace('a', x) }}",
  'a deep indent': "{{ 'a\\nb' | indent(900000000) }}",
  'a long join': "{{ range(900000) | join('a' * 900000) }}",
  'a macro without end': '{% macro f(x) %}{{ f(x) }}{{ f(x) }}{% endmacro %}{{ f(1) }}',
  'brackets in brackets': `{{ ${'('.repeat(99_999)}1${')'.repeat(99_999)} }}`,
  'blocks in blocks': `${'{% if a %}'.repeat(20_000)}x${'{% endif %}'.repeat(20_000)}`,
  'blanks without end': `${' '.repeat(900_000)}x`,
  'a megabyte and more': 'x'.repeat(2_000_000),
  'one that raises': "{{ raise_exception('\\x1b[31mno') }}",
  'one that prints nothing': 'nothing',
  'one that does not end': '{% for m in messages %}',
};

/** Chat templates that are programs without end. */
export async function hostileTemplates({ timeoutMs }) {
  const tally = new Tally(
    'a chat template that does not end',
    'refused by name within seconds; the process goes on',
  );
  const { renderGuarded } = await load('template-guard/render-guarded.js');
  let worst = 0;
  for (const [name, source] of Object.entries(TEMPLATES)) {
    const began = performance.now();
    try {
      await renderGuarded(source, { bosToken: '<s>', eosToken: '</s>' }, undefined, { timeoutMs });
      tally.breaks(`${name} was rendered`);
    } catch (error) {
      if (error.code === 'MODEL_UNUSABLE') tally.count('refused');
      else tally.breaks(`${name}: ${error.stack}`);
    }
    worst = Math.max(worst, performance.now() - began);
  }
  tally.note(`the slowest in ${(worst / 1000).toFixed(1)} s`);
  return tally;
}

/** Copies of the bundled model with bytes of the header changed, each loaded in a process of its own if need be. */
export async function damagedModels({ folder, random, count }) {
  const tally = new Tally(
    'bytes of a GGUF header changed',
    'refused by name, or loaded; `doctor` lives whatever llama.cpp does',
  );
  const { readGgufHeader } = await load('model-file/gguf-header.js');
  const { tryLoad } = await load('doctor/try-load.js');
  const source = path.join(root, 'models', 'nano.gguf');
  const good = readFileSync(source);
  const header = Math.min(...(await readGgufHeader(source)).tensors.map(({ offset }) => offset));
  const tokens = good.indexOf('tokenizer.ggml.tokens');
  const file = path.join(folder, 'damaged.gguf');
  for (let done = 0; done < count; done++) {
    const bytes = Buffer.from(good);
    for (let change = 1 + Math.floor(random() * 3); change > 0; change--) {
      // The values before the vocabulary decide most, and are few.
      const at = Math.floor(random() * (random() < 0.6 ? tokens : header));
      bytes[at] = random() < 0.5 ? bytes[at] ^ (1 << Math.floor(random() * 8)) : Math.floor(random() * 256);
    }
    writeFileSync(file, bytes);
    try {
      await readGgufHeader(file);
    } catch (error) {
      if (error.code === 'MODEL_UNUSABLE') tally.count('refused by the header');
      else tally.breaks(error.stack);
      continue;
    }
    try {
      await tryLoad({ modelPath: file, gpu: 'off', threads: 1, contextTokens: 256, maxSequences: 1 });
      tally.count('loaded');
    } catch (error) {
      if (/ends the process/.test(error.message)) tally.count('ended llama.cpp, in the child');
      else if (error.code === 'INTERNAL' || error.code === undefined) tally.breaks(error.stack);
      else tally.count('refused on loading');
    }
  }
  return tally;
}

/** A line of many megabytes, plain and as a small gzip. */
export async function hugeLines({ folder, megabytes }) {
  const tally = new Tally(
    `a line of ${megabytes} MB, plain and as a gzip`,
    'said by its number, in bounded memory',
  );
  const plain = path.join(folder, 'huge.jsonl');
  const block = Buffer.alloc(1 << 20, 'a');
  await pipeline(
    Readable.from(
      (function* () {
        yield '{"prompt": "';
        for (let block_ = 0; block_ < megabytes; block_++) yield block;
        yield '", "chosen": "a", "rejected": "b"}\n{"prompt": "q", "chosen": "yes", "rejected": "no"}\n';
      })(),
    ),
    createWriteStream(plain),
  );
  const packed = `${plain}.gz`;
  await pipeline(createReadStream(plain), createGzip({ level: 1 }), createWriteStream(packed));
  let most = 0;
  for (const file of [plain, packed]) {
    const run = await pgenrm([
      'score',
      file,
      '--ind',
      '1',
      '--gpu',
      'off',
      '--quiet',
      '--out',
      path.join(folder, 'huge-out.jsonl'),
      '--force',
    ]);
    most = Math.max(most, run.megabytes);
    if (hasStack(run.err) || typeof run.end !== 'number')
      tally.breaks(`${run.end}: ${run.err.slice(0, 300)}`);
    else if (run.megabytes > 1_500) tally.breaks(`${run.megabytes} MB of memory`);
    else tally.count(run.end === 0 ? 'read' : `ended with ${run.end} and a message`);
  }
  tally.note(`${most} MB of memory at most, the model among them`);
  return tally;
}
