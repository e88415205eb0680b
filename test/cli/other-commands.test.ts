import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { harmless } from '../../src/cli/demo/demo-text.js';
import { fake, NOT_BUILT, pgenrm, startPgenrm } from '../support/cli-process.js';
import { temporaryFolder, writeGoodRows } from '../support/preference-file.js';

let folder: string;

beforeEach(async () => {
  folder = await temporaryFolder();
});

const PROMPTS = `USER_PREFERENCE_ANALYSIS_PROMPT = """Read the choices: {few_shots}
Answer with {{"better_response": ...}}."""
USER_PROMPT_TEMPLATE = """Input {user_input}
[The Start of Response 1]
{response_1}
[The End of Response 1]
[The Start of Response 2]
{response_2}
[The End of Response 2]"""
`;

describe.skipIf(NOT_BUILT !== null)(`pgenrm (${NOT_BUILT ?? 'built'})`, () => {
  it('--version and --help answer on standard output with 0', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
    expect(await pgenrm(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
    expect(await pgenrm(['--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('score'),
      stderr: '',
    });
    expect(await pgenrm(['score', '--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('--retry-failed'),
    });
  });

  it.each([
    [['prototypes', 'build', 'train.jsonl', '--out', 'bank'], 'pgenrm prototypes is now called pgenrm bank;'],
    [['prototypes', '--help'], 'pgenrm prototypes is now called pgenrm bank;'],
    [['score', 'x.jsonl', '--pro', '1', '--prototypes', 'bank'], '--prototypes is now called --bank;'],
    [['score', 'x.jsonl', '--prototypes'], '--prototypes is now called --bank;'],
    [['eval', 'x.jsonl', '--prototypes=bank'], '--prototypes is now called --bank;'],
    [['bench', 'scaling', '--data', 'x.jsonl', '--prototypes', 'b'], '--prototypes is now called --bank;'],
    [
      ['score', 'x.jsonl', '--kv-type', 'q8_0'],
      '--kv-type is now called --engine kv-type=VALUE; write --engine kv-type=q8_0 in its place',
    ],
    [['doctor', '--workers=2'], '--workers is now called --engine workers=VALUE; write --engine workers=2'],
  ])('%j is refused with the name of today', async (words, message) => {
    const { code, stdout, stderr } = await pgenrm(words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`pgenrm: INVALID_OPTION: ${message}`);
    for (const command of [['--help'], [...words.slice(0, words[0] === 'bench' ? 2 : 1), '--help']]) {
      if (command[0] !== 'prototypes') {
        expect((await pgenrm(command)).stdout).not.toMatch(/--prototypes|--kv-type|--workers|^ *prototypes/m);
      }
    }
  });

  it('template import makes a file that score takes', async () => {
    const source = join(folder, 'PROMPTS.py');
    const template = join(folder, 'template.json');
    await writeFile(source, PROMPTS);
    const imported = await pgenrm(['template', 'import', source, '--out', template, '--name', 'mine']);
    expect(imported).toMatchObject({ code: 0, stdout: expect.stringContaining(template) });
    const shown = await pgenrm(['template', 'show', template]);
    expect(shown.code).toBe(0);
    expect(shown.stdout).toContain('template mine, SHA-256');
    expect(shown.stdout).toContain('Read the choices: User: (an earlier question)');
    expect(shown.stdout).toContain('{"better_response": ...}');
    const data = await writeGoodRows(join(folder, 'data.jsonl'), 2);
    const out = join(folder, 'scores.jsonl');
    const scored = await fake(['score', data, '--template', template, '--out', out, '--quiet']);
    expect(scored).toMatchObject({ code: 0, stderr: '' });
    const manifest = JSON.parse(await readFile(`${out}.manifest.json`, 'utf8'));
    expect(manifest.identity.template.name).toBe('mine');
  });

  it('template import and show say what is wrong', async () => {
    const source = join(folder, 'PROMPTS.py');
    await writeFile(source, 'USER_PROMPT_TEMPLATE = """{user_input}"""\n');
    const words = ['template', 'import', source, '--out', join(folder, 'template.json')];
    expect(await pgenrm(words)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('TEMPLATE_INVALID'),
    });
    const none = await pgenrm(['template', 'import', join(folder, 'none.py')]);
    expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining('INPUT_NOT_FOUND') });
    const unknown = await pgenrm(['template', 'show', 'none']);
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('compact, standard') });
    await writeFile(source, PROMPTS);
    const unwritable = await pgenrm([
      'template',
      'import',
      source,
      '--out',
      join(folder, 'nowhere', 'template.json'),
    ]);
    expect(unwritable).toMatchObject({ code: 1, stderr: expect.stringContaining('OUTPUT_FAILED') });
  });

  it('template show prints a built-in template', async () => {
    const { code, stdout } = await pgenrm(['template', 'show', 'compact']);
    expect(code).toBe(0);
    expect(stdout).toContain('--- system\nJudge the responses as this user would.');
    expect(stdout).toContain('[The Start of Response 2]');
  });

  it('demo shows persona, rubric, scores and winner, without colour where there is no terminal', async () => {
    const { code, stdout } = await fake(['demo', '--ind', '2', '--user', 'sam']);
    expect(code).toBe(0);
    expect(stdout).toContain('6 comparisons for 4 users');
    expect(stdout).toContain('User sam');
    expect(stdout).toMatch(/Persona\n {2}- Likes what fits\./);
    expect(stdout).toMatch(/Fit +│ 100%/);
    expect(stdout).toMatch(/Winner: (response [12]|tie) \(the user chose response [12]\)/);
    expect(stdout).toMatch(/[0-6] of 6 as the user chose; 12 of 12 chains usable/);
    expect(stdout).toMatch(/s a judgment; \d+ MB of memory at most/);
    const widest = Math.max(...stdout.split('\n').map((line) => line.length));
    expect(widest).toBeLessThanOrEqual(80);
    expect(stdout).not.toContain('\u001b');
  });

  it('doctor prints what was found, as text or as JSON', async () => {
    const text = await pgenrm(['doctor', '--no-load', '--gpu', 'off']);
    expect(text.stdout).toContain(`${process.versions.node} on ${process.platform}`);
    const json = await pgenrm(['doctor', '--no-load', '--gpu', 'off', '--json']);
    const { problems } = JSON.parse(json.stdout) as { problems: string[] };
    expect(json.code).toBe(problems.length === 0 ? 0 : 1);
    expect(text.code).toBe(json.code);
  });

  it('a reader that goes away is no crash', async () => {
    const running = startPgenrm(['template', 'show', 'standard']);
    running.child.stdout!.destroy();
    const { stderr } = await running.ended;
    expect(stderr).not.toContain('    at ');
  });

  it('demo knows its users', async () => {
    expect(await fake(['demo', '--user', 'nobody'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('mara, tobias, ines, sam'),
    });
  });
});

describe('text of others on a terminal', () => {
  it('cannot steer it', () => {
    expect(harmless('a\u001b[2Jb\u0007c\u009bd\r\n\u202ee')).toBe('a[2Jbcd\ne');
    expect(harmless('plain \u00fc\n- list')).toBe('plain \u00fc\n- list');
  });
});
