"""Shards to padded batches: groups of near equal length together, so little compute goes to padding."""
import glob
import pickle

import numpy as np
import torch

from chain import (CRITERIA, FINAL, NOTHING, PART_1, PART_1B, PART_2, RESULT, STATED, TRAITS, WHY, breakdown_start, choice_label,
                   evidence_tokens, wished)
from prompt import N_EVENT_TOKENS, event_end

SCORE_WEIGHT, FREE_WEIGHT, EVIDENCE_WEIGHT, FIXED_WEIGHT, ARITHMETIC_WEIGHT = 8.0, 3.0, 2.5, 0.7, 0.2


def token_ids(tokenizer):
    """Tokens that supervision looks for: fixed phrases, breakdown headings by response, criterion names."""
    of, names = tokenizer.token_to_id, [name for pair in CRITERIA for name in pair]
    return {"/10 - ": of("/10 - "), ") = ": of(") = "), "headings": {of(breakdown_start(k)): k - 1 for k in range(1, 5)},
            "numbers": torch.tensor([of(str(n)) for n in range(1, 11)]),
            "traits": [of(f"\n- {trait}: ") for trait in TRAITS] + [of(t) for t in (PART_1, PART_1B, *WHY)],
            "free": [of(t) for t in (PART_2, FINAL, "*0.", ") + (", RESULT)] + [of(f"{x}\\n{i}. ") for x in "%." for i in (2, 3, 4)]
            + [of(breakdown_start(k)) for k in (1, 2)] + [of(x) for n in names for x in (f"\n- {n} (", f"{n} - ")],
            "criteria": {of(f"{name}: ") for name in names},
            "evidence": [of(t) for t in evidence_tokens()], "stated": [of(STATED), of(NOTHING)] + [of(wished(a, d)) for a in range(8) for d in (-1, 1)],
            "event_ends": [of(event_end(k)) for k in range(1, N_EVENT_TOKENS + 1)],
            "choices": [of(choice_label(k)) for k in range(1, N_EVENT_TOKENS + 1)]}


