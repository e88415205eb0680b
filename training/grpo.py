"""The second and third stage at this scale: group-relative policy optimisation (GRPO) of a trained checkpoint.

`cre` withholds most stated criteria and rewards process and outcome; `curriculum` rewards the outcome alone, on pairs
of which a growing share is hard: close in the user's own utility, or misjudged before.
"""
import argparse
import copy
import csv
import json
import pathlib
import shutil
import time

import numpy as np
import torch
from tokenizers import Tokenizer

from evaluate import load_model
from make_data import GroupWriter, load_prior
from prompt import render_system, render_user, system_message, user_message
from rewards import reward
from sampler import sample
from style_data import choose, draw_pair, draw_user, load_pool
from train import resume, save

STAGES = {"cre": {"alpha": 0.5, "beta": 0.5, "withhold": 0.8, "hard": (0.0, 0.0)},
          "curriculum": {"alpha": 0.0, "beta": 1.0, "withhold": 0.0, "hard": (0.1, 0.7)}}
CANDIDATES, BUFFER, MAX_NEW = 6, 64, 340     # pairs that a hard one is picked from; misjudged items kept; tokens of a chain
COLUMNS = ["minutes", "step", "reward", "right", "usable", "kl", "hard"]


class Items:
    """Draws users with a few pairs each; remembers the misjudged."""

    def __init__(self, writer, plan):
        self.writer, self.plan, self.misjudged = writer, plan, []

    def draw(self, judgments, progress):
        rng, writer = self.writer.rng, self.writer
        low, high = self.plan["hard"]
        share = low + (high - low) * progress
        if self.misjudged and rng.random() < share / 2:
            return self.misjudged.pop(rng.integers(len(self.misjudged))), share
        events = int(rng.choice(len(writer.stage["events"]), p=writer.stage["events"]))
        user = draw_user(rng, writer.prior, writer.pool_of(), events=events)
        criteria = "" if rng.random() < self.plan["withhold"] else user.criteria
        pairs = []
        for _ in range(judgments):
            drawn = [draw_pair(rng, writer.pool_of()) for _ in range(CANDIDATES if rng.random() < share else 1)]
            prompt, a, b = min(drawn, key=lambda p: abs(user.weights @ np.subtract(p[1]["style"], p[2]["style"])))
            pairs.append((prompt, (a["text"], b["text"]), 0 if choose(rng, user.weights, a["style"], b["style"]) else 1))
        return {"system": system_message(user.history, criteria), "weights": user.weights, "pairs": pairs}, share

    def report(self, item, rights):
        if np.mean(rights) < 0.5:
            self.misjudged = [*self.misjudged, item][-BUFFER:]


def chain_log_probs(model, prefix, heads, chains, end):
    """Log-probabilities of all chains' tokens, the end tokens included [N], and the chain that each belongs to [N]."""
    full = [head + chain + ([end] if len(chain) < MAX_NEW else []) for head, chain in zip(heads, chains)]
    t, p = max(map(len, full)), len(prefix)
    tail = torch.zeros(len(full), t, dtype=torch.long)
    of_chain = torch.zeros(len(full), t, dtype=torch.bool)
    for i, (tokens, head) in enumerate(zip(full, heads)):
        tail[i, :len(tokens)] = torch.tensor(tokens)
        of_chain[i, len(head):len(tokens)] = True
    device = next(model.parameters()).device
    mask = torch.cat([torch.ones(t, p, dtype=torch.bool), torch.ones(t, t, dtype=torch.bool).tril()], dim=1)
    tail, of_chain = tail.to(device), of_chain.to(device)
    hidden, _, _ = model(torch.tensor(prefix, device=device)[None], torch.tensor([p], device=device), tail,
                         mask.to(device).expand(len(full), 1, t, p + t))
    of_chain = of_chain[:, 1:]
    logits = model.logits(hidden[:, :-1][of_chain]).float().log_softmax(-1)
    return logits.gather(1, tail[:, 1:][of_chain][:, None])[:, 0], of_chain.nonzero()[:, 0]


