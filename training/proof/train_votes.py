"""LoRA on votes of real raters, on CPU cores, one process of one thread each; goes on from RUN/checkpoint.pt.

torchrun --nproc-per-node 2 train_votes.py --base R/base --pairs polis/pairs.jsonl.gz --users polis/users.jsonl.gz --out R/polis --minutes 60
"""
import argparse
import csv
import os
import random
import time
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import torch.distributed as dist
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from votes import Votes, epoch_of, read_users

LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
COLUMNS = ["step", "minutes", "epoch", "votes", "tokens", "loss", "accuracy", "rate"]


def parse():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--base", required=True)
    args.add_argument("--pairs", required=True)
    args.add_argument("--users", required=True)
    args.add_argument("--out", required=True)
    args.add_argument("--minutes", type=float, default=60, help="of this run in all its spells; the rate falls to nothing by then")
    args.add_argument("--rate", type=float, default=1e-3)
    args.add_argument("--users-a-step", type=int, default=2, help="of each process")
    args.add_argument("--tokens", type=int, default=768, help="most of a sequence")
    args.add_argument("--frozen-layers", type=int, default=12, help="lowest layers without an adapter")
    args.add_argument("--rank-of-adapter", type=int, default=16)
    args.add_argument("--seed", type=int, default=1)
    return args.parse_args()


def rate_at(done, most, step):
    """Ten steps of warming up, then full until 40% of the time, then falling to a twentieth."""
    left = min(1.0, max(0.05, (1 - done) / 0.6))
    return most * min(1.0, (step + 1) / 10) * left


def adapted(base, frozen, rank):
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
    layers = range(frozen, model.config.num_hidden_layers)
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=LINEAR, layers_to_transform=list(layers), task_type="CAUSAL_LM")
    return get_peft_model(model, config, autocast_adapter_dtype=False)


def vote_logits(model, votes, ids, places):
    """logit(yes) - logit(no) at each place. Shape [votes]."""
    hidden = model.base_model.model.model(input_ids=torch.tensor([ids]), use_cache=False).last_hidden_state[0, places].float()
    head = model.base_model.model.lm_head.weight
    return hidden @ (head[votes.yes] - head[votes.no]).float()


def main():
    args = parse()
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    run = Path(args.out)
    run.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    votes = Votes(AutoTokenizer.from_pretrained(args.base))
    users = read_users(args.pairs, args.users)
    model = adapted(args.base, args.frozen_layers, args.rank_of_adapter)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    # bfloat16 is too coarse to add small steps to: the optimizer keeps float32 copies.
    masters = [weight.detach().float().requires_grad_() for weight in weights]
    optimizer = torch.optim.AdamW(masters, lr=args.rate, betas=(0.9, 0.98), weight_decay=0.0)
    state = {"step": 0, "minutes": 0.0, "epoch": 0, "at": 0, "votes": 0, "tokens": 0}
    checkpoint = run / "checkpoint.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        state = saved["state"]
        optimizer.load_state_dict(saved["optimizer"])
        for master, kept in zip(masters, saved["masters"]):
            master.data.copy_(kept)
        copy_back(masters, weights)
        if rank == 0:
            cut_log(run / "log.csv", state["step"])
    elif rank == 0:
        with open(run / "log.csv", "w", newline="") as log:
            csv.writer(log).writerow(COLUMNS)
    size = args.users_a_step
    started = time.monotonic() - 60 * state["minutes"]
    order = epoch_of(users, "train", args.seed, state["epoch"])
    while True:
        # One clock for all: every process must leave after the same step.
        clock = torch.tensor([(time.monotonic() - started) / 60])
        dist.broadcast(clock, 0)
        state["minutes"] = float(clock)
        if state["minutes"] >= args.minutes:
            break
        if state["at"] + size * world > len(order):
            state["epoch"] += 1
            state["at"] = 0
            order = epoch_of(users, "train", args.seed, state["epoch"])
        mine = order[state["at"] + rank * size : state["at"] + (rank + 1) * size]
        state["at"] += size * world
        sums = torch.zeros(4)  # loss, right, votes, tokens
        for user, pairs in mine:
            draw = random.Random(f"{args.seed} {state['epoch']} {user}")
            ids, places, labels = votes.sequence(pairs, draw, args.tokens)
            logits = vote_logits(model, votes, ids, places)
            target = torch.tensor(labels, dtype=torch.float32)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="sum")
            loss.backward()
            right = ((logits > 0) == (target > 0)).sum()
            sums += torch.tensor([float(loss.detach()), float(right), len(labels), len(ids)])
        dist.all_reduce(sums)
        flat = torch.cat([weight.grad.float().flatten() for weight in weights])
        dist.all_reduce(flat)
        flat /= sums[2]
        for master, part in zip(masters, flat.split([weight.numel() for weight in weights])):
            master.grad = part.view_as(master)
        torch.nn.utils.clip_grad_norm_(masters, 1.0)
        rate = rate_at(state["minutes"] / args.minutes, args.rate, state["step"])
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        copy_back(masters, weights)
        for weight in weights:
            weight.grad = None
        state["step"] += 1
        state["votes"] += int(sums[2])
        state["tokens"] += int(sums[3])
        if rank == 0:
            row = [state["step"], f"{state['minutes']:.2f}", state["epoch"], state["votes"], state["tokens"],
                   f"{sums[0] / sums[2]:.4f}", f"{sums[1] / sums[2]:.4f}", f"{rate:.2e}"]
            with open(run / "log.csv", "a", newline="") as log:
                csv.writer(log).writerow(row)
            if state["step"] % 10 == 0:
                save(run, checkpoint, model, masters, optimizer, state)
    if rank == 0:
        save(run, checkpoint, model, masters, optimizer, state)
        print(f"{state['step']} steps, {state['votes']} votes, {state['tokens']} tokens in {state['minutes']:.1f} minutes: {run / 'adapter'}")
    dist.destroy_process_group()


def cut_log(path, step):
    """Leaves the lines up to the step of the checkpoint: those of a run that was killed behind it are written again."""
    lines = path.read_text().splitlines(keepends=True)
    kept = [line for line in lines[1:] if line.endswith("\n") and int(line.split(",")[0]) <= step]
    path.write_text("".join(lines[:1] + kept))


def copy_back(masters, weights):
    for master, weight in zip(masters, weights):
        weight.data.copy_(master.data)


def save(run, checkpoint, model, masters, optimizer, state):
    """The adapter as PEFT reads it, then the checkpoint in one rename."""
    model.save_pretrained(run / "adapter")
    part = checkpoint.with_suffix(".part")
    torch.save({"state": state, "masters": [m.detach() for m in masters], "optimizer": optimizer.state_dict()}, part)
    os.replace(part, checkpoint)


if __name__ == "__main__":
    main()
