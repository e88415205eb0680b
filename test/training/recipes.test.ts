// What of the recipes and of the proof needs no Python package: the estimates in the README, the sequences of votes.

import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const python = process.env.PGENRM_PYTHON ?? 'python3';
const there = spawnSync(python, ['--version']).error === undefined;
if (!there) console.log(`skipped: the recipes, because ${python} is not there`);

describe.skipIf(!there)('the recipes', () => {
  it('state the memory and hours that estimate.py computes', () => {
    const printed = execFileSync(python, ['training/recipes/estimate.py'], { encoding: 'utf8' });
    const table = printed.split('\n').filter((line) => line.startsWith('|'));
    expect(table).toHaveLength(5);
    const page = readFileSync('training/recipes/README.md', 'utf8');
    for (const line of table) expect(page).toContain(line);
  });
});

/** The votes of a user as `votes.py` writes them, with a tokenizer of words. */
const VOTES = `
import json, random, re, sys
sys.path.insert(0, "training/proof")
from votes import Pair, Votes
words = {}
def tokenizer(text, **_):
    return {"input_ids": [words.setdefault(word, len(words)) for word in re.findall(r" ?[^ \\n]+|\\n", text)]}
votes = Votes(tokenizer)
pairs = [Pair("q", f"likes {n}", f"hates {n}", "train", "p") for n in range(4)] + [Pair("q", "likes 0", "hates 9", "train", "p")]
ids, places, labels = votes.sequence(pairs, random.Random(1), 400)
text = {number: word for word, number in words.items()}
print(json.dumps({"text": "".join(text[one] for one in ids), "labels": labels, "told": [text[ids[place + 1]] for place in places],
                  "short": len(votes.sequence(pairs, random.Random(1), 30)[0])}))
try:
    Votes(lambda text, **_: {"input_ids": list(text.encode())})
except ValueError as error:
    print(error)
`;

describe.skipIf(!there)('sequences of votes', () => {
  it('ask for each response once, tell the vote after its place, and keep to their length', () => {
    const [found, refusal] = execFileSync(python, ['-c', VOTES], {
      encoding: 'utf8',
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    })
      .trim()
      .split('\n');
    const { text, labels, told, short } = JSON.parse(found!);
    expect(labels).toHaveLength(9);
    expect(text.match(/likes 0/g)).toHaveLength(1);
    expect(told).toEqual(labels.map((label: number) => (label === 1 ? ' yes' : ' no')));
    for (const [, response, vote] of text.matchAll(/(likes|hates) \d\n=> (yes|no)/g))
      expect(vote).toBe(response === 'likes' ? 'yes' : 'no');
    expect(short).toBeLessThanOrEqual(30);
    expect(refusal).toContain("' yes' is 4 tokens in this vocabulary");
  });
});
