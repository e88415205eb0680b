"""Rewards of a pgenrm server for trainers. Standard library only; Python 3.9 or newer."""

from .client import Client, Item, Outcome, RewardError, User
from .functions import (
    openrlhf_reward_func,
    slime_group_reward,
    trl_reward,
    verifiers_reward,
    verl_compute_score,
)

__all__ = [
    "Client",
    "Item",
    "Outcome",
    "RewardError",
    "User",
    "openrlhf_reward_func",
    "slime_group_reward",
    "trl_reward",
    "verifiers_reward",
    "verl_compute_score",
]
__version__ = "0.1.0"
