// Whether an evaluation grows with the number of rows: `npm run bench -- eval-memory`. Peak memory of sampling at Ind-8 and of
// `--from` on what was sampled, each in a process of its own, with a generator that needs no model and invented rows.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: 'string', default: '500,5000' },
    resamples: { type: 'string', default: '1000' },
    /** Old space of V8 in MiB, the same for all sizes; small, so that garbage does not hide growth. */
    heap: { type: 'string', default: '256' },
  },
});
const LEVELS = [1, 2, 4, 8].map((individual) => ({ individual, prototype: 0 }));
const ROWS_PER_USER = 8;

/** Rows of users with eight rows each, of which half are history; replies of some hundred characters. */
async function writeData(file, rows) {
  const stream = createWriteStream(file);
  for (let index = 0; index < 2 * rows; index += 1) {
    const reply = (word) => `${word} ${index} `.repeat(20 + (index % 7));
    const row = {
      conversation_id: `c${index}`,
      user_id: `u${Math.floor(index / (2 * ROWS_PER_USER))}`,
      context: [{ role: 'user', content: `query ${index} of many words ${'and more '.repeat(10)}` }],
      chosen: { role: 'assistant', content: reply('chosen') },
      rejected: { role: 'assistant', content: reply('rejected') },
      split: index % 2 === 0 ? 'train' : 'test',
    };
    if (!stream.write(`${JSON.stringify(row)}\n`)) await once(stream, 'drain');
  }
  stream.end();
  await once(stream, 'finish');
}

async function sample(folder) {
  const { importTypeScript } = await import('../harness/typescript.mjs');
  const fake = await importTypeScript(new URL('../../test/support/fake-generator.ts', import.meta.url).href);
  const { openPreferenceData } = await import('../../dist/data/preference-data.js');
  const { ChainsWriter } = await import('../../dist/evaluation/chains/chains-file.js');
  const { protocolOf } = await import('../../dist/evaluation/protocol.js');
  const { sampleChains } = await import('../../dist/evaluation/chains/sample-chains.js');
  const { RewardModel } = await import('../../dist/reward-model/reward-model.js');
  const data = await openPreferenceData(path.join(folder, 'data.jsonl'), { split: 'test' });
  const writer = await ChainsWriter.open(path.join(folder, 'chains.jsonl'), 'overwrite');
  const generator = new fake.FakeGenerator();
  // Tests look at requests; here they would be what grows.
  generator.requests.push = () => 0;
  const model = await RewardModel.over(generator, { modelSha256: 'none' });
  const protocol = protocolOf(data.format);
  const { done } = await sampleChains({ data, split: 'test', model, writer, protocol, levels: LEVELS });
  await writer[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
  return done;
}

async function from(folder, resamples) {
  const { openChains } = await import('../../dist/evaluation/chains/chains-file.js');
  const { evaluate } = await import('../../dist/evaluation/evaluate.js');
  const { loadKernels } = await import('../../dist/native/choose-kernels.js');
  const stored = await openChains(path.join(folder, 'chains.jsonl'));
  const kernels = await loadKernels();
  const report = await evaluate(stored, { kernels, levels: LEVELS, resamples, adaptive: [0.05] });
  return report.rows.evaluated;
}

if (positionals.length > 0) {
  const [what, folder] = positionals;
  const rows = what === 'sample' ? await sample(folder) : await from(folder, Number(options.resamples));
  console.log(JSON.stringify({ rows, peakMiB: process.resourceUsage().maxRSS / 1024 }));
} else {
  const sizes = options.rows.split(',').map(Number);
  if (sizes.some((size) => !Number.isInteger(size) || size < 1))
    throw new Error('--rows takes whole numbers from 1');
  console.log(`| rows | sampling, peak MiB | --from, peak MiB |\n|---|---|---|`);
  const peaks = [];
  for (const size of sizes) {
    const folder = mkdtempSync(path.join(tmpdir(), 'pgenrm-memory-'));
    try {
      await writeData(path.join(folder, 'data.jsonl'), size);
      const peak = (what) => {
        const flags = [`--max-old-space-size=${options.heap}`, fileURLToPath(import.meta.url)];
        const words = [...flags, what, folder, '--resamples', options.resamples];
        const answer = JSON.parse(execFileSync(process.execPath, words, { encoding: 'utf8' }));
        if (answer.rows !== size) throw new Error(`${what} of ${size} rows came to ${answer.rows}`);
        return answer.peakMiB;
      };
      const [sampling, stored] = [peak('sample'), peak('from')];
      peaks.push({ size, sampling, stored });
      console.log(`| ${size} | ${sampling.toFixed(0)} | ${stored.toFixed(0)} |`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const [first, last] = [peaks[0], peaks.at(-1)];
  if (last.size > first.size) {
    const growth = (of) => ((1024 * (last[of] - first[of])) / (last.size - first.size)).toFixed(2);
    console.log(
      `\nKiB a row from ${first.size} to ${last.size} rows: ${growth('sampling')} sampling, ${growth('stored')} from stored chains`,
    );
  }
}
