// The Python client: its own tests against recorded shapes, and its functions against a server of this version.
import { execFile, spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startServer } from '../support/reward-server.js';

const folder = resolve('python');
const found = spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 9))']);
const NO_PYTHON = found.status === 0 ? null : 'there is no python3 from 3.9 on';

function python(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  return new Promise((done, fail) => {
    const options = { cwd: folder, env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', ...env } };
    execFile('python3', [...args], options, (error, stdout, stderr) => {
      if (error === null) done(`${stdout}${stderr}`);
      else fail(new Error(`${stdout}${stderr}`));
    });
  });
}

const LIVE = `
import asyncio, json
from pgenrm_client import *
client = Client()
history = [{"prompt": "q", "chosen": "x" * 8, "rejected": "x" * 3}]

async def samples(function, texts):
    return await asyncio.gather(*[function(text) for text in texts])

def verl(text):
    info = {"prompt": "p", "history": history, "group_size": 2}
    return verl_compute_score(client)(solution_str=text, extra_info=info)

prompts = [[{"role": "user", "content": "p"}]] * 3
completions = [[{"role": "assistant", "content": "x" * n}] for n in (2, 5, 9)]
print(json.dumps({
    "trl": asyncio.run(trl_reward(client)(prompts=prompts, completions=completions)),
    "verl": asyncio.run(samples(verl, ["xx", "xxxxx"])),
    "openrlhf": openrlhf_reward_func(client)(["pxx"], ["p"], [{"user": {"history": history}, "groupSize": 1}]),
    "verifiers": asyncio.run(verifiers_reward(client)(prompt="p", completion="xx", info={"history": history, "group_size": 1})),
}))
try:
    client.judge(Item(["alone"], prompt="p", group_size=1))
except RewardError as error:
    print(json.dumps(error.code))
`;

describe.skipIf(NO_PYTHON !== null)(`the Python client (${NO_PYTHON ?? 'with python3'})`, () => {
  it('passes its own tests', async () => {
    expect(await python(['-m', 'unittest', 'discover', '-s', 'tests'])).toMatch(/Ran \d\d tests[\s\S]*OK/);
  });

  it('reads what a server of this version answers', async () => {
    await using test = await startServer({ gatherMs: 2000 });
    const [first, second] = (await python(['-c', LIVE], { PGENRM_URL: test.server.url })).trim().split('\n');
    expect(JSON.parse(first!)).toMatchObject({
      trl: [2 / 9, 5 / 9, 1],
      verl: [
        { score: 2 / 9, raw_score: 3, group_size: 2 },
        { score: 5 / 9, raw_score: 6, group_size: 2 },
      ],
      openrlhf: { rewards: [2 / 9], scores: [2 / 9], extra_logs: { raw_score: [3], group_size: [3] } },
      verifiers: 2 / 9,
    });
    expect(JSON.parse(second!)).toBe('NO_ANCHORS');
  });
});
