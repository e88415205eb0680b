"""Trains the model against the clock: a constant rate that falls to zero at the end of the given minutes.

Resumes from checkpoint.pt in the run folder; writes log.csv and checkpoints every few minutes.
"""
import argparse
import csv
import datetime
import json
import os
import pathlib
import time

import torch
import torch.distributed as dist
import torch.nn.functional as F
from tokenizers import Tokenizer

from batches import SCORE_WEIGHT, Batcher, token_ids
from corruption import Corruption
from model import Model
from optimizer import make_optimizers

COLUMNS = ["minutes", "step", "tokens", "rate", "chain", "score", "ordinal", "running", "attributes", "differences", "evidence", "recall", "knowledge", "pointer"]


def losses(model, batch, ids, aux):
    """Loss to minimise and its parts as floats."""
    hidden, inner1, inner2 = model(batch["prefix"], batch["length"], batch["shown"], batch["mask"])
    target, weights = batch["tail"][:, 1:], batch["loss_weights"][:, 1:]
    rows, columns = weights.nonzero(as_tuple=True)
    logits = model.logits(hidden[rows, columns]).float()
    target, weights = target[rows, columns], weights[rows, columns]
    each = F.cross_entropy(logits, target, reduction="none")
    chain = (each * weights).sum() / weights.sum()
    at = weights == SCORE_WEIGHT
    ranks = torch.arange(1, 11, device=logits.device)
    number = logits[at][:, ids["numbers"]].softmax(-1) @ ranks.float()                # expected score
    wanted = (target[at][:, None] == ids["numbers"].to(logits.device)).float() @ ranks.float()
    parts = {"chain": chain, "score": each[at].mean(), "ordinal": (number - wanted).square().mean()}
    for tap, name, sources, scale in (
            (0, "running", (("running_prefix", inner1), ("running_tail", inner2)), 1.0),
            (0, "attributes", (("prefix_marks", inner1), ("tail_marks", inner2)), 1.0),
            (1, "differences", (("diffs", inner1),), 0.5), (2, "evidence", (("evidence", inner2),), 0.5),
            (3, "recall", (("recall_marks", inner2),), 1.0), (4, "knowledge", (("knowledge", inner2),), 0.5)):
        errors = []
        for key, inner in sources:
            if batch[key] is not None:
                at_row, at, values = batch[key]
                errors.append((model.tap(tap, inner, at_row, at) - values * scale).square().flatten())
        parts[name] = torch.cat(errors).mean() if errors else torch.zeros(())
    parts["pointer"] = torch.zeros(()) if batch["pointers"] is None else model.pointer_loss(batch["pointers"])
    loss = chain + 0.3 * parts["pointer"] + 0.3 * parts["ordinal"] + aux * (sum(parts[k] for k in COLUMNS[7:12]) + parts["knowledge"])
    return loss, {k: float(v.detach()) for k, v in parts.items()}


def save(path, model, optimizers, state):
    torch.save({"model": model.state_dict(), "config": model.config, "state": state,
                "optimizers": [o.state_dict() for o in optimizers]}, f"{path}.part")
    os.replace(f"{path}.part", path)


def resume(path, model, optimizers, device):
    """Loads what `save` wrote, if it is there, and returns its state; optimizers stay new where it has none (published weights)."""
    if not path.exists():
        return None
    saved = torch.load(path, weights_only=False, map_location=device)
    model.load_state_dict(saved["model"])
    for optimizer, content in zip(optimizers, saved.get("optimizers", [])):
        optimizer.load_state_dict(content)
    return saved["state"]


def average(model, number):
    """Averages the gradients over the workers; returns the first worker's number."""
    params = list(model.parameters())
    for p in params:
        if p.grad is None:
            p.grad = torch.zeros_like(p)
    mine = number if dist.get_rank() == 0 else 0.0
    flat = torch.cat([p.grad.flatten() for p in params] + [torch.tensor([mine * dist.get_world_size()])])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for p, part in zip(params, flat[:-1].split([p.numel() for p in params])):
        p.grad.copy_(part.view_as(p))
    return float(flat[-1])


