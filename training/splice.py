"""Makes up responses: sentences and lines of given responses dropped, cut and joined."""
import re

from style_attributes import attributes

UNIT = re.compile(r"[^\n.!?]*(?:[.!?]+|\n+|$)[ \n]*")


def units(text):
    return [u for u in UNIT.findall(text) if u]


def splice(rng, responses, max_chars):
    """A response of at most max_chars characters with its recomputed attributes."""
    own = units(responses[rng.integers(len(responses))]["text"])
    way = rng.random()
    if way < 0.35:                                   # drop some
        own = [u for u in own if rng.random() < 0.6]
    elif way < 0.6:                                  # a stretch
        first = rng.integers(len(own))
        own = own[first:first + 1 + rng.integers(6)]
    elif way < 0.9:                                  # begin of one, rest of another
        other = units(responses[rng.integers(len(responses))]["text"])
        own = own[:1 + rng.integers(len(own))] + [" "] + other[rng.integers(len(other)):]
    text = "".join(own).strip()
    while len(text) > max_chars:
        text = text[:text.rfind(" ", 0, max_chars)].strip() if " " in text[:max_chars] else text[:max_chars]
    if len(text) < 25:
        return responses[rng.integers(len(responses))]
    return {"text": text, "style": attributes(text)}
