"""Judges held-out pairs with a checkpoint: usable chains, accuracy at Ind-m with an interval over users.

Orders alternate between chains; scores are means over usable chains; a tie counts half, no chain counts half.
"""
import argparse
import time

import numpy as np
import torch
from tokenizers import Tokenizer

from chain import read_chain
from model import Model
from prompt import render_system, render_user, system_message, user_message
from rewards import ATTRIBUTE_OF
from sampler import sample
from style_attributes import attributes
from style_data import load_pairs, load_users
from teacher import CRITERIA



def load_model(path):
    saved = torch.load(path, weights_only=False, map_location="cpu")
    model = Model(**saved["config"])
    model.load_state_dict(saved["model"])
    return model.eval()


def rows_of(data, split, group, n_events):
    """(user_id, system message, prompt, chosen, rejected) of every pair of a split and group of users."""
    users, history = load_users(data), {}
    for pair in load_pairs(data, "train"):
        history.setdefault(pair["user_id"], []).append(
            (pair["context"][-1]["content"], pair["chosen"]["content"], pair["rejected"]["content"]))
    rows = []
    for pair in load_pairs(data, split):
        user = users[pair["user_id"]]
        if user["group"] == group:
            system = system_message(history.get(pair["user_id"], [])[-n_events:], user["stated_criteria"])
            rows.append((pair["user_id"], system, pair["context"][-1]["content"],
                         pair["chosen"]["content"], pair["rejected"]["content"]))
    return rows


def interval(users, correct, draws=2000, seed=0):
    """95% bootstrap interval of the mean, resampling users."""
    names = sorted(set(users))
    total = np.array([sum(c for u, c in zip(users, correct) if u == n) for n in names])
    count = np.array([sum(u == n for u in users) for n in names])
    pick = np.random.default_rng(seed).integers(len(names), size=(draws, len(names)))
    means = total[pick].sum(1) / count[pick].sum(1)
    return np.quantile(means, [0.025, 0.975])


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--run", required=True)
    args.add_argument("--data", required=True)
    args.add_argument("--split", default="val")
    args.add_argument("--group", default="train")
    args.add_argument("--rows", type=int, default=200, help="0: all")
    args.add_argument("--chains", type=int, default=2, help="1 or even")
    args.add_argument("--events", type=int, default=6)
    args.add_argument("--temperature", type=float, default=1.0)
    args.add_argument("--logit-scale", type=float, default=1.0, help="as export_gguf.py's")
    args.add_argument("--seed", type=int, default=0)
    args.add_argument("--threads", type=int, default=2)
    args.add_argument("--show", action="store_true")
    args = args.parse_args()
    torch.set_num_threads(args.threads)
    began = time.time()
    tokenizer = Tokenizer.from_file(f"{args.run}/tokenizer.json")
    model, end = load_model(f"{args.run}/checkpoint.pt"), tokenizer.token_to_id("<|end|>")
    model.norm.weight.data *= args.logit_scale
    rows = rows_of(args.data, args.split, args.group, args.events)
    if args.rows:
        users = {u: i for i, u in enumerate(np.random.default_rng(args.seed).permutation(sorted({r[0] for r in rows})))}
        rows = sorted(rows, key=lambda r: users[r[0]])[:args.rows]
    by_user = {}
    for r, row in enumerate(rows):
        by_user.setdefault((row[0], row[1]), []).append(r)
    generator = torch.Generator().manual_seed(args.seed)
    scores, truth = {r: [] for r in range(len(rows))}, {}
    usable = sums = n_tokens = n_chains = 0
    for (_, system), members in by_user.items():
        prefix, jobs = tokenizer.encode(render_system(system)).ids, []
        for r in members:
            for swapped in range(min(2, args.chains)):
                pair = (rows[r][3], rows[r][4]) if (swapped + r) % 2 == 0 else (rows[r][4], rows[r][3])
                jobs.append((r, (swapped + r) % 2, pair, tokenizer.encode(render_user(user_message(rows[r][2], pair))).ids))
        copies = max(1, args.chains // 2)
        chains = sample(model, prefix, [j[3] for j in jobs], end, args.temperature, copies, generator=generator, fast=True)
        for c, chain in enumerate(chains):
            r, swapped, pair, _ = jobs[c // copies]
            text = tokenizer.decode(chain, skip_special_tokens=False)
            n_tokens, n_chains = n_tokens + len(chain), n_chains + 1
            if args.show and n_chains <= 4:
                print(text, "\n")
            read = read_chain(text)
            if read is None:
                continue
            usable += 1
            sums += sum(read["weights"]) == 100
            scores[r].append(read["scores"] if not swapped else read["scores"][::-1])
            for response, row in zip(pair, read["breakdown"]):
                style = attributes(response)
                for name, s in zip(read["names"], row):
                    if name in ATTRIBUTE_OF:
                        a, d = ATTRIBUTE_OF[name]
                        truth.setdefault(a, []).append((s * d, style[a]))
    correct = []
    for r in range(len(rows)):
        if scores[r]:
            a, b = np.mean(scores[r], axis=0)
            correct.append(1.0 if a > b + 1e-9 else 0.5 if abs(a - b) <= 1e-9 else 0.0)
        else:
            correct.append(0.5)
    low, high = interval([r[0] for r in rows], correct)
    print(f"rows {len(rows)} chains {n_chains} usable {usable / n_chains:.4f} weights sum to 100 {sums / max(1, usable):.4f} "
          f"tokens per chain {n_tokens / n_chains:.0f}")
    print(f"accuracy at Ind-{args.chains}: {np.mean(correct):.4f} [{low:.4f}, {high:.4f}]  ({time.time() - began:.0f} s)")
    for a in sorted(truth):
        by = np.array(truth[a])
        wanted = [np.corrcoef(by[by[:, 0] * d > 0].T)[0, 1] for d in (1, -1) if (by[:, 0] * d > 0).sum() > 20]
        print(f"  {CRITERIA[a][0]:13s} n {len(by):5d} correlation of score and attribute " + " ".join(f"{w:.2f}" for w in wanted))


if __name__ == "__main__":
    main()
