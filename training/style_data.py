"""Reads the style-users data and draws users, histories and pairs from it.

Knows the rule by which the users choose; knows nothing of chains, tokens or models.
Training draws only from prompts of split train, tuning only from split val.
"""
import gzip
import json
from dataclasses import dataclass, field

import numpy as np

from wishes import draw_wishes

N_ATTRIBUTES = 8


def read_lines(path):
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


def load_pool(folder):
    """Prompts with their responses; each response has `text` and `style` (8 floats)."""
    return read_lines(f"{folder}/responses.jsonl.gz")


def load_users(folder):
    return {u["user_id"]: u for u in read_lines(f"{folder}/users.jsonl.gz")}


def load_pairs(folder, split):
    return [p for p in read_lines(f"{folder}/pairs.jsonl.gz") if p["split"] == split]


@dataclass
class User:
    weights: np.ndarray                       # [8]
    history: list = field(default_factory=list)   # (prompt, chosen, rejected): texts
    chosen_styles: list = field(default_factory=list)     # attributes [8] of each event's texts
    rejected_styles: list = field(default_factory=list)
    evidence: np.ndarray = None               # [n_events, 8] chosen minus rejected
    wishes: list = field(default_factory=list)    # (attribute, direction)
    criteria: str = ""


def choose(rng, weights, first, second):
    """Bradley-Terry draw: True where the first attributes win."""
    return rng.random() < 1 / (1 + np.exp(-np.dot(weights, np.subtract(first, second))))


def draw_pair(rng, pool, min_gap=0.35):
    """A prompt and two responses that differ in text and, in sum, in style."""
    while True:
        item = pool[rng.integers(len(pool))]
        i, j = rng.choice(len(item["responses"]), 2, replace=False)
        a, b = item["responses"][i], item["responses"][j]
        if a["text"] != b["text"] and np.abs(np.subtract(a["style"], b["style"])).sum() > min_gap:
            return item["prompt"], a, b


def draw_weights(rng, prior, broad=0.15):
    """Weights around one of the fitted prototypes, or, for a share `broad`, around none."""
    if rng.random() < broad:
        keep = rng.random(N_ATTRIBUTES) < 0.5
        return rng.normal(0, 2.0, N_ATTRIBUTES) * keep
    k = rng.choice(len(prior["share"]), p=prior["share"])
    return np.array(prior["mean"][k]) + rng.normal(0, 1, N_ATTRIBUTES) * np.array(prior["sd"])


def n_events(rng):
    return int(rng.choice(11, p=[.08, .16, .18, .16, .14, .10, .08, .04, .03, .015, .015]))


def draw_user(rng, prior, pool, events=None, wishes=None):
    """A user with history and stated criteria; `events` fixes the history length."""
    user = User(draw_weights(rng, prior))
    n = n_events(rng) if events is None else events
    for _ in range(n):
        prompt, a, b = draw_pair(rng, pool)
        if not choose(rng, user.weights, a["style"], b["style"]):
            a, b = b, a
        user.history.append((prompt, a["text"], b["text"]))
        user.chosen_styles.append(a["style"])
        user.rejected_styles.append(b["style"])
    user.evidence = np.subtract(user.chosen_styles, user.rejected_styles).reshape(-1, N_ATTRIBUTES)
    if rng.random() < (0.62 if wishes is None else wishes):
        user.wishes, user.criteria = draw_wishes(rng, user.weights)
    return user