def advantages(rewards, copies):
    """Rewards relative to the chains of the same judgment [n]."""
    groups = torch.tensor(rewards, dtype=torch.float).view(-1, copies)
    return ((groups - groups.mean(1, keepdim=True)) / (groups.std(1, keepdim=True) + 0.1)).flatten()


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--run", required=True, help="folder of the checkpoint to begin with, its tokenizer and prior")
    args.add_argument("--out", required=True, help="folder of the result; an interrupted run there goes on")
    args.add_argument("--data", required=True)
    args.add_argument("--config", required=True, help="its last data stage says what histories look like")
    args.add_argument("--stage", choices=STAGES, required=True)
    args.add_argument("--minutes", type=float, default=10)
    args.add_argument("--copies", type=int, default=8, help="chains a judgment")
    args.add_argument("--judgments", type=int, default=2, help="of one user")
    args.add_argument("--users", type=int, default=4, help="a step")
    args.add_argument("--rate", type=float, default=5e-5)
    args.add_argument("--kl", type=float, default=0.02)
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--threads", type=int, default=2)
    args = args.parse_args()
    torch.set_num_threads(args.threads)
    run, out = pathlib.Path(args.run), pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "prior.json"):
        shutil.copy(run / name, out / name)
    with open(args.config) as file:
        config = json.load(file)
    device = torch.device(config["train"]["device"])
    tokenizer = Tokenizer.from_file(str(run / "tokenizer.json"))
    end = tokenizer.token_to_id("<|end|>")
    reference = load_model(run / "checkpoint.pt").to(device)
    model = copy.deepcopy(reference)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.rate, betas=(0.9, 0.98), weight_decay=0.0)
    state = resume(out / "checkpoint.pt", model, [optimizer], device) or {"step": 0, "seconds": 0.0}
    pool = [p for p in load_pool(args.data) if p["split"] == "train"]
    writer = GroupWriter(tokenizer, load_prior(run / "prior.json"), pool, config["data"][-1], args.seed * 7919 + state["step"])
    plan = STAGES[args.stage]
    items, generator = Items(writer, plan), torch.Generator(device).manual_seed(args.seed + state["step"])
    log = open(out / f"{args.stage}.csv", "a", newline="")
    rows, window = csv.writer(log), []
    if not log.tell():
        rows.writerow(COLUMNS)

    while state["seconds"] < args.minutes * 60:
        began, progress = time.time(), state["seconds"] / (args.minutes * 60)
        for _ in range(args.users):
            item, hard = items.draw(args.judgments, progress)
            prefix = tokenizer.encode(render_system(item["system"])).ids
            tails = [tokenizer.encode(render_user(user_message(prompt, pair))).ids for prompt, pair, _ in item["pairs"]]
            if len(prefix) > writer.stage["max_prefix"]:
                continue
            chains = sample(model, prefix, tails, end, 1.0, args.copies, max_new=MAX_NEW, generator=generator, fast=True)
            scored = [reward(tokenizer.decode(chain, skip_special_tokens=False), item["pairs"][i // args.copies][2],
                             item["weights"], plan["alpha"], plan["beta"]) for i, chain in enumerate(chains)]
            items.report(item, [right or 0.0 for _, right in scored])
            heads = [tail for tail in tails for _ in range(args.copies)]
            with torch.autocast(device.type, torch.bfloat16):
                with torch.no_grad():
                    before, _ = chain_log_probs(reference, prefix, heads, chains, end)
                now, row = chain_log_probs(model, prefix, heads, chains, end)
            gain = advantages([r for r, _ in scored], args.copies).to(device)[row]
            kl = (before - now).exp() - (before - now) - 1
            # on policy, one update a sample: the ratio of old and new probabilities is 1, its gradient that of the logarithm
            loss = (args.kl * kl - gain * now).mean()
            (loss / args.users).backward()
            window.append([np.mean([r for r, _ in scored]), np.mean([x or 0.0 for _, x in scored]),
                           np.mean([x is not None for _, x in scored]), float(kl.detach().mean()), hard])
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = args.rate * min(1.0, 10 * progress + 0.1, 2.5 * (1 - progress) + 0.02)
        optimizer.step(), optimizer.zero_grad(set_to_none=True)
        state["step"] += 1
        state["seconds"] += time.time() - began
        if state["step"] % 10 == 0 and window:
            row = [f"{state['seconds'] / 60:.2f}", state["step"], *(f"{x:.4f}" for x in np.mean(window, axis=0))]
            rows.writerow(row), log.flush()
            print(" ".join(f"{c}={v}" for c, v in zip(COLUMNS, row)), flush=True)
            window = []
            save(out / "checkpoint.pt", model, [optimizer], state)
    save(out / "checkpoint.pt", model, [optimizer], state)
    print("done", state, flush=True)


if __name__ == "__main__":
    main()
