"""Wrong traits in what the model is shown of its own chain, while it is asked for the right ones.

Taught on right chains alone, a model reads a trait off the traits before it instead of off the history, and one
wrong trait then makes all that follow wrong. Targets stay as they are; only inputs change.
"""
import numpy as np

from chain import PART_1, PART_1B, PART_2, STRENGTHS, VALUES

CHAINS, FLIPS, OTHER_STRENGTHS = 0.6, 0.35, 0.3      # share of chains touched, and of their values and strengths


class Corruption:
    def __init__(self, tokenizer):
        of = tokenizer.token_to_id
        self.start, self.end, self.part2 = of(PART_1), of(PART_1B), of(PART_2)
        self.opposite = {}
        for pair in VALUES:
            a, b = (tokenizer.encode(value).ids for value in pair)
            if len(a) == len(b) == 1:                # others differ in length and stay
                self.opposite.update({a[0]: b[0], b[0]: a[0]})
        self.strengths = [of(f" ({s})") for s in STRENGTHS[1:]]

    def __call__(self, rng, shown, weights):
        """Changes one chain's input tokens in place, and takes the loss off its rubric, which no longer follows."""
        starts = np.flatnonzero(shown == self.start)
        if not len(starts) or rng.random() > CHAINS:
            return
        first = starts[-1]
        last = first + int(np.argmax(shown[first:] == self.end))
        for i in range(first + 1, last):
            token = int(shown[i])
            if token in self.opposite and rng.random() < FLIPS:
                shown[i] = self.opposite[token]
            elif token in self.strengths and rng.random() < OTHER_STRENGTHS:
                shown[i] = self.strengths[rng.integers(len(self.strengths))]
        weights[last + 1:last + int(np.argmax(shown[last:] == self.part2))] = 0