class Batcher:
    def __init__(self, folder, names, ids, budget, seed, corrupt, window=96):
        self.files = [sorted(glob.glob(f"{folder}/{name}-*.pkl")) for name in names]
        if not all(self.files):
            raise FileNotFoundError(f"no shards of one of {names} in {folder}: run make_data.py first")
        self.ids, self.budget, self.corrupt, self.window = ids, budget, corrupt, window
        self.rng = np.random.default_rng(seed)

    def groups(self, files):
        while True:
            for i in self.rng.permutation(len(files)):
                with open(files[i], "rb") as file:
                    groups = pickle.load(file)
                for j in self.rng.permutation(len(groups)):
                    yield groups[j]

    def __iter__(self):
        sources = [self.groups(files) for files in self.files]
        while True:
            pool = [next(sources[self.rng.integers(len(sources))]) for _ in range(self.window)]
            pool.sort(key=lambda g: (len(g["judgments"]), len(g["prefix"]) // 64, max(len(j["tokens"]) for j in g["judgments"])))
            chunks, chunk = [], []
            for group in pool:
                if chunk and (len(group["judgments"]) != len(chunk[0]["judgments"])
                              or self.size(chunk + [group]) > self.budget):
                    chunks.append(chunk)
                    chunk = []
                chunk.append(group)
            for i in self.rng.permutation(len(chunks)):     # the last, short chunk is left out
                yield collate(chunks[i], self.ids, self.rng, self.corrupt)

    @staticmethod
    def size(chunk):
        tails = [len(j["tokens"]) for g in chunk for j in g["judgments"]]
        return len(chunk) * max(len(g["prefix"]) for g in chunk) + len(tails) * max(tails)


def loss_weights(tokens, start, misread, ids):
    """Weight of predicting each token of a judgment; zero outside the chain and on evidence that is misread."""
    weights = np.zeros(len(tokens), np.float32)
    weights[start:] = FIXED_WEIGHT
    weights[np.flatnonzero(np.isin(tokens[start:-1], ids["traits"] + ids["free"])) + start + 1] = FREE_WEIGHT
    weights[np.flatnonzero(tokens == ids["/10 - "]) - 1] = SCORE_WEIGHT
    written = np.isin(tokens, ids["evidence"])
    weights[written] = EVIDENCE_WEIGHT
    if misread:
        weights[written & ~np.isin(tokens, ids["stated"] + ids["choices"])] = 0
    weights[:start] = 0
    for step in (1, 3):
        weights[np.flatnonzero(tokens == ids[") = "]) + step] = ARITHMETIC_WEIGHT
    return weights


def recall_marks(judgment, ids):
    """(position, attributes of the response at issue) of every heading and criterion of the breakdown."""
    out, style = [], None
    for at in range(judgment["start"], len(judgment["tokens"])):
        token = int(judgment["tokens"][at])
        k = ids["headings"].get(token)
        if k is not None:
            style = judgment["marks"][k][1] if k < len(judgment["marks"]) else None
        if style is not None and (k is not None or token in ids["criteria"]):
            out.append((at, style))
    return out


def pointers(groups, ids):
    """Where the line of each choice is to look: (judgment, position of a label or grade, position of the event's end)."""
    out, row = [], 0
    for g in groups:
        ends = {int(t): i for i, t in enumerate(g["prefix"]) if t in ids["event_ends"]}
        for j in g["judgments"]:
            for choice, event in zip(ids["choices"], ids["event_ends"]):
                for at in np.flatnonzero(j["tokens"] == choice):
                    if event in ends:
                        out += [(row, at + n, ends[event]) for n in range(8)]
            row += 1
    return torch.tensor(out, dtype=torch.long).T if out else None


def collate(groups, ids, rng, corrupt):
    judgments = [j for g in groups for j in g["judgments"]]
    m = len(groups[0]["judgments"])
    p, t = max(len(g["prefix"]) for g in groups), max(len(j["tokens"]) for j in judgments)
    prefix, tail = np.zeros((len(groups), p), np.int64), np.zeros((len(judgments), t), np.int64)
    weights = np.zeros((len(judgments), t), np.float32)
    for i, g in enumerate(groups):
        prefix[i, :len(g["prefix"])] = g["prefix"]
    for i, j in enumerate(judgments):
        n = len(j["tokens"])
        tail[i, :n] = j["tokens"]
        weights[i, :n] = loss_weights(j["tokens"], j["start"], j["misread"], ids)
    shown = tail.copy()
    for row, row_weights in zip(shown, weights):
        corrupt(rng, row, row_weights)
    length = torch.tensor([len(g["prefix"]) for g in groups])
    mask = torch.ones(len(judgments), t, p + t, dtype=torch.bool)
    mask[:, :, :p] = (torch.arange(p) < length.repeat_interleave(m)[:, None])[:, None]
    mask[:, :, p:] = torch.ones(t, t, dtype=torch.bool).tril()

    def marks(rows):
        rows = [(i, at, values) for i, group in enumerate(rows) for at, values in group]
        if not rows:
            return None
        return (torch.tensor([r[0] for r in rows]), torch.tensor([r[1] for r in rows]),
                torch.tensor(np.array([r[2] for r in rows]), dtype=torch.float))
    return {"prefix": torch.from_numpy(prefix), "length": length, "tail": torch.from_numpy(tail), "shown": torch.from_numpy(shown), "mask": mask[:, None],
            "loss_weights": torch.from_numpy(weights), "tokens": int(length.sum()) + sum(len(j["tokens"]) for j in judgments),
            "prefix_marks": marks([g["marks"] for g in groups]), "diffs": marks([g["diffs"] for g in groups]),
            "tail_marks": marks([j["marks"] for j in judgments]),
            "running_prefix": marks([g["running"] for g in groups]), "running_tail": marks([j["running"] for j in judgments]),
            "evidence": marks([j["evidence"] for j in judgments]), "knowledge": marks([j["knowledge"] for j in judgments]),
            "pointers": pointers(groups, ids),
            "recall_marks": marks([recall_marks(j, ids) for j in judgments])}
