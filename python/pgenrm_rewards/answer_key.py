"""What a training row knows and its prompt does not say: the user's choice and the withheld criteria."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Mapping

from pgenrm_rewards.errors import RewardError

STAGES = ("cre", "curriculum")


@dataclass(frozen=True)
class AnswerKey:
    """``label`` is the number of the chosen response as the prompt shows them, from 1; ``criteria`` are those withheld (stage ``cre``)."""

    stage: str
    label: int
    responses: int = 2
    criteria: tuple[str, ...] = ()

    @staticmethod
    def of(given: Any) -> "AnswerKey":
        """Reads a key, an object or its JSON text. Raises ``INVALID_KEY``: a broken row must not train as a wrong answer."""
        try:
            fields = json.loads(given) if isinstance(given, str) else given
        except ValueError as error:
            raise RewardError("INVALID_KEY", f"an answer key is a JSON object, and this is no JSON: {error}") from error
        if not isinstance(fields, Mapping):
            raise RewardError("INVALID_KEY", f"an answer key is a JSON object, got {type(fields).__name__}")
        stage, label, responses = fields.get("stage"), fields.get("label"), fields.get("responses", 2)
        if stage not in STAGES:
            raise RewardError("INVALID_KEY", f"stage must be one of {', '.join(STAGES)}, got {stage!r}")
        if not _whole(responses) or responses < 2:
            raise RewardError("INVALID_KEY", f"responses must be a whole number from 2 on, got {responses!r}")
        if not _whole(label) or not 1 <= label <= responses:
            raise RewardError("INVALID_KEY", f"label must be a whole number from 1 to {responses}, got {label!r}")
        criteria = fields.get("criteria", ())
        if not isinstance(criteria, (list, tuple)) or not all(isinstance(one, str) and one.strip() for one in criteria):
            raise RewardError("INVALID_KEY", "criteria must be a list of texts, none of them blank")
        if stage == "cre" and not criteria:
            raise RewardError("INVALID_KEY", "stage cre needs the withheld criteria, and criteria is empty")
        return AnswerKey(stage, label, responses, tuple(criteria))


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
