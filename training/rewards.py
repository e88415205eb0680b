"""Rewards of a sampled chain, by rule: whether its scores agree with the choice, and its rubric with the hidden weights.

Paper: outcome reward and process reward of P-GenRM's second stage; there a judge model gives the latter.
"""
import numpy as np

from chain import read_chain
from teacher import CRITERIA

ATTRIBUTE_OF = {name: (a, 1 - 2 * i) for a, pair in enumerate(CRITERIA) for i, name in enumerate(pair)}
UNREADABLE = -0.5


def outcome(read, chosen):
    """1 where the chosen response (0 or 1) has the higher score, 0.5 for a tie, 0 otherwise."""
    gap = read["scores"][chosen] - read["scores"][1 - chosen]
    return 0.5 if abs(gap) < 1e-9 else float(gap > 0)


def process(read, weights):
    """Cosine, 0 at least, of the rubric as weights over attributes and the user's hidden weights [8]."""
    rubric = np.zeros(len(CRITERIA))
    for name, percent in zip(read["names"], read["weights"]):
        if name in ATTRIBUTE_OF:
            a, direction = ATTRIBUTE_OF[name]
            rubric[a] = direction * percent
    size = np.linalg.norm(rubric) * np.linalg.norm(weights)
    return max(0.0, float(rubric @ weights / size)) if size > 0 else 0.0


def reward(text, chosen, weights, alpha, beta):
    """alpha * process + beta * outcome, and the outcome (None where the chain can't be read)."""
    read = read_chain(text)
    if read is None:
        return UNREADABLE, None
    right = outcome(read, chosen)
    return alpha * process(read, weights) + beta * right, right
