// The Python rewards read the chains that the package writes; their own tests run with those of the client.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { finalScore, type WrittenChain, writeChain } from '../../src/chain/write-chain.js';
import { writeTrainerFile } from '../../src/training-data/trainer-file.js';
import { temporaryFolder } from '../support/preference-file.js';

const found = spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 9))']);
const NO_PYTHON = found.status === 0 ? null : 'there is no python3 from 3.9 on';

const READ = `
import json, sys
from pgenrm_rewards import Rewards, read_chain
text = sys.stdin.read()
read = read_chain(text, 3)
reward = lambda label: Rewards().of(text, {"stage": "curriculum", "label": label, "responses": 3}).reward
print(json.dumps({"scores": read.scores, "analysis": read.analysis, "rewards": [reward(n) for n in (1, 2, 3)]}))
`;

describe.skipIf(NO_PYTHON !== null)(`the Python rewards (${NO_PYTHON ?? 'with python3'})`, () => {
  it('read a written chain of three responses', () => {
    const chain: WrittenChain = {
      persona: 'Likes "short" answers.\nNames PART 1 and PART 2 in passing.',
      criteria: [
        { name: 'Brevity', weight: 60, why: 'says so' },
        { name: 'Sources', weight: 40 },
      ],
      scores: [
        [3, 4],
        [9, 7],
        [5, 5],
      ],
    };
    const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' };
    const options = { cwd: resolve('python'), env, input: writeChain(chain), encoding: 'utf8' as const };
    const read = JSON.parse(execFileSync('python3', ['-c', READ], options));
    expect(read.scores).toEqual([0, 1, 2].map((response) => finalScore(chain, response)));
    expect(read.rewards).toEqual([0, 1, 0]);
    expect(read.analysis).toContain('Names PART 1 and PART 2 in passing.');
    expect(read.analysis).toContain('- Sources (40%)');
    expect(read.analysis).not.toContain('Final Scoring');
  });

  it('read the answer keys that training data has', async () => {
    const out = join(await temporaryFolder(), 'cre.jsonl');
    const base = {
      id: 'r1',
      messages: [],
      label: 2,
      responses: 3,
      margin: 1,
      criteria: ['"Short"', 'Sources'],
    };
    const examples = async function* () {
      yield base;
    };
    await writeTrainerFile({ out, stage: 'cre', format: 'trl', license: 'MIT', source: 'trl', examples });
    const { answer_key: key } = JSON.parse(await readFile(out, 'utf8'));
    const words = [
      '-c',
      'import sys; from pgenrm_rewards import AnswerKey; print(AnswerKey.of(sys.stdin.read()))',
    ];
    const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' };
    const read = execFileSync('python3', words, {
      cwd: resolve('python'),
      env,
      input: key,
      encoding: 'utf8',
    });
    expect(read.trim()).toBe(`AnswerKey(stage='cre', label=2, responses=3, criteria=('"Short"', 'Sources'))`);
  });
});
