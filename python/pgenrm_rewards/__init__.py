"""Rewards for training a judge by P-GenRM's CRE and curriculum stages. Standard library only; Python 3.9 or newer."""

from .answer_key import AnswerKey
from .chain import Chain, read_chain
from .errors import RewardError
from .process_judge import ProcessJudge
from .rewards import Reward, Rewards

__all__ = ["AnswerKey", "Chain", "ProcessJudge", "Reward", "RewardError", "Rewards", "read_chain"]
