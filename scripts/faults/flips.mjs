// Changes single bytes of files that a run reads again: a changed file is refused or says what it said before.
// Knows a bank's and an evaluation's files by their use.
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Writable } from 'node:stream';
import { DATA, pgenrm, root, Tally } from './campaign.mjs';

const load = (file) => import(path.join(root, 'dist', file));
const MODEL = ['--model', 'nano', '--gpu', 'off'];

/** Flips in every file of a bank. */
export async function bankFlips({ folder, random, count }) {
  const tally = new Tally('a byte of a bank changed', 'refused by name, or the same answers');
  const bank = path.join(folder, 'flipped-bank');
  const built = await pgenrm([
    'bank',
    'build',
    DATA,
    '--limit',
    '8',
    '--k',
    '2',
    '--out',
    bank,
    '--quiet',
    ...MODEL,
  ]);
  if (built.end !== 0) {
    tally.breaks(built.err.slice(-300));
    return tally;
  }
  const { PrototypeBank } = await load('bank/bank.js');
  const answers = async () => {
    const open = await PrototypeBank.open(bank);
    try {
      const dimension = open.manifest.madeWith.embedder.dimension;
      const query = Float32Array.from({ length: dimension }, (_, index) => Math.sin(index + 1));
      const similar = await open.similarUsers(query, 5, {});
      const users = await Promise.all(similar.map(({ userId }) => open.user(userId)));
      const { created: _created, pgenrm: _version, ...manifest } = open.manifest;
      return JSON.stringify([similar, users, open.nearestPrototype(query), manifest]);
    } finally {
      await open[Symbol.asyncDispose]();
    }
  };
  const truth = await answers();
  const files = readdirSync(bank).filter((name) => readFileSync(path.join(bank, name)).length > 0);
  for (let done = 0; done < count; done++) {
    const file = path.join(bank, files[done % files.length]);
    const original = readFileSync(file);
    writeFileSync(file, flipped(original, random));
    try {
      if ((await answers()) === truth) tally.count('the same answers');
      else tally.breaks(`${path.basename(file)}: another answer`);
    } catch (error) {
      if (error.code === 'BANK_DAMAGED') tally.count('refused');
      else tally.breaks(`${path.basename(file)}: ${error.stack}`);
    } finally {
      writeFileSync(file, original);
    }
  }
  return tally;
}

/** Flips in the chains file of an evaluation. */
export async function chainsFlips({ folder, random, count }) {
  const tally = new Tally('a byte of a chains file changed', 'refused by name, or the same report');
  const out = path.join(folder, 'flipped-eval');
  const words = ['--levels', '1', '--resamples', '100', '--quiet', '--json'];
  const made = await pgenrm(['eval', DATA, '--limit', '6', '--out', out, ...words, ...MODEL]);
  if (made.end !== 0) {
    tally.breaks(made.err.slice(-300));
    return tally;
  }
  const { runCli } = await load('cli/run-cli.js');
  const copy = path.join(folder, 'flipped-copy');
  cpSync(out, copy, { recursive: true });
  const chains = path.join(copy, 'chains.jsonl');
  const report = async () => {
    const [printed, said] = [sink(), sink()];
    const code = await runCli(['eval', '--from', chains, ...words], { out: printed, err: said });
    return { code, printed: printed.text(), said: said.text() };
  };
  const truth = await report();
  if (truth.code !== 0) tally.breaks(`the file as it was is refused: ${truth.said}`);
  const original = readFileSync(chains);
  for (let done = 0; done < count; done++) {
    writeFileSync(chains, flipped(original, random));
    const found = await report();
    if (found.code === 0 && found.printed === truth.printed) tally.count('the same report');
    else if (found.code === 0) tally.breaks('another report');
    else if (/^pgenrm: (?!INTERNAL)[A-Z_]+: /.test(found.said)) tally.count('refused');
    else tally.breaks(found.said.slice(0, 300));
  }
  writeFileSync(chains, original);
  return tally;
}

function flipped(bytes, random) {
  const changed = Buffer.from(bytes);
  const at = Math.floor(random() * bytes.length);
  changed[at] ^= 1 << Math.floor(random() * 8);
  return changed;
}

function sink() {
  let text = '';
  const stream = new Writable({
    write(part, _encoding, done) {
      text += part;
      done();
    },
  });
  return Object.assign(stream, { text: () => text });
}
