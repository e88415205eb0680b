"""verl's own reward manager over the server, and its built-in classifier client; no ray cluster is started."""

import asyncio
import tempfile
from pathlib import Path

import numpy
import torch
import verl
from omegaconf import OmegaConf
from tensordict import TensorDict
from verl import DataProto
from verl.trainer.ppo.reward import load_reward_manager

SAMPLES = ["To the sea.", "Nowhere, and never ask me again.", "Perhaps."]
HISTORY = [{"prompt": "Where to?", "chosen": "To the sea.", "rejected": "Nowhere."}]


class Bytes:
    """As much of a tokenizer as the manager uses."""

    def decode(self, ids, skip_special_tokens=True):
        return bytes(int(one) for one in ids).decode()


def sample(text, info):
    ids = torch.tensor([list(text.encode())])
    batch = TensorDict({"responses": ids, "attention_mask": torch.ones_like(ids)}, batch_size=[1])

    def one(value):
        array = numpy.empty(1, dtype=object)
        array[0] = value
        return array

    rest = {"data_source": one("d"), "reward_model": one({"ground_truth": ""}), "extra_info": one(dict(info))}
    return DataProto(batch=batch, non_tensor_batch=rest)


def manager(folder, name):
    path = Path(folder) / "reward.py"
    path.write_text("from pgenrm_client import verl_compute_score\n\ncompute_score = verl_compute_score()\n")
    custom = {"path": str(path), "name": "compute_score", "reward_kwargs": {}}
    kept = {"name": name, "source": "register", "module": {"path": None, "name": None}}
    limits = {"max_concurrent": 8, "max_rpm": None, "max_tpm": None, "timeout": 60, "estimated_tokens_per_request": 10}
    reward = {"custom_reward_function": custom, "reward_manager": kept, **limits}
    config = OmegaConf.create({"reward": reward, "data": {"reward_fn_key": "data_source"}})
    return load_reward_manager(config, Bytes())


async def run(name):
    with tempfile.TemporaryDirectory() as folder:
        one = manager(folder, name)
        info = {"prompt": "Where shall we go?", "history": HISTORY, "group_size": len(SAMPLES)}
        return await asyncio.gather(*[one.run_single(sample(text, info)) for text in SAMPLES])


async def run_failure(name):
    with tempfile.TemporaryDirectory() as folder:
        one = manager(folder, name)
        try:
            return await one.run_single(sample("alone", {"prompt": "p", "group_size": 1}))
        except Exception as error:
            return error


for name in ["naive", "rate_limited"]:
    results = asyncio.run(run(name))
    print(f"verl {verl.__version__}, {name}: {results}")
    assert all(0 <= one["reward_score"] <= 1 for one in results)
    assert {one["reward_extra_info"]["group_size"] for one in results} == {3.0}, "one comparison for all samples"
    print(f"  a sample without anything to compare it with: {asyncio.run(run_failure(name))!r}"[:300])
