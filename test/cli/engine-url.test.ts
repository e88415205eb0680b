// `--engine-url` on the built program: a run over a data set on stand-ins, its files, its resume, its key, and doctor.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { byLength, responsesOf } from '../../src/testing/fake-chains.js';
import { NOT_BUILT, pgenrm, startPgenrm } from '../support/cli-process.js';
import { freePort } from '../support/llama-server.js';
import { temporaryFolder, writeGoodRows } from '../support/preference-file.js';
import { startStandIn } from '../support/stand-in-server.js';

const KEY = 'sesame-of-the-test';
const words = (_seed: number, prompt: string) =>
  byLength({ responses: responsesOf(prompt) }).split(/(?<=\n)/);

describe.skipIf(NOT_BUILT !== null)(`--engine-url (${NOT_BUILT ?? 'built'})`, () => {
  it('scores a data set on two servers though one fails now and then, resumes, and shows the key nowhere', async () => {
    const folder = await temporaryFolder();
    const data = await writeGoodRows(join(folder, 'rows.jsonl'), 8);
    const out = join(folder, 'scores.jsonl');
    const faulty = (path: string, nth: number) =>
      path === '/v1/completions' && nth % 5 === 1
        ? { status: 503, headers: { 'retry-after-ms': '5' } }
        : undefined;
    await using one = await startStandIn({ kind: 'vllm', key: KEY, context: 8192, words, fault: faulty });
    await using other = await startStandIn({ kind: 'vllm', key: KEY, context: 8192, words, fault: faulty });
    const command = ['score', data, '--engine-url', one.url, '--engine-url', `${other.url}/v1`, '--out', out];
    const env = { PGENRM_API_KEY: KEY };
    const first = await pgenrm([...command, '--ind', '2', '--limit', '5'], env);
    expect(first.code, first.stderr).toBe(0);
    const second = await pgenrm([...command, '--ind', '2', '--resume'], env);
    expect(second.code, second.stderr).toBe(0);
    const text = await readFile(out, 'utf8');
    expect(text.trim().split('\n')).toHaveLength(8);
    const manifest = await readFile(`${out}.manifest.json`, 'utf8');
    expect(JSON.parse(manifest)).toMatchObject({
      status: 'finished',
      counts: { scored: 8, failed: 0 },
      identity: { generator: { kind: 'http', engine: 'vLLM' }, model: { served: 'made-up' } },
    });
    expect(first.stderr + second.stderr).toMatch(/repeated {2}\d+ requests to servers \(\d+ busy\)/);
    expect(first.stderr + second.stderr + text + manifest).not.toContain(KEY);
    const refused = await pgenrm([...command, '--ind', '2', '--resume'], { PGENRM_API_KEY: 'another-key' });
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('refuses the key');
    expect(refused.stderr).not.toContain('another-key');
  }, 60_000);

  it('writes training data with a teacher on a server', async () => {
    const folder = await temporaryFolder();
    const data = await writeGoodRows(join(folder, 'rows.jsonl'), 8);
    const out = join(folder, 'psi.jsonl');
    await using server = await startStandIn({ kind: 'vllm', key: KEY, context: 8192, words });
    const stage = ['training-data', data, '--stage', 'psi', '--format', 'trl', '--history-splits', 'test'];
    const found = await pgenrm([...stage, '--engine-url', server.url, '--tries', '1', '--out', out], {
      PGENRM_API_KEY: KEY,
    });
    expect(found.code, found.stderr).toBe(0);
    const lines = (await readFile(out, 'utf8')).trim().split('\n');
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(JSON.parse(line).completion[0].content).toContain('PART 2');
    expect(await readFile(`${out}.rows.jsonl`, 'utf8')).toContain('made-up');
  }, 60_000);

  it('says which parts are exact, and which address does not answer', async () => {
    await using server = await startStandIn({ kind: 'sglang' });
    const found = await pgenrm(['doctor', '--engine-url', server.url]);
    expect(found).toMatchObject({ code: 0 });
    expect(found.stdout).toMatch(/SGLang 0\.5\.23[\s\S]*not exact\s+a seed does not give/);
    const port = await freePort();
    const nothing = await pgenrm(['doctor', '--engine-url', `http://127.0.0.1:${port}`]);
    expect(nothing.code).not.toBe(0);
    expect(nothing.stderr).toContain(`127.0.0.1:${port}`);
  }, 60_000);

  it('is taken by every command that judges', async () => {
    const folder = await temporaryFolder();
    const data = 'examples/preferences.jsonl';
    await using server = await startStandIn({ kind: 'vllm', context: 8192, words });
    const samples = () => server.requests.filter(({ path }) => path === '/v1/completions').length;
    const at = ['--engine-url', server.url];
    const bank = `bank build ${data} --limit 4 --k 2 --quiet --out`;
    const commands = [
      'demo --ind 1',
      `training-data ${data} --stage curriculum --format trl --limit 3 --out ${join(folder, 'train.jsonl')}`,
      `${bank} ${join(folder, 'bank')} --model nano`,
    ];
    for (const command of commands) {
      const before = samples();
      const { code, stderr } = await pgenrm([...command.split(' '), ...at]);
      expect(code, stderr).toBe(0);
      expect(samples(), command).toBeGreaterThan(before);
    }
    const manifest = JSON.parse(await readFile(join(folder, 'bank', 'manifest.json'), 'utf8'));
    expect(manifest.madeWith.model.sha256).toMatch(/^[0-9a-f]{64}$/);
    const named = await pgenrm([...`${bank} ${join(folder, 'other')}`.split(' '), ...at]);
    expect(named.code).not.toBe(0);
    expect(named.stderr).toContain('--model FILE');
  }, 120_000);

  it('serves judgments of an inference server', async () => {
    await using server = await startStandIn({ kind: 'vllm', context: 8192, words });
    const serving = startPgenrm(['serve', '--port', '0', '--engine-url', server.url, '--model', 'made-up']);
    try {
      const url = await new Promise<string>((resolve, reject) => {
        let said = '';
        serving.child.stderr!.on('data', (text) => {
          said += text;
          const ready = /ready at (\S+)/.exec(said);
          if (ready !== null) resolve(ready[1]!);
        });
        void serving.ended.then(({ stderr }) => reject(new Error(stderr)));
      });
      const answer = await fetch(`${url}/v1/judge`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          user: { criteria: 'Brevity.' },
          context: [{ role: 'user', content: 'Which one?' }],
          candidates: ['Short.', 'A much longer answer than the other one.'],
        }),
      });
      expect(answer.status, await answer.clone().text()).toBe(200);
      expect(server.requests.some(({ path }) => path === '/v1/completions')).toBe(true);
    } finally {
      serving.child.kill('SIGTERM');
      await serving.ended;
    }
  }, 60_000);

  it('refuses what sizes an engine of this process', async () => {
    const data = await writeGoodRows(join(await temporaryFolder(), 'rows.jsonl'), 1);
    const { code, stderr } = await pgenrm([
      'score',
      data,
      '--engine-url',
      'http://127.0.0.1:9',
      '--threads',
      '2',
    ]);
    expect(code).not.toBe(0);
    expect(stderr).toContain('threads');
  }, 60_000);
});
