"""The rewards of the two stages of reinforcement learning (P-GenRM, arXiv 2602.12116).

CRE: ``alpha`` * process + ``beta`` * outcome. Curriculum: the outcome alone; the order of its rows is the data's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

from pgenrm_rewards.answer_key import AnswerKey
from pgenrm_rewards.chain import read_chain
from pgenrm_rewards.errors import RewardError
from pgenrm_rewards.process_judge import ProcessJudge


@dataclass(frozen=True)
class Reward:
    """``reward`` is what trains; the others say what it is made of. ``process`` is 0.0 in the curriculum, where it does not count."""

    reward: float
    process: float
    outcome: float
    readable: float


class Rewards:
    """Rewards completions. ``alpha`` and ``beta`` weigh process and outcome (the halves are ours: no values are published).

    ``judge`` is asked in stage ``cre`` alone; by default it is made of the environment when it is first needed.
    """

    def __init__(self, judge: Optional[ProcessJudge] = None, *, alpha: float = 0.5, beta: float = 0.5) -> None:
        if alpha < 0 or beta < 0 or alpha + beta <= 0:
            raise RewardError("INVALID_OPTION", f"alpha and beta must be 0 or more and not both 0, got {alpha} and {beta}")
        self._judge = judge
        self._alpha = alpha
        self._beta = beta

    def of(self, completion: str, answer_key: Any) -> Reward:
        """The reward of one completion. A chain without readable scores, or a tie, has the outcome 0; one without part 1
        has the process 0, and the judge is not asked. Raises :class:`RewardError`; a failure never becomes a number."""
        key = AnswerKey.of(answer_key)
        chain = read_chain(completion, key.responses)
        scores = chain.scores
        chosen = key.label - 1
        right = scores is not None and all(one < scores[chosen] for i, one in enumerate(scores) if i != chosen)
        outcome = 1.0 if right else 0.0
        readable = 0.0 if scores is None else 1.0
        if key.stage == "curriculum":
            return Reward(outcome, 0.0, outcome, readable)
        asked = self._alpha > 0 and chain.analysis != ""
        process = self._process_judge().coverage(chain.analysis, key.criteria) if asked else 0.0
        return Reward(self._alpha * process + self._beta * outcome, process, outcome, readable)

    def _process_judge(self) -> ProcessJudge:
        if self._judge is None:
            self._judge = ProcessJudge()
        return self._judge
