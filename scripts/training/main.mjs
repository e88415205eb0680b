// `npm run test:training`: every command of training/recipes on tiny random models, with the released TRL and verl's released
// configuration; the judge that comes out is loaded. Then training/proof, on a tiny model. Installs gigabytes into build/trainers, once; needs python3 and Node, no GPU.
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { home, install, python } from '../trainers/python-home.mjs';
import { run, said } from './commands.mjs';
import { runProof } from './proof-run.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, '../..');
const recipes = path.join(root, 'training/recipes');
const STAGES = ['psi', 'cre', 'curriculum'];

/** A process judge that finds every criterion half covered, on a free port of the loopback interface. */
function startJudge() {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    const asked = JSON.parse(body).messages[1].content.split('[The End of Criteria]')[0];
    const count = asked.match(/^\d+\. /gm)?.length ?? 1;
    const content = JSON.stringify({ coverage: Array.from({ length: count }, () => 0.5) });
    response
      .setHeader('content-type', 'application/json')
      .end(JSON.stringify({ choices: [{ message: { content } }] }));
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

const folder = mkdtempSync(path.join(tmpdir(), 'pgenrm-training-'));
const at = (...names) => path.join(folder, ...names);
const cli = path.join(root, 'dist/cli/main.js');

/** Preference data of the examples, judged by the bundled model, for each stage and trainer. */
async function writeData() {
  const examples = path.join(root, 'examples');
  const data = [path.join(examples, 'preferences.jsonl'), '--users', path.join(examples, 'users.jsonl')];
  const common = ['--license', 'MIT', '--limit', '6', '--tries', '2', '--temperature', '0.3'];
  for (const stage of STAGES) {
    const out = at(`${stage}.jsonl`);
    const words = ['training-data', ...data, '--stage', stage, ...common];
    await run(process.execPath, [cli, ...words, '--format', 'trl', '--out', out], { cwd: folder });
    // What the teacher said serves the other format, too.
    copyFileSync(`${out}.rows.jsonl`, at(`${stage}.parquet.rows.jsonl`));
    const parquet = ['--format', 'verl', '--out', at(`${stage}.parquet`)];
    await run(process.execPath, [cli, ...words, ...parquet], { cwd: folder });
  }
}

// What a tiny model on a CPU needs otherwise than the recipe has it; everything else is the recipe's.
const SMALL = [
  '--max_steps',
  '1',
  '--use_cpu',
  'true',
  '--bf16',
  'false',
  '--dtype',
  'float32',
  '--lora_r',
  '4',
];
const FEW = ['--gradient_accumulation_steps', '1', '--save_strategy', 'no', '--warmup_steps', '0'];
const GROUPS = [
  '--use_vllm',
  'false',
  '--num_generations',
  '2',
  '--per_device_train_batch_size',
  '2',
  '--max_completion_length',
  '16',
];

/** The three stages of TRL, each from the merged weights of the one before, and the judge as GGUF. */
async function trainWithTrl(model, env) {
  let from = at(model);
  for (const stage of STAGES) {
    const command = [
      stage === 'psi' ? 'sft' : 'grpo',
      '--config',
      path.join(recipes, 'trl', `${stage}.yaml`),
    ];
    const to = at(`${model}-${stage}`);
    const places = ['--model_name_or_path', from, '--output_dir', to];
    const words = [...command, ...places, ...SMALL, ...FEW, ...(stage === 'psi' ? [] : GROUPS)];
    await run(path.join(home, 'bin/trl'), words, { cwd: folder, env });
    const out = [
      '--like',
      at(`${model}.gguf`),
      '--out',
      at(`${model}-${stage}.gguf`),
      '--template',
      'compact',
    ];
    const merge = ['--model', from, '--adapter', to, '--merged', `${to}-merged`];
    await run(python, [path.join(recipes, 'export_judge.py'), ...merge, ...out], { cwd: folder, env });
    from = `${to}-merged`;
  }
  const judge = at(`${model}-curriculum.gguf`);
  const words = [
    'score',
    path.join(root, 'examples/preferences.jsonl'),
    '--users',
    path.join(root, 'examples/users.jsonl'),
  ];
  const guided = [
    '--decoding',
    'guided',
    '--criteria',
    'Fit',
    '--limit',
    '1',
    '--out',
    at(`${model}.scores.jsonl`),
  ];
  await run(process.execPath, [cli, ...words, '--model', judge, '--context', '16384', ...guided], {
    cwd: folder,
  });
}

/** The shell scripts of verl, with a stand-in for what needs GPUs: it composes their configuration and reads their data. */
async function dryRunVerl(env) {
  const dry = path.join(here, 'verl_dry_run.py');
  const stub = `#!/bin/bash\nwhile [ $# -gt 0 ]; do case $1 in\n  -c) exec ${python} "$@" ;;\n  -m) module=\${2##*.}; shift 2; exec ${python} ${dry} "$module" "$@" ;;\nesac; shift; done\nexit 2\n`;
  for (const name of ['torchrun', 'python']) {
    writeFileSync(at(name), stub);
    chmodSync(at(name), 0o755);
  }
  const stubbed = { ...env, PATH: `${folder}:${process.env.PATH}`, GPUS: '2' };
  const longer = ['data.max_length=16000'];
  const room = ['data.max_prompt_length=16000'];
  for (const model of ['llama', 'qwen3']) {
    await run(path.join(recipes, 'verl/psi.sh'), [at(model), at('psi.parquet'), at('run'), ...longer], {
      cwd: folder,
      env: stubbed,
    });
    for (const stage of ['cre', 'curriculum']) {
      const words = [stage, at(model), at(`${stage}.parquet`), at('run'), ...room];
      await run(path.join(recipes, 'verl/grpo.sh'), words, { cwd: folder, env: stubbed });
    }
  }
}

install();
const judge = await startJudge();
const env = {
  ...process.env,
  PYTHONPATH: path.join(root, 'python'),
  PYTHONDONTWRITEBYTECODE: '1',
  PGENRM_JUDGE_URL: `http://127.0.0.1:${judge.address().port}/v1`,
  HF_HUB_OFFLINE: '1',
  TOKENIZERS_PARALLELISM: 'false',
  CUDA_VISIBLE_DEVICES: '',
};
try {
  said(execFileSync(python, ['--version'], { encoding: 'utf8' }).trim());
  await run(python, [path.join(here, 'tiny_models.py'), folder], { cwd: folder, env });
  await writeData();
  for (const model of ['llama', 'qwen3']) await trainWithTrl(model, env);
  await dryRunVerl(env);
  await run(python, [path.join(here, 'rewards_in_trainers.py')], { cwd: folder, env });
  await runProof({ root, folder, python, env });
  said('recipes passed');
} catch (error) {
  said(`recipes failed: ${error.message}`);
  process.exitCode = 1;
} finally {
  judge.close();
  rmSync(folder, { recursive: true, force: true });
}
