"""The rewards as trainers call them; the judge is configured by ``PGENRM_JUDGE_URL``, ``_MODEL`` and ``_API_KEY``.

TRL: ``--reward_funcs pgenrm_rewards.trainers.trl_reward``, with the column ``answer_key``.
verl: ``reward.custom_reward_function.path=.../pgenrm_rewards/trainers.py``, the key as ``reward_model.ground_truth``.
OpenRLHF: ``--reward.remote_url .../pgenrm_rewards/trainers.py``, the key as ``--data.label_key``.
verl and OpenRLHF load this file by its path: the package must be installed, and nothing is imported relatively.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, Callable, Mapping, Optional, Sequence, Union

from pgenrm_rewards.errors import RewardError
from pgenrm_rewards.rewards import Reward, Rewards

#: Requests to the process judge at once, of one batch.
CONCURRENCY = 16


@lru_cache(maxsize=8)
def _rewards(alpha: float, beta: float) -> Rewards:
    return Rewards(alpha=alpha, beta=beta)


def _text(completion: Any) -> str:
    if isinstance(completion, str):
        return completion
    return "\n\n".join(str(turn.get("content") or "") for turn in completion)


def trl_reward(
    completions: Sequence[Any],
    answer_key: Optional[Sequence[Any]] = None,
    log_metric: Optional[Callable[[str, float], None]] = None,
    **_: Any,
) -> list[Optional[float]]:
    """For ``GRPOTrainer(reward_funcs=...)``. A completion whose judge fails is None, which TRL leaves out; a batch in which
    all fail raises, for TRL would only warn. A broken answer key raises."""
    if answer_key is None:
        raise RewardError("INVALID_KEY", "the data set has no column answer_key")
    maker = _rewards(0.5, 0.5)

    def one(pair: tuple[Any, Any]) -> Union[Reward, RewardError]:
        try:
            return maker.of(_text(pair[0]), pair[1])
        except RewardError as error:
            if error.code in ("INVALID_KEY", "INVALID_OPTION"):
                raise
            return error

    with ThreadPoolExecutor(CONCURRENCY) as pool:
        found = list(pool.map(one, zip(completions, answer_key)))
    known = [reward for reward in found if isinstance(reward, Reward)]
    errors = [error for error in found if isinstance(error, RewardError)]
    if errors and not known:
        raise errors[0]
    if log_metric is not None and known:
        for name in ("process", "outcome", "readable"):
            log_metric(f"pgenrm/{name}", sum(getattr(reward, name) for reward in known) / len(known))
        log_metric("pgenrm/no_reward", len(errors) / len(found))
    return [reward.reward if isinstance(reward, Reward) else None for reward in found]


async def compute_score(
    data_source: Any = None,
    solution_str: str = "",
    ground_truth: Any = None,
    extra_info: Optional[Mapping[str, Any]] = None,
    alpha: float = 0.5,
    beta: float = 0.5,
    **_: Any,
) -> dict[str, float]:
    """For verl; ``alpha`` and ``beta`` by ``reward_kwargs``. The same keys for every sample. A failure raises: the manager
    ``naive`` lets it out, ``rate_limited`` turns it into 0.0."""
    reward = await asyncio.to_thread(_rewards(alpha, beta).of, solution_str, ground_truth)
    return {"score": reward.reward, "process": reward.process, "outcome": reward.outcome, "readable": reward.readable}


def reward_func(queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any], **_: Any) -> dict[str, Any]:
    """For OpenRLHF, whose queries are prompt and response as one text. A failure raises."""
    maker = _rewards(0.5, 0.5)
    rewards = []
    for query, prompt, label in zip(queries, prompts, labels):
        if not query.startswith(prompt):
            raise RewardError("INVALID_OPTION", "a query must begin with its prompt: the response cannot be told from it")
        rewards.append(maker.of(query[len(prompt) :], label))
    values = [one.reward for one in rewards]
    logs = {name: [getattr(one, name) for one in rewards] for name in ("process", "outcome", "readable")}
    return {"rewards": values, "scores": values, "extra_logs": logs}
