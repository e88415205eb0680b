"""Writes training shards: groups of one user's prefix and several judgments after it.

A group: prefix (system message) tokens, its supervision marks, and per judgment the tokens, the index where the chain
starts and the marks. Marks are (position, 8 attribute values). The first judgment's chain says what the history shows;
the others, for a share, misread it: what follows from the evidence is learnt from the evidence as written.
"""
import argparse
import json
import multiprocessing
import pickle

import numpy as np
from tokenizers import Tokenizer

from chain import PART_1B, TRAITS, WHY, choice_label, write_chain
from running import RunningMarks
from prompt import N_EVENT_TOKENS, event_end, rejected_label, render_system, render_user, system_message, user_message
from splice import splice
from style_data import draw_pair, draw_user, load_pool
from teacher import Teacher, grades


MISREAD, NOISE, WILD = 0.7, 0.35, 0.03       # share of later judgments; error of a difference; share of grades at random


def load_prior(path, sd=0.6):
    with open(path) as file:
        prior = json.load(file)
    prior["sd"] = np.maximum(prior["sd"], sd).tolist()
    return prior


class GroupWriter:
    """Draws users and writes their judgments as tokens."""

    def __init__(self, tokenizer, prior, pool, stage, seed):
        self.tokenizer, self.prior, self.stage = tokenizer, prior, stage
        self.pool, self.rng = pool, np.random.default_rng(seed)
        self.teacher = Teacher(prior)
        self.running = RunningMarks(tokenizer)
        ids = tokenizer.token_to_id
        numbers = range(1, N_EVENT_TOKENS + 1)
        self.chosen_end, self.event_end = {ids(rejected_label(k)) for k in numbers}, {ids(event_end(k)) for k in numbers}
        self.choice_labels = {ids(choice_label(k)) for k in numbers}
        self.decisions = {ids(t) for t in [f"\n- {trait}: " for trait in TRAITS] + [PART_1B, *WHY]}
        self.response_end = {ids(f"\n[The End of Response {k}]") for k in range(1, 5)}

    def pool_of(self):
        """The pool with, for a share of the prompts, made-up responses beside the given ones."""
        rng = self.rng
        picked = []
        for i in rng.integers(len(self.pool), size=12):
            item = self.pool[i]
            responses = [r for r in item["responses"] if len(r["text"]) <= self.stage["max_chars"]]
            if rng.random() < self.stage["splice"]:
                responses = [splice(rng, responses, self.stage["max_chars"]) for _ in range(6)] if responses else []
            if len({r["text"] for r in responses}) > 2:
                picked.append({"prompt": item["prompt"], "responses": responses})
        return picked or self.pool_of()

    def group(self):
        rng = self.rng
        events = rng.choice(len(self.stage["events"]), p=self.stage["events"])
        user = draw_user(rng, self.prior, self.pool_of(), events=int(events))
        bare = self.stage.get("bare", False)
        if bare:            # evidence without its texts: what follows from it is learnt from short sequences
            user.history = [tuple(" ".join(t.split()[:3]) for t in event) for event in user.history]
        prefix = self.tokenizer.encode(render_system(system_message(user.history, user.criteria))).ids
        marks, diffs = ([], []) if bare else self.history_marks(prefix, user)
        judgments = [self.judgment(user, [e for _, e in diffs], bare or (j > 0 and rng.random() < MISREAD))
                     for j in range(self.stage["judgments"])]
        return {"prefix": np.array(prefix, np.uint16), "marks": marks, "diffs": diffs,
                "running": [] if bare else self.running(rng, prefix), "judgments": judgments}

    def history_marks(self, prefix, user):
        mids = [i for i, t in enumerate(prefix) if t in self.chosen_end]
        ends = [i for i, t in enumerate(prefix) if t in self.event_end]
        if len(mids) != len(user.history) or len(ends) != len(user.history):
            return [], []       # a text holds a marker: no marks for this user
        marks = [(m, s) for m, s in zip(mids, user.chosen_styles)] + [(e, s) for e, s in zip(ends, user.rejected_styles)]
        return marks, list(zip(ends, user.evidence))

    def misread(self, evidence):
        """Grades as a reader with errors would give them."""
        observed = grades(evidence + self.rng.normal(0, NOISE, evidence.shape) * self.rng.choice([0.4, 1.0, 2.0]))
        wild = self.rng.random(observed.shape) < WILD
        return np.where(wild, self.rng.integers(-2, 3, observed.shape), observed)

    def judgment(self, user, differences, misread):
        rng = self.rng
        observed = self.misread(user.evidence) if misread else grades(user.evidence)
        means, weights = self.teacher.posterior_means(observed, user.wishes)
        prompt, a, b = draw_pair(rng, self.pool_of())
        responses = [a, b]
        if rng.random() < self.stage["third"]:
            responses.append(draw_pair(rng, self.pool_of())[1])
        styles = [r["style"] for r in responses]
        head = self.tokenizer.encode(render_user(user_message(prompt, [r["text"] for r in responses]))).ids
        chain = self.tokenizer.encode(write_chain(weights, user.wishes, observed, styles) + "<|end|>").ids
        ends = [i for i, t in enumerate(head) if t in self.response_end]
        labels = [len(head) + i for i, t in enumerate(chain) if t in self.choice_labels]
        # the state of knowledge: after each choice's line, then wherever a trait or a weight is about to be written
        knowledge = [(at + 8, mean) for at, mean in zip(labels, means[1:])]
        knowledge += [(len(head) + i, weights) for i, t in enumerate(chain) if t in self.decisions]
        return {"tokens": np.array(head + chain, np.uint16), "start": len(head), "misread": misread,
                "marks": list(zip(ends, styles)) if len(ends) == len(styles) else [],
                "evidence": list(zip(labels, differences)), "knowledge": knowledge, "running": self.running(rng, head)}


def write_shard(job):
    config, stage, seed, n, path = job
    tokenizer = Tokenizer.from_file(config["tokenizer"])
    pool = [p for p in load_pool(config["data"]) if p["split"] == config["split"]]
    writer = GroupWriter(tokenizer, load_prior(config["prior"]), pool, stage, seed)
    groups = [g for g in (writer.group() for _ in range(n)) if len(g["prefix"]) <= stage["max_prefix"]]
    with open(path, "wb") as file:
        pickle.dump(groups, file)
    tokens = sum(len(g["prefix"]) + sum(len(j["tokens"]) for j in g["judgments"]) for g in groups)
    print(f"{path}: {len(groups)} groups, {tokens} tokens", flush=True)


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--config", required=True)
    args.add_argument("--data", required=True)
    args.add_argument("--run", required=True, help="folder with prior.json and tokenizer.json; shards go to its shards/")
    args.add_argument("--stage", help="only this stage")
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--workers", type=int, default=2)
    args = args.parse_args()
    import pathlib
    with open(args.config) as file:
        stages = json.load(file)["data"]
    folder = pathlib.Path(args.run) / "shards"
    folder.mkdir(exist_ok=True)
    common = {"data": args.data, "split": "train", "prior": f"{args.run}/prior.json", "tokenizer": f"{args.run}/tokenizer.json"}
    jobs = [(common, stage, args.seed * 100000 + s * 1000 + i, stage["groups_per_shard"], f"{folder}/{stage['name']}-{i:03d}.pkl")
            for s, stage in enumerate(stages) if args.stage in (None, stage["name"]) for i in range(stage["shards"])]
    with multiprocessing.Pool(args.workers) as workers:
        for _ in workers.imap(write_shard, jobs):
            pass


if __name__ == "__main__":
    main()
