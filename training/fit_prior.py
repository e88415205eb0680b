"""Fits the prior over users: 12 prototypes of attribute weights, from the training users' choices.

Maximises the marginal likelihood of their train and val pairs by Adam over Monte-Carlo weights.
Writes JSON with share [12], mean [12][8] and sd [8].
"""
import argparse
import json

import numpy as np
import torch

from style_data import load_pairs, load_pool, load_users
from wishes import read_wishes


def differences(folder):
    """Per training user: chosen minus rejected attributes [n, 8], and the stated wishes."""
    style = {(p["prompt"], r["text"]): r["style"] for p in load_pool(folder) for r in p["responses"]}
    users = {k: u for k, u in load_users(folder).items() if u["group"] == "train"}
    rows = {k: [] for k in users}
    for split in ("train", "val"):
        for pair in load_pairs(folder, split):
            if pair["user_id"] in rows:
                prompt = pair["context"][-1]["content"]
                chosen, rejected = (style.get((prompt, pair[k]["content"])) for k in ("chosen", "rejected"))
                if chosen and rejected:
                    rows[pair["user_id"]].append(np.subtract(chosen, rejected))
    return [(np.array(rows[k]).reshape(-1, 8), read_wishes(u["stated_criteria"])) for k, u in users.items()]


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--data", required=True)
    args.add_argument("--out", required=True)
    args.add_argument("--prototypes", type=int, default=12)
    args.add_argument("--steps", type=int, default=400)
    args.add_argument("--restarts", type=int, default=3)
    args = args.parse_args()
    users = differences(args.data)
    n_max = max(len(d) for d, _ in users)
    evidence, mask = torch.zeros(len(users), n_max, 8), torch.zeros(len(users), n_max)
    wish = torch.zeros(len(users), 8)
    for i, (rows, wishes) in enumerate(users):
        evidence[i, :len(rows)], mask[i, :len(rows)] = torch.tensor(rows, dtype=torch.float), 1
        for a, direction in wishes:
            wish[i, a] = direction
    print("users", len(users), "pairs", int(mask.sum()), "with wishes", int((wish.abs().sum(1) > 0).sum()))
    best = None
    for seed in range(args.restarts):
        torch.manual_seed(seed)
        mean = torch.nn.Parameter(torch.randn(args.prototypes, 8) * 1.5)
        log_sd, share = torch.nn.Parameter(torch.full((1,), -0.3)), torch.nn.Parameter(torch.zeros(args.prototypes))
        optimizer = torch.optim.Adam([mean, log_sd, share], lr=0.05)
        for step in range(args.steps):
            for group in optimizer.param_groups:
                group["lr"] = 0.05 * min(1, 2 * (1 - step / args.steps))
            noise = torch.randn(24, args.prototypes, 8)
            weights = (mean + noise * log_sd.exp()).reshape(-1, 8)                       # [24*K, 8]
            choice = torch.nn.functional.logsigmoid(torch.einsum("und,kd->unk", evidence, weights))
            stated = torch.nn.functional.logsigmoid(2.5 * wish[:, None, :] * weights[None]) * wish.abs()[:, None]
            log_p = (choice * mask[:, :, None]).sum(1) + stated.sum(-1)                  # [users, 24*K]
            log_p = log_p + torch.log_softmax(share, 0).repeat(24)
            loss = -(torch.logsumexp(log_p, 1) - np.log(24)).mean()
            loss = loss + 0.0005 * mean.pow(2).sum() / args.prototypes
            optimizer.zero_grad(), loss.backward(), optimizer.step()
        print(f"restart {seed}: mean negative log marginal likelihood {loss.item():.4f}")
        if best is None or loss.item() < best[0]:
            best = (loss.item(), mean.detach(), log_sd.exp().detach(), torch.softmax(share, 0).detach())
    _, mean, sd, share = best
    share = share.double() / share.double().sum()
    with open(args.out, "w") as file:
        json.dump({"share": share.tolist(), "mean": mean.tolist(), "sd": sd.expand(8).tolist()}, file)
    print("sd", np.round(sd.numpy(), 2), "share", np.round(share.numpy(), 3))
    print(np.round(mean.numpy(), 2))


if __name__ == "__main__":
    main()
