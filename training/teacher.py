"""The rule that writes evaluation chains from visible evidence: history, stated criteria, texts.

Posterior over the attribute weights by importance sampling from the prior; the strongest
attributes become the rubric; scores follow from the attributes of the responses.
"""
import numpy as np

from style_data import draw_weights

DRAWS = 6000
N_CRITERIA = 4
LEVELS = [0.45, 1.1, 2.2]            # |posterior mean|: open, slight, clear, strong
NOUNS = ["length", "lists", "caveats", "warmth", "specifics", "formality", "follow-ups", "first person"]
CRITERIA = [("Depth", "Brevity"), ("Structure", "Flow"), ("Nuance", "Decisiveness"), ("Warmth", "Restraint"),
            ("Concreteness", "Generality"), ("Formality", "Plainness"), ("Engagement", "Closure"), ("Voice", "Impersonality")]
SCORE_SLOPE = 1.8                    # score = 5.5 + slope * direction * attribute, rounded, clipped to 1 .. 10


class Teacher:
    def __init__(self, prior, seed=0):
        rng = np.random.default_rng(seed)
        self.draws = np.array([draw_weights(rng, prior) for _ in range(DRAWS)])      # [DRAWS, 8]

    def posterior_mean(self, evidence, wishes):
        """evidence [n, 8] chosen minus rejected; wishes (attribute, direction): mean weights [8]."""
        log_p = np.zeros(len(self.draws))
        if len(evidence):
            log_p -= np.logaddexp(0, -self.draws @ np.asarray(evidence).T).sum(1)
        strength = np.abs(self.draws)
        for attribute, direction in wishes:
            log_p -= np.logaddexp(0, -2.5 * direction * self.draws[:, attribute])
            log_p += np.log(strength[:, attribute] + 0.2) * 1.5 - np.log((strength + 0.2).sum(1)) * 1.5
        p = np.exp(log_p - log_p.max())
        return p @ self.draws / p.sum()


def levels(weights):
    """Signed level of each attribute: -3 .. 3."""
    return [int(np.sign(w)) * int(np.searchsorted(LEVELS, abs(w))) for w in weights]


def rubric(weights, n=N_CRITERIA):
    """[(attribute, direction, percent)] of the n strongest, in the order of the attributes; percents are tens and sum to 100."""
    order = np.sort(np.argsort(-np.abs(weights))[:n])
    size = np.abs(weights[order]) + 1e-6
    share = size / size.sum() * 10
    tens = np.maximum(1, np.floor(share)).astype(int)
    while tens.sum() < 10:
        tens[np.argmax(share - tens)] += 1
    while tens.sum() > 10:
        tens[np.argmax(np.where(tens > 1, tens - share, -9))] -= 1
    return [(int(a), 1 if weights[a] > 0 else -1, int(t) * 10) for a, t in zip(order, tens)]


def score(attribute, direction, style):
    return int(np.clip(np.floor(5.5 + SCORE_SLOPE * direction * style[attribute] + 0.5), 1, 10))


def total(criteria, style):
    return sum(percent * score(a, d, style) for a, d, percent in criteria) / 100
