"""Cheap measures without sampling, on held-out pairs: one forward pass over the teacher's own chain.

Share of right grades and traits in part 1 (exactly, and within one grade), correlation of expected and true scores, share of pairs ordered
as the user did when expected scores stand in for the teacher's.
"""
import argparse

import numpy as np
import torch
from tokenizers import Tokenizer

from chain import PART_1B, STATED, graded, write_chain
from evaluate import load_model, rows_of
from make_data import load_prior
from prompt import render, user_message
from style_attributes import attributes
from style_data import load_pairs, load_users
from teacher import NOUNS, Teacher, grades, rubric
from wishes import read_wishes


def differences_of(data, splits):
    """By user, attributes of the chosen minus the rejected response of each pair, in order [n, 8]."""
    history = {}
    for pair in (pair for split in splits for pair in load_pairs(data, split)):
        history.setdefault(pair["user_id"], []).append(
            np.subtract(attributes(pair["chosen"]["content"]), attributes(pair["rejected"]["content"])))
    return {u: np.array(rows) for u, rows in history.items()}


def evidence_of(data, n_events):
    return {u: rows[-n_events:] for u, rows in differences_of(data, ["train"]).items()}


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--run", required=True)
    args.add_argument("--data", required=True)
    args.add_argument("--rows", type=int, default=48)
    args.add_argument("--events", type=int, default=6)
    args.add_argument("--threads", type=int, default=1)
    args = args.parse_args()
    torch.set_num_threads(args.threads)
    tokenizer, model = Tokenizer.from_file(f"{args.run}/tokenizer.json"), load_model(f"{args.run}/checkpoint.pt")
    teacher, users = Teacher(load_prior(f"{args.run}/prior.json")), load_users(args.data)
    evidence = evidence_of(args.data, args.events)
    rows = rows_of(args.data, "val", "train", args.events)
    rng = np.random.default_rng(1)
    ids = tokenizer.token_to_id
    mark, numbers = ids("/10 - "), [ids(str(n)) for n in range(1, 11)]
    grade_of = {ids(graded(a, g)): (a, g) for a in range(len(NOUNS)) for g in range(-2, 3)}
    grade_ids = [[ids(graded(a, g)) for g in range(-2, 3)] for a in range(len(NOUNS))]
    right, taught, traits, scores = [], [], [], []
    seen = [[] for _ in NOUNS]                                                # by attribute: (likeliest grade, true grade)
    for r in rng.permutation(len(rows))[:args.rows]:
        user, system, prompt, chosen, rejected = rows[r]
        pair = (chosen, rejected) if rng.random() < 0.5 else (rejected, chosen)
        styles = [attributes(t) for t in pair]
        wishes = read_wishes(users[user]["stated_criteria"])
        observed = grades(evidence.get(user, np.zeros((0, 8))))
        weights = teacher.posterior_means(observed, wishes)[1]
        chain = tokenizer.encode(write_chain(weights, wishes, observed, styles)).ids
        head = tokenizer.encode(render(system, user_message(prompt, pair))).ids
        tokens = torch.tensor([head + chain])
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            hidden, _, _ = model.run(tokens, torch.arange(tokens.shape[1])[None])
            logits = model.logits(hidden[0, len(head) - 1:-1]).float()         # row i predicts chain[i]
        at = [i for i, t in enumerate(chain) if t == mark]
        expected = [float(logits[i - 1, numbers].softmax(-1) @ torch.arange(1.0, 11)) for i in at]
        truth = [int(tokenizer.decode([chain[i - 1]])) for i in at]
        scores += zip(expected, truth)
        percents, n = [c[2] for c in rubric(weights)], len(at) // 2
        sign = 1 if pair[0] == chosen else -1
        for values, out in ((expected, right), (truth, taught)):
            gap = sign * (np.dot(values[:n], percents) - np.dot(values[n:], percents))
            out.append(0.5 if gap == 0 else float(gap > 0))
        for i, token in enumerate(chain):
            if token in grade_of:
                a, g = grade_of[token]
                seen[a].append((int(logits[i, grade_ids[a]].argmax()) - 2, g))
        end = chain.index(ids(PART_1B))
        values = [i for i in range(chain.index(ids(STATED)), end) if not tokenizer.decode([chain[i]]).startswith(("\n- ", " ("))]
        traits += [int(logits[i].argmax()) == chain[i] for i in values]
    for noun, pairs in zip(NOUNS, map(np.array, seen)):
        gap = np.abs(pairs[:, 0] - pairs[:, 1])
        print(f"  {noun:13s} n {len(pairs):5d} grade right {np.mean(gap == 0):.3f}, within one {np.mean(gap <= 1):.3f}, "
              f"correlation {np.corrcoef(pairs.T)[0, 1]:.2f}")
    print(f"rows {args.rows}: trait values right {np.mean(traits):.3f}, score correlation {np.corrcoef(np.array(scores).T)[0, 1]:.3f}, "
          f"pairs right {np.mean(right):.3f} (teacher {np.mean(taught):.3f})")


if __name__ == "__main__":
    main()
