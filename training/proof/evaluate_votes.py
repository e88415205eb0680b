"""Which of two responses a user chose, read off votes: with the user's own history and with another user's (swapped).

python evaluate_votes.py --base R/base --adapter R/polis/adapter --pairs polis/pairs.jsonl.gz --users polis/users.jsonl.gz --out R/after.jsonl
Goes on where OUT has lines. `compare_votes.py` makes figures of it.
"""
import argparse
import json
import os
import random
import time
from collections import defaultdict
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from votes import Votes, read_users

HISTORY = ("train", "val")


def circle(users, seed):
    """Users in the order in which they are asked, each with the one who gets their history as the swapped one: the next user of the same prompt.

    Prompts of unseen users come first. Where a prompt has one user, nobody gets their history. Shape [users] of (user, next or None).
    """
    groups = defaultdict(list)
    for user in sorted(users):
        group, pairs = users[user]
        groups[group != "unseen", pairs[0].prompt].append(user)
    random_ = random.Random(seed)
    found = []
    for key in sorted(groups):
        members = groups[key]
        random_.shuffle(members)
        found += [(user, members[(index + 1) % len(members)] if len(members) > 1 else None) for index, user in enumerate(members)]
    return found


@torch.inference_mode()
def branch_logits(model, votes, prefix, questions):
    """logit(yes) - logit(no) of each question behind the same prefix, in one pass: a question sees the prefix and itself. Shape [questions]."""
    ids, positions, places, spans = list(prefix), list(range(len(prefix))), [], []
    for question in questions:
        spans.append((len(ids), len(ids) + len(question)))
        positions += range(len(prefix), len(prefix) + len(question))
        ids += question
        places.append(len(ids) - 1)
    length = len(ids)
    seen = torch.zeros(length, length, dtype=torch.bool)
    seen[:, : len(prefix)] = True
    for start, end in spans:
        seen[start:end, start:end] = True
    seen &= torch.ones(length, length, dtype=torch.bool).tril()
    mask = torch.zeros(length, length, dtype=torch.bfloat16).masked_fill(~seen, torch.finfo(torch.bfloat16).min)
    inputs = {"input_ids": torch.tensor([ids]), "position_ids": torch.tensor([positions]), "attention_mask": mask[None, None]}
    hidden = model.model(**inputs, use_cache=False).last_hidden_state[0, places].float()
    head = model.lm_head.weight
    return hidden @ (head[votes.yes] - head[votes.no]).float()


def history_ids(votes, pairs, seed, most_tokens):
    """The ids of the votes on a history, as in training."""
    known = [pair for pair in pairs if pair.split in HISTORY]
    return votes.sequence(known, random.Random(seed), most_tokens)[0]


def tests_of(users, user, most):
    return [pair for pair in users[user][1] if pair.split == "test"][:most]


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--base", required=True)
    args.add_argument("--adapter")
    args.add_argument("--pairs", required=True)
    args.add_argument("--users", required=True)
    args.add_argument("--out", required=True)
    args.add_argument("--rows-per-user", type=int, default=3)
    args.add_argument("--people", type=int, help="only the first so many; all by default")
    args.add_argument("--tokens", type=int, default=640, help="most of a history")
    args.add_argument("--part", default="0/1", help="I/N: the Ith of N equal parts, for several processes")
    args.add_argument("--seed", type=int, default=1)
    args = args.parse_args()
    torch.set_num_threads(1)
    users = read_users(args.pairs, args.users)
    votes = Votes(AutoTokenizer.from_pretrained(args.base))
    model = AutoModelForCausalLM.from_pretrained(args.base, dtype=torch.bfloat16)
    if args.adapter:
        model = PeftModel.from_pretrained(model, args.adapter).merge_and_unload()
    model.eval()
    part, parts = map(int, args.part.split("/"))
    asked = circle(users, args.seed)[: args.people]
    asked = asked[len(asked) * part // parts : len(asked) * (part + 1) // parts]
    out = Path(args.out)
    done = set()
    if out.exists():
        # A line that a kill cut short is asked again.
        whole = out.read_text().split("\n")[:-1]
        out.write_text("".join(line + "\n" for line in whole))
        done = {json.loads(line)["history of"] for line in whole}
    started = time.monotonic()
    for number, (user, following) in enumerate(asked):
        if user in done:
            continue
        line = {"history of": user}
        tests = {"own": (user, tests_of(users, user, args.rows_per_user))}
        if following is not None:
            tests["swapped"] = (following, tests_of(users, following, args.rows_per_user))
        questions = [votes.question(text) for _, rows in tests.values() for pair in rows for text in (pair.chosen, pair.rejected)]
        prefix = history_ids(votes, users[user][1], f"{args.seed} {user}", args.tokens)
        logits = iter(branch_logits(model, votes, prefix, questions).tolist())
        for arm, (whose, rows) in tests.items():
            margins = [round(next(logits) - next(logits), 4) for _ in rows]
            line[arm] = {"user": whose, "group": users[whose][0], "margins": margins}
        with open(out, "a") as file:
            file.write(json.dumps(line) + "\n")
        if number % 20 == 0:
            print(f"{number} users, {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
