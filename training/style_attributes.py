"""The eight style attributes of a response, recomputed from its text.

Agrees with the standardised values of the style-users pool (run this file to see how far);
needed for texts that training makes up by splicing responses.
"""
import math
import re

NAMES = ["length", "structure", "hedging", "warmth", "examples", "formality", "follow_up", "first_person"]

WORD = re.compile(r"[A-Za-z']+")
SENTENCE = re.compile(r"(?<=[.!?])\s+")
LIST_LINE = re.compile(r"(?m)^\s*(?:[-*]|\d+[.)])\s")
CONTRACTION = re.compile(r"\w'(?:t|s|re|ve|ll|d|m)\b")
FIRST_PERSON = re.compile(r"\b(?:I|me|my|mine|myself)\b")
HEDGE = re.compile(r"(?i)\b(?:however|may|typically|might|likely|as an ai|could be|usually|generally|although"
                   r"|it depends|some cases|possibly|perhaps)\b")
WARM = re.compile(r"(?i)!|\b(?:sure|enjoy\w*|happy to|hope this|feel free|certainly|of course|glad|good luck"
                  r"|don't hesitate|great question)\b")
EXAMPLE = re.compile(r"(?i)\d|\bfor example\b|\bfor instance\b|\bsuch as\b|\be\.g\.")
FOLLOW_UP = re.compile(r"(?i)let me know|free to ask|anything else|any clarification|would you like")


def clip(value):
    return max(-2.5, min(2.5, value))


def attributes(text):
    """Standardised attributes, in the order of NAMES, each in -2.5 .. 2.5."""
    text = text.strip()
    words = WORD.findall(text)
    n_words = max(1, len(words))
    n_sentences = max(1, len(SENTENCE.split(text)))
    n_lines = text.count("\n") + 1
    word_length = sum(map(len, words)) / n_words
    follow_up = text.endswith("?") or bool(FOLLOW_UP.search(text[-200:]))
    return [
        clip(1.29154 * math.log(n_words) - 5.13098),
        clip(-0.509 + 3.097 * len(LIST_LINE.findall(text)) / n_lines),
        clip(-0.417 + 4.28 * len(HEDGE.findall(text)) / n_sentences),
        clip(-0.303 + 3.626 * len(WARM.findall(text)) / n_sentences),
        clip(-0.251 + 0.124 * len(EXAMPLE.findall(text)) / n_sentences),
        clip(1.13913 * word_length - 7.03487 * len(CONTRACTION.findall(text)) / n_words - 5.41989),
        2.5 if follow_up else -0.276,
        clip(-0.278 + 1.162 * len(FIRST_PERSON.findall(text)) / n_sentences),
    ]


def main():
    import sys

    import numpy as np

    from style_data import load_pool
    pool = [r for p in load_pool(sys.argv[1]) for r in p["responses"]]
    given = np.array([r["style"] for r in pool])
    mine = np.array([attributes(r["text"]) for r in pool])
    for i, name in enumerate(NAMES):
        near = np.mean(np.abs(given[:, i] - mine[:, i]) < 0.05)
        print(f"{name:13s} r = {np.corrcoef(given[:, i], mine[:, i])[0, 1]:.4f}  within 0.05: {near:.3f}")


if __name__ == "__main__":
    main()
