"""Trains the embedder of users: part 1 of a chain, stated criteria, and responses, as points of one space.

Begins with the first layers of a trained judge. The cosine of two texts is taught to be what is expected of the users
(or responses) behind them: of two users, the cosine of their attribute weights; of a user and a response, the utility.
"""
import argparse
import json
import pathlib
import time

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from chain import PART_2, write_chain
from evaluate import load_model
from make_data import GroupWriter, load_prior
from model import Model
from optimizer import make_optimizers
from style_data import draw_pair, draw_user, load_pool
from train import rate, resume, save

ANALYSES, CRITERIA, RESPONSES = 96, 8, 32       # texts of a step
EVENTS = [.06, .12, .12, .11, .10, .10, .10, .09, .08, .06, .06]
RESPONSE_LENGTH = 6.0                            # a response's attributes [8], standardised, over this: a vector within 1
UNSURE = 0.5                                     # error of the weights that traits and rubric are written from


class Texts:
    """Draws texts and the vectors [8] behind them: expected unit weights of a user, or attributes of a response."""

    def __init__(self, tokenizer, prior, pool, seed):
        stage = {"max_chars": 900, "splice": 0.35}
        self.writer, self.pool = GroupWriter(tokenizer, prior, pool, stage, seed), pool
        self.rng, teacher = self.writer.rng, self.writer.teacher
        self.draws = teacher.draws
        self.units = self.draws / np.maximum(1e-6, np.linalg.norm(self.draws, axis=1, keepdims=True))
        self.responses = [r for item in pool for r in item["responses"] if len(r["text"]) <= 900]

    def expected(self, user):
        """Expected unit weights given all that is known of the user [8]; its length says how much that is."""
        log_p = self.writer.teacher.log_choices(user.evidence).sum(0)
        for attribute, direction in user.wishes:
            log_p -= np.logaddexp(0, -2.5 * direction * self.draws[:, attribute])
        p = np.exp(log_p - log_p.max())
        return p @ self.units / p.sum()

    def user(self, events):
        rng = self.rng
        items = [self.pool[i] for i in rng.integers(len(self.pool), size=12)]
        return draw_user(rng, self.writer.prior, items, events=events, wishes=1.0 if events == 0 else 0.62)

    def analysis(self):
        """Part 1 of a chain by a reader who errs."""
        rng, writer = self.rng, self.writer
        user = self.user(int(rng.choice(len(EVENTS), p=EVENTS)))
        observed = writer.misread(user.evidence)
        weights = writer.teacher.posterior_means(observed, user.wishes)[1]
        unsure = weights + rng.normal(0, UNSURE, 8) * (rng.random() < 0.7)
        text = write_chain(unsure, user.wishes, observed, [np.zeros(8)] * 2)
        return text[:text.index(PART_2)].strip(), self.expected(user)

    def criteria(self):
        while True:
            user = self.user(0)
            if user.criteria:
                return user.criteria, self.expected(user)

    def response(self):
        drawn = self.responses[self.rng.integers(len(self.responses))]
        return drawn["text"], np.array(drawn["style"]) / RESPONSE_LENGTH

    def step(self):
        """[(texts, vectors [n, 8])] of each kind."""
        return [tuple(zip(*[draw() for _ in range(n)])) for draw, n in
                ((self.analysis, ANALYSES), (self.criteria, CRITERIA), (self.response, RESPONSES))]


def embed(model, tokenizer, texts):
    """Unit vectors [n, C]: the mean of the last layer's normalised outputs over a text's tokens."""
    tokens = [tokenizer.encode(t).ids for t in texts]
    batch = torch.zeros(len(tokens), max(map(len, tokens)), dtype=torch.long)
    own = torch.zeros(batch.shape)
    for i, row in enumerate(tokens):
        batch[i, :len(row)], own[i, :len(row)] = torch.tensor(row), 1.0
    device = model.embed.weight.device
    hidden, _, _ = model.run(batch.to(device), torch.arange(batch.shape[1], device=device).expand(batch.shape))
    own = own.to(device)[..., None]
    return F.normalize((hidden.float() * own).sum(1) / own.sum(1), dim=-1)


def first_layers(path, layers):
    """A model of the first layers of a checkpoint."""
    judge = load_model(path)
    model = Model(**{**judge.config, "layers": layers})
    wanted = model.state_dict()
    model.load_state_dict({k: v for k, v in judge.state_dict().items() if k in wanted})
    return model


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--run", required=True, help="folder of the judge's checkpoint, its tokenizer and prior")
    args.add_argument("--out", required=True, help="folder of the result; an interrupted run there goes on")
    args.add_argument("--data", required=True)
    args.add_argument("--minutes", type=float, default=10)
    args.add_argument("--layers", type=int, default=3)
    args.add_argument("--muon-rate", type=float, default=0.01)
    args.add_argument("--adam-rate", type=float, default=0.002)
    args.add_argument("--device", default="cpu")
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--threads", type=int, default=2)
    args = args.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    run, out = pathlib.Path(args.run), pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "prior.json"):
        (out / name).write_bytes((run / name).read_bytes())
    tokenizer = Tokenizer.from_file(str(run / "tokenizer.json"))
    model = first_layers(run / "checkpoint.pt", args.layers).to(args.device)
    optimizers = make_optimizers(model, args.muon_rate, args.adam_rate, 0.02)
    base = [args.muon_rate, args.adam_rate]
    state = resume(out / "checkpoint.pt", model, optimizers, args.device) or {"step": 0, "seconds": 0.0}
    pool = [p for p in load_pool(args.data) if p["split"] == "train"]
    texts = Texts(tokenizer, load_prior(run / "prior.json"), pool, args.seed * 7919 + state["step"])
    window = []
    while state["seconds"] < args.minutes * 60:
        began = time.time()
        kinds = texts.step()
        with torch.autocast(torch.device(args.device).type, torch.bfloat16):
            vectors = torch.cat([embed(model, tokenizer, t) for t, _ in kinds])
        behind = torch.tensor(np.concatenate([v for _, v in kinds]), dtype=torch.float, device=args.device)
        others = ~torch.eye(len(behind), dtype=torch.bool, device=args.device)
        loss = (vectors @ vectors.T - behind @ behind.T)[others].square().mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        factor = rate(state["seconds"] / (args.minutes * 60), 0.6)
        for optimizer, lr in zip(optimizers, base):
            for group in optimizer.param_groups:
                group["lr"] = lr * factor
            optimizer.step(), optimizer.zero_grad(set_to_none=True)
        state["step"] += 1
        state["seconds"] += time.time() - began
        window.append(float(loss.detach()))
        if state["step"] % 10 == 0:
            print(f"minutes={state['seconds'] / 60:.2f} step={state['step']} loss={np.mean(window):.4f}", flush=True)
            window = []
        if state["step"] % 50 == 0:
            save(out / "checkpoint.pt", model, optimizers, state)
    save(out / "checkpoint.pt", model, optimizers, state)
    print("done", state, flush=True)


if __name__ == "__main__":
    main()
