"""Reward functions in the forms that trainers call. Each is made over a :class:`Client`; none turns a failure into a number."""

from __future__ import annotations

import json
from typing import Any, Awaitable, Callable, Mapping, Optional, Sequence

from .client import Client, Item, Outcome, RewardError, User

Turn = Mapping[str, str]
Rewards = list[Optional[float]]


def _user(given: Any, history: Any, criteria: Any) -> Optional[User]:
    """The user of a row: an id or an object as it is, else what the row says of them."""
    if given is not None and not isinstance(given, (str, Mapping)):
        return str(given)
    if history is None and criteria is None:
        return given
    known: dict[str, Any] = dict(given) if isinstance(given, Mapping) else {}
    if isinstance(given, str):
        known["id"] = given
    if history is not None:
        known["history"] = list(history)
    if criteria is not None:
        known["criteria"] = criteria
    return known


def _reply(completion: Any) -> str:
    """The text of a completion: a string, or the turns that the model added."""
    if isinstance(completion, str):
        return completion
    return "\n\n".join(str(turn.get("content") or "") for turn in completion)


def _turns(prompt: Any) -> list[dict[str, str]]:
    if isinstance(prompt, str):
        return [{"role": "user", "content": prompt}]
    roles = {"developer": "system", "tool": "user"}
    return [
        {"role": roles.get(str(turn["role"]), str(turn["role"])), "content": str(turn.get("content") or "")}
        for turn in prompt
    ]


class _Groups:
    """Samples by user and situation: each group is one comparison, each text stands in it once."""

    def __init__(self) -> None:
        self._keys: dict[str, int] = {}
        self._texts: list[list[str]] = []
        self._heads: list[tuple[list[dict[str, str]], Optional[User]]] = []
        self._places: list[tuple[int, int]] = []

    def add(self, context: list[dict[str, str]], user: Optional[User], reply: str) -> None:
        key = json.dumps([context, user], sort_keys=True, default=str)
        group = self._keys.setdefault(key, len(self._texts))
        if group == len(self._texts):
            self._texts.append([])
            self._heads.append((context, user))
        texts = self._texts[group]
        if reply not in texts:
            texts.append(reply)
        self._places.append((group, texts.index(reply)))

    def items(self) -> list[Item]:
        # All of a group is here: a group of one has nobody to wait for.
        return [
            Item(texts, context=context, user=user, group_size=1 if len(texts) == 1 else None)
            for texts, (context, user) in zip(self._texts, self._heads)
        ]

    def rewards(self, outcomes: Sequence[Outcome]) -> tuple[Rewards, Rewards, list[str]]:
        """Rewards, raw scores and error codes ('' where there is none), one a sample."""
        rewards: Rewards = []
        scores: Rewards = []
        codes: list[str] = []
        for group, at in self._places:
            one = outcomes[group]
            rewards.append(None if one.rewards is None else one.rewards[at])
            scores.append(None if one.scores is None else one.scores[at])
            codes.append("" if one.error is None else one.error.code)
        return rewards, scores, codes


def trl_reward(
    client: Optional[Client] = None,
    *,
    user_column: str = "user_id",
    history_column: str = "history",
    criteria_column: str = "criteria",
    name: str = "pgenrm_reward",
) -> Callable[..., Awaitable[Rewards]]:
    """A reward function for TRL's ``GRPOTrainer(reward_funcs=...)``.

    It judges the whole batch at once, each prompt's completions in one comparison, and gives None, which TRL leaves out, where
    there is no score. A batch without any score raises: TRL would only warn.
    """
    judge = client or Client()

    async def reward(prompts: Sequence[Any], completions: Sequence[Any], **columns: Any) -> Rewards:
        nothing = [None] * len(prompts)
        users, histories, criteria = (
            columns.get(column) or nothing for column in (user_column, history_column, criteria_column)
        )
        groups = _Groups()
        for prompt, completion, user, history, stated in zip(prompts, completions, users, histories, criteria):
            groups.add(_turns(prompt), _user(user, history, stated), _reply(completion))
        outcomes = await judge.ajudge_many(groups.items())
        rewards, scores, codes = groups.rewards(outcomes)
        if callable(columns.get("log_extra")):
            columns["log_extra"]("pgenrm_score", scores)
            columns["log_extra"]("pgenrm_error", codes)
        if callable(columns.get("log_metric")):
            missing = sum(one is None for one in rewards)
            columns["log_metric"]("pgenrm/no_score", missing / max(1, len(rewards)))
        return rewards

    reward.__name__ = name
    return reward


