// The proof of training/proof on a tiny model and made-up votes: weights from a GGUF, training in two spells, figures.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { run } from './commands.mjs';

const turns = (content) => ({ role: 'assistant', content });

/** Twelve users of two prompts who choose by a word of their own; the last four are unseen. Shape [users * rows]. */
function madeUp() {
  const users = [];
  const pairs = [];
  for (let user = 0; user < 12; user++) {
    users.push({ user_id: `u${user}`, group: user < 8 ? 'train' : 'unseen', stated_criteria: '' });
    for (let row = 0; row < 8; row++) {
      const likes = user % 2 === 0 ? 'parks' : 'roads';
      const other = user % 2 === 0 ? 'roads' : 'parks';
      const split = row < 5 ? 'train' : row < 6 ? 'val' : 'test';
      pairs.push({
        user_id: `u${user}`,
        context: [{ role: 'user', content: 'What does the town need?' }],
        chosen: turns(`More ${likes}, ${split} ${row}.`),
        rejected: turns(`More ${other}, ${split} ${row}.`),
        split,
        prompt_id: user < 8 ? 'town' : 'village',
      });
    }
  }
  return { users, pairs };
}

/** `folder` holds llama.gguf of tiny_models.py. */
export async function runProof({ root, folder, python, env }) {
  const at = (...names) => path.join(folder, ...names);
  const script = (name) => path.join(root, 'training/proof', name);
  for (const [name, rows] of Object.entries(madeUp()))
    writeFileSync(at(`${name}.jsonl.gz`), gzipSync(rows.map((row) => `${JSON.stringify(row)}\n`).join('')));
  const options = { cwd: folder, env: { ...env, OMP_NUM_THREADS: '1' } };
  const py = (name, ...words) => run(python, [script(name), ...words], options);
  await py('pretrained.py', '--gguf', at('llama.gguf'), '--out', at('base'));
  await py('logits_reference.py', '--base', at('base'), '--out', at('reference.json'));
  await run(
    process.execPath,
    [path.join(root, 'training/check_gguf.mjs'), at('llama.gguf'), at('reference.json')],
    options,
  );
  const data = ['--base', at('base'), '--pairs', at('pairs.jsonl.gz'), '--users', at('users.jsonl.gz')];
  const spell = (minutes) =>
    run(
      path.join(path.dirname(python), 'torchrun'),
      [
        '--nproc-per-node',
        '2',
        script('train_votes.py'),
        ...data,
        '--out',
        at('votes'),
        '--frozen-layers',
        '1',
        '--minutes',
        minutes,
      ],
      options,
    );
  await spell('0.05');
  // Goes on where the first one ended.
  await spell('0.1');
  await py('evaluate_votes.py', ...data, '--out', at('before.jsonl'));
  await py(
    'evaluate_votes.py',
    ...data,
    '--adapter',
    at('votes/adapter'),
    '--out',
    at('after.jsonl'),
    '--part',
    '0/2',
  );
  await py(
    'evaluate_votes.py',
    ...data,
    '--adapter',
    at('votes/adapter'),
    '--out',
    at('after-2.jsonl'),
    '--part',
    '1/2',
  );
  await py(
    'compare_votes.py',
    '--before',
    at('before.jsonl'),
    '--after',
    at('after.jsonl'),
    at('after-2.jsonl'),
    '--out',
    at('figures.json'),
  );
  await py('plot_votes.py', '--log', at('votes/log.csv'), '--out', at('curve.svg'));
}
