"""The one error of this package."""


class RewardError(Exception):
    """No reward could be had. ``code``: ``INVALID_KEY``, ``INVALID_OPTION``, ``JUDGE_UNREACHABLE``, ``JUDGE_REFUSED`` or ``JUDGE_UNREADABLE``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
