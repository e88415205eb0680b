"""Reads what the rewards need of an evaluation chain: its analysis (part 1) and one score a response.

Stricter than the package's own reader: training rewards the form that the prompt asks for, so nothing is guessed.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Optional

_PART_1 = re.compile(r"PART\s*1\b[^\n]*", re.IGNORECASE)
_PART_2 = re.compile(r"^[ \t*#]*PART\s*2\b", re.IGNORECASE | re.MULTILINE)
_SCORE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:/\s*10)?\s*")


@dataclass(frozen=True)
class Chain:
    """``analysis`` is '' where there is no part 1; ``scores`` is None where they cannot be read."""

    analysis: str
    scores: Optional[tuple[float, ...]]


def read_chain(text: str, responses: int = 2) -> Chain:
    """Reads a completion. What stands before the last ``</think>`` is a thought and counts for nothing."""
    written = text.rpartition("</think>")[2]
    return Chain(_analysis(written), _scores(written, responses))


def _analysis(text: str) -> str:
    start = _PART_1.search(text)
    if start is None:
        return ""
    rest = text[start.end() :]
    end = _PART_2.search(rest)
    # Without part 2 the chain was cut off, or the object is in part 1: what follows the object's marker is no analysis.
    return (rest[: end.start()] if end else rest.partition("<JSON_START>")[0]).strip()


def _scores(text: str, responses: int) -> Optional[tuple[float, ...]]:
    _, mark, rest = text.rpartition("<JSON_START>")
    if mark == "":
        return None
    try:
        # strict=False: models write raw line breaks inside the rationale.
        found = json.loads(rest.partition("<JSON_END>")[0], strict=False)
    except (ValueError, RecursionError):
        return None
    better = found.get("better_response") if isinstance(found, dict) else None
    names = [f"response_{number}" for number in range(1, responses + 1)]
    if not isinstance(better, dict) or set(better) != set(names):
        return None
    scores = [_score(better[name]) for name in names]
    return None if any(one is None for one in scores) else tuple(one for one in scores if one is not None)


def _score(value: Any) -> Optional[float]:
    if isinstance(value, str):
        match = _SCORE.fullmatch(value)
        if match is None:
            return None
        value = float(match.group(1))
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 1 <= value <= 10 else None