def rate(progress, decay):
    """Warm up over 1% of the time, constant, then straight to 2% over the last `decay` of it."""
    if progress < 0.01:
        return 0.1 + 90 * progress
    return 1.0 if progress < 1 - decay else max(0.02, (1 - progress) / decay)


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--config", required=True)
    args.add_argument("--run", required=True)
    args.add_argument("--minutes", type=float, help="in place of the config's")
    args.add_argument("--start", help="the run whose weights and optimizers a run without a checkpoint of its own begins with")
    args.add_argument("--threads", type=int, default=2)
    args.add_argument("--workers", type=int, default=1, help="processes that share every step; start one for each --rank")
    args.add_argument("--rank", type=int, default=0)
    args = args.parse_args()
    with open(args.config) as file:
        config = json.load(file)
    plan = config["train"]
    minutes = args.minutes or plan["minutes"]
    torch.set_num_threads(args.threads)
    torch.manual_seed(plan["seed"])
    device = torch.device(plan["device"])
    run = pathlib.Path(args.run)
    tokenizer = Tokenizer.from_file(str(run / "tokenizer.json"))
    ids = token_ids(tokenizer)
    model = Model(**config["model"]).to(device)
    optimizers = make_optimizers(model, plan["muon_rate"], plan["adam_rate"], plan["weight_decay"])
    state = resume(run / "checkpoint.pt", model, optimizers, device)
    if state is None:
        if args.start and resume(pathlib.Path(args.start) / "checkpoint.pt", model, optimizers, device) is None:
            raise SystemExit(f"{args.start} has no checkpoint.pt")
        state = {"step": 0, "tokens": 0, "seconds": 0.0}
    base = [plan["muon_rate"], plan["adam_rate"]]
    if args.workers > 1:
        dist.init_process_group("gloo", init_method=f"file://{(run / 'workers').resolve()}", rank=args.rank,
                                world_size=args.workers, timeout=datetime.timedelta(hours=1))
    feeds = {}
    log = open(run / "log.csv", "a", newline="")
    writer = csv.writer(log)
    if args.rank == 0 and not log.tell():
        writer.writerow(COLUMNS)
    window, last_log, last_save = [], time.time(), time.time()
    model.train()
    while state["seconds"] < minutes * 60:
        began = time.time()
        progress = state["seconds"] / (minutes * 60)
        stage = [s for s in plan["stages"] if progress >= s["from"]][-1]
        key = ",".join(stage["data"])
        if key not in feeds:
            feeds[key] = iter(Batcher(run / "shards", stage["data"], ids, stage["batch_tokens"] // args.workers,
                                      plan["seed"] + state["step"] * args.workers + args.rank, Corruption(tokenizer)))
        batch = next(feeds[key])
        if device.type != "cpu":
            batch = {k: v.to(device) if torch.is_tensor(v) else tuple(x.to(device) for x in v) if isinstance(v, tuple) else v
                     for k, v in batch.items()}
        factor = rate(progress, plan["decay"])
        for optimizer, lr in zip(optimizers, base):
            for group in optimizer.param_groups:
                group["lr"] = lr * factor
        with torch.autocast(device.type, torch.bfloat16):
            loss, parts = losses(model, batch, ids, plan["aux"])
        loss.backward()
        if args.workers > 1:
            state["seconds"] = average(model, state["seconds"])
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        state["step"] += 1
        state["tokens"] += batch["tokens"] * args.workers
        state["seconds"] += time.time() - began
        window.append(parts)
        if args.rank > 0:
            continue
        if time.time() - last_log > 20 or state["seconds"] >= minutes * 60:
            means = [sum(w[c] for w in window) / len(window) for c in COLUMNS[4:]]
            row = [f"{state['seconds'] / 60:.2f}", state["step"], state["tokens"], f"{factor:.3f}"] + [f"{x:.4f}" for x in means]
            writer.writerow(row)
            log.flush()
            print(" ".join(f"{c}={v}" for c, v in zip(COLUMNS, row)), flush=True)
            window, last_log = [], time.time()
        if time.time() - last_save > plan["save_minutes"] * 60:
            save(run / "checkpoint.pt", model, optimizers, state)
            last_save = time.time()
    if args.rank == 0:
        save(run / "checkpoint.pt", model, optimizers, state)
    print("done", state, flush=True)


if __name__ == "__main__":
    main()