def verl_compute_score(
    client: Optional[Client] = None,
) -> Callable[..., Awaitable[dict[str, float]]]:
    """A ``compute_score`` for verl's ``reward.custom_reward_function``.

    verl passes no prompt: ``extra_info`` must hold ``prompt`` or ``context``, and may hold ``user`` (or ``user_id``), ``history``,
    ``criteria`` and ``group_size`` (``rollout.n``, so that the server waits for no more samples than come). Samples of one prompt
    are brought together by the server. A failure raises: the manager ``naive`` lets it out, ``rate_limited`` turns it into 0.0.
    """
    judge = client or Client()

    async def compute_score(
        data_source: Any = None,
        solution_str: str = "",
        ground_truth: Any = None,
        extra_info: Optional[Mapping[str, Any]] = None,
        **kwargs: Any,
    ) -> dict[str, float]:
        info = extra_info or {}
        situation = info.get("context") or info.get("prompt")
        if situation is None:
            raise RewardError("INVALID_OPTION", "extra_info must hold prompt or context: verl does not pass the prompt")
        size = info.get("group_size") or kwargs.get("group_size")
        item = Item(
            [solution_str],
            context=_turns(situation),
            user=_user(info.get("user", info.get("user_id")), info.get("history"), info.get("criteria")),
            group_size=None if size is None else int(size),
        )
        outcome = await judge.ajudge(item)
        assert outcome.rewards is not None and outcome.scores is not None
        size_found = outcome.answer.get("comparison", {}).get("size", 1)
        # The same keys for every sample, as verl wants them.
        return {"score": outcome.rewards[0], "raw_score": outcome.scores[0], "group_size": float(size_found)}

    return compute_score


def openrlhf_reward_func(client: Optional[Client] = None) -> Callable[..., dict[str, Any]]:
    """A ``reward_func`` for a file that OpenRLHF's ``--reward.remote_url`` names.

    ``labels`` are what ``/get_reward`` takes: the id of a stored user, or JSON with ``user``, ``prompt`` and ``groupSize``.
    """
    judge = client or Client()

    def reward_func(queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any], **_: Any) -> dict[str, Any]:
        texts = [label if label is None or isinstance(label, str) else json.dumps(label) for label in labels]
        return judge.post("/get_reward", {"query": list(queries), "prompts": list(prompts), "labels": texts})

    return reward_func


def slime_group_reward(client: Optional[Client] = None) -> Callable[..., Awaitable[list[float]]]:
    """A function for slime's and miles' ``--custom-rm-path`` with ``--group-rm``: all samples of one prompt in one comparison.

    ``sample.metadata`` may hold ``user`` (or ``user_id``), ``history``, ``criteria``, and ``prompt`` where ``sample.prompt`` is
    written by a chat template. A group without scores raises.
    """
    judge = client or Client()

    async def reward(args: Any, samples: Sequence[Any], **_: Any) -> list[float]:
        groups = _Groups()
        for sample in samples:
            info = getattr(sample, "metadata", None) or {}
            user = _user(info.get("user", info.get("user_id")), info.get("history"), info.get("criteria"))
            groups.add(_turns(info.get("context") or info.get("prompt") or sample.prompt), user, sample.response)
        outcomes = await judge.ajudge_many(groups.items())
        for outcome in outcomes:
            if outcome.error is not None:
                raise outcome.error
        rewards, _scores, _codes = groups.rewards(outcomes)
        return [one for one in rewards if one is not None]

    return reward


def verifiers_reward(client: Optional[Client] = None) -> Callable[..., Awaitable[float]]:
    """A reward for verifiers: decorate it with ``@vf.reward``, or call it in ``Env.finalize()``.

    It is given one rollout as ``prompt``, ``completion`` and ``info``, or a ``trace`` that has these; samples of one prompt are brought together by
    the server. A failure raises.
    """
    judge = client or Client()

    async def pgenrm_reward(trace: Any = None, *, prompt: Any = None, completion: Any = None, info: Any = None, **_: Any) -> float:
        def part(name: str, given: Any) -> Any:
            if given is not None or trace is None:
                return given
            return trace.get(name) if isinstance(trace, Mapping) else getattr(trace, name, None)

        known = part("info", info) or {}
        item = Item(
            [_reply(part("completion", completion) or "")],
            context=_turns(part("prompt", prompt) or ""),
            user=_user(known.get("user", known.get("user_id")), known.get("history"), known.get("criteria")),
            group_size=known.get("group_size"),
        )
        outcome = await judge.ajudge(item)
        assert outcome.rewards is not None
        return outcome.rewards[0]

    return pgenrm_reward
