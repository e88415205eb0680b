"""The rule that writes evaluation chains from visible evidence: history, stated criteria, texts.

What each choice shows is written down in five grades; the posterior over the attribute weights follows from those
grades by importance sampling from the prior; the strongest attributes become the rubric; scores follow from the texts.
"""
import numpy as np

from style_data import draw_weights

DRAWS = 4000
N_CRITERIA = 4
LEVELS = [0.45, 1.1, 2.2]            # |posterior mean|: open, slight, clear, strong
NOUNS = ["length", "lists", "caveats", "warmth", "specifics", "formality", "follow-ups", "first person"]
CRITERIA = [("Depth", "Brevity"), ("Structure", "Flow"), ("Nuance", "Decisiveness"), ("Warmth", "Restraint"),
            ("Concreteness", "Generality"), ("Formality", "Plainness"), ("Engagement", "Closure"), ("Voice", "Impersonality")]
GRADE_BOUNDS = [0.3, 1.2]            # |chosen minus rejected|: none, some, much
GRADE_VALUES = np.array([-2.0, -0.7, 0.0, 0.7, 2.0])     # the difference that a grade -2 .. 2 stands for
SCORE_SLOPE = 1.8                    # score = 5.5 + slope * direction * attribute, rounded, clipped to 1 .. 10


def grades(differences):
    """Grades -2 .. 2 of attribute differences, any shape."""
    differences = np.asarray(differences, float)
    return np.sign(differences).astype(int) * np.searchsorted(GRADE_BOUNDS, np.abs(differences))


class Teacher:
    def __init__(self, prior, seed=0):
        rng = np.random.default_rng(seed)
        self.draws = np.array([draw_weights(rng, prior) for _ in range(DRAWS)])      # [DRAWS, 8]
        self.strength = np.abs(self.draws)
        self.log_total = np.log((self.strength + 0.2).sum(1)) * 1.5

    def log_choices(self, differences):
        """Log-probability of each choice under each draw [n, draws]; differences [n, 8], chosen minus rejected."""
        return -np.logaddexp(0, -np.asarray(differences, float).reshape(-1, 8) @ self.draws.T)

    def posterior_means(self, observed, wishes):
        """observed [n, 8] grades; wishes (attribute, direction).

        Mean weights after the first 0 .. n choices [n + 1, 8], and after all of them and the wishes [8]."""
        values = GRADE_VALUES[np.asarray(observed, int).reshape(-1, 8) + 2]
        log_p = np.zeros((len(values) + 1, len(self.draws)))
        log_p[1:] = np.cumsum(self.log_choices(values), axis=0)
        last = log_p[-1].copy()
        for attribute, direction in wishes:
            last -= np.logaddexp(0, -2.5 * direction * self.draws[:, attribute])
            last += np.log(self.strength[:, attribute] + 0.2) * 1.5 - self.log_total
        p = np.exp(np.vstack([log_p, last]) - np.vstack([log_p, last]).max(1, keepdims=True))
        means = p @ self.draws / p.sum(1, keepdims=True)
        return means[:-1], means[-1]


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
