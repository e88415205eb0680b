"""The HTTP client: items in, outcomes out, retries on what may pass. It knows no trainer."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import random
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Mapping, Optional, Sequence, Union

#: The id of a stored user, or an object with ``history`` and ``criteria``.
User = Union[str, Mapping[str, Any]]

_RETRIED = frozenset({429, 502, 503, 504})


class RewardError(Exception):
    """A request that failed: ``code`` as the server says it, or ``UNREACHABLE``; ``status`` 0 where no answer came."""

    def __init__(self, code: str, message: str, status: int = 0) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True)
class Item:
    """Candidates for one user in one situation; give ``prompt`` or ``context``."""

    candidates: Sequence[str]
    prompt: Optional[str] = None
    context: Optional[Sequence[Mapping[str, str]]] = None
    user: Optional[User] = None
    id: Optional[str] = None
    #: Of a single candidate: how many requests will come for this user and situation.
    group_size: Optional[int] = None

    def body(self) -> dict[str, Any]:
        fields = {
            "candidates": list(self.candidates),
            "prompt": self.prompt,
            "context": None if self.context is None else list(self.context),
            "user": self.user,
            "id": self.id,
            "groupSize": self.group_size,
        }
        return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True)
class Outcome:
    """Scores from 1 to 10 and rewards from 0 to 1, one a candidate; or the error, and neither."""

    scores: Optional[list[float]]
    rewards: Optional[list[float]]
    error: Optional[RewardError]
    #: The whole answer: comparison, cost, lost chains.
    answer: Mapping[str, Any]


class Client:
    """A pgenrm server.

    ``url`` defaults to ``PGENRM_URL``, else ``http://127.0.0.1:8377``; ``token`` to ``PGENRM_TOKEN``. ``timeout`` is that of one
    try in seconds. A full, loading or unreachable server is asked again until ``patience`` seconds have gone.
    """

    def __init__(
        self,
        url: Optional[str] = None,
        *,
        token: Optional[str] = None,
        timeout: float = 600.0,
        patience: float = 120.0,
        options: Optional[Mapping[str, Any]] = None,
        at_once: int = 16,
    ) -> None:
        self.url = (url or os.environ.get("PGENRM_URL") or "http://127.0.0.1:8377").rstrip("/")
        self.token = token or os.environ.get("PGENRM_TOKEN") or None
        self.timeout = timeout
        self.patience = patience
        self.options = dict(options) if options else None
        self._at_once = at_once
        self._pool: Optional[ThreadPoolExecutor] = None
        parts = urllib.parse.urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"url must be http://HOST:PORT or https://HOST; got {self.url!r}")
        self._parts = parts

    def judge(self, item: Item) -> Outcome:
        """Judges one item. Raises :class:`RewardError`."""
        return _outcome(self.post("/v1/judge", self._with_options(item.body())))

    async def ajudge(self, item: Item) -> Outcome:
        """As :meth:`judge`."""
        return await self._in_thread(self.judge, item)

    def judge_many(self, items: Sequence[Item], *, rows_a_request: int = 32) -> list[Outcome]:
        """Judges items, several requests at once. An item that fails has its error; raises :class:`RewardError` where none was judged."""
        parts = [items[at : at + rows_a_request] for at in range(0, len(items), rows_a_request)]
        if not parts:
            return []
        with ThreadPoolExecutor(max_workers=min(self._at_once, len(parts))) as pool:
            outcomes = [one for part in pool.map(self._judge_part, parts) for one in part]
        if all(one.error is not None for one in outcomes):
            assert outcomes[0].error is not None
            raise outcomes[0].error
        return outcomes

    async def ajudge_many(self, items: Sequence[Item], *, rows_a_request: int = 32) -> list[Outcome]:
        """As :meth:`judge_many`."""
        return await self._in_thread(lambda: self.judge_many(items, rows_a_request=rows_a_request))

    def _judge_part(self, items: Sequence[Item]) -> list[Outcome]:
        try:
            answer = self.post("/v1/judge", self._with_options({"inputs": [item.body() for item in items]}))
        except RewardError as error:
            return [Outcome(None, None, error, {}) for _ in items]
        return [_outcome(one) for one in answer["results"]]

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Sends JSON and reads JSON. Raises :class:`RewardError` for everything but a good answer."""
        data = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        until = time.monotonic() + self.patience
        pause = 0.25
        while True:
            error, wait = self._try(path, data)
            if isinstance(error, dict):
                return error
            left = until - time.monotonic()
            if wait is None or left <= 0:
                raise error
            # Spread, so that many workers do not come back at once.
            time.sleep(min(left, max(wait, pause) * random.uniform(0.8, 1.2)))
            pause = min(8.0, pause * 2)

    def _try(self, path: str, data: bytes) -> tuple[Union[dict[str, Any], RewardError], Optional[float]]:
        """The answer; or the error, and after how many seconds to ask again (None: never)."""
        parts = self._parts
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=self.timeout)
        headers = {"content-type": "application/json"}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        try:
            connection.request("POST", parts.path + path, body=data, headers=headers)
            response = connection.getresponse()
            text = response.read()
        except TimeoutError as error:
            return RewardError("TIMED_OUT", f"{self.url} did not answer within {self.timeout} s ({error})"), None
        except (OSError, http.client.HTTPException) as error:
            return RewardError("UNREACHABLE", f"{self.url} does not answer ({error or type(error).__name__})"), 0.0
        finally:
            connection.close()
        return _read(response.status, response.getheader("retry-after"), text)

    def _with_options(self, body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "options": self.options} if self.options else body

    async def _in_thread(self, work: Any, *args: Any) -> Any:
        # A pool of its own: that of the loop may be full of work that waits for these very rewards.
        if self._pool is None:
            self._pool = ThreadPoolExecutor(max_workers=self._at_once, thread_name_prefix="pgenrm")
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *args)


def _read(status: int, after: Optional[str], text: bytes) -> tuple[Union[dict[str, Any], RewardError], Optional[float]]:
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if status == 200 and isinstance(answer, dict):
        return answer, None
    said = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(said, dict):
        said = {"code": "NOT_PGENRM", "message": f"status {status} and no answer of a pgenrm server"}
    error = RewardError(str(said.get("code")), str(said.get("message")), status)
    if status not in _RETRIED or error.code == "TIMED_OUT":
        return error, None
    try:
        return error, float(after or 0.0)
    except ValueError:
        return error, 0.0


def _outcome(answer: Mapping[str, Any]) -> Outcome:
    said = answer.get("error")
    if isinstance(said, Mapping):
        return Outcome(None, None, RewardError(str(said.get("code")), str(said.get("message"))), answer)
    return Outcome(list(answer["scores"]), list(answer["rewards"]), None, answer)
