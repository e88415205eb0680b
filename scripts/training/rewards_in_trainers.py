"""The rewards of the training stages, unchanged, inside verl's reward manager and OpenRLHF's single-turn agent. Needs PGENRM_JUDGE_URL."""

import asyncio
import importlib.util
import json
import sys
import types
from importlib.metadata import distribution

import numpy
import torch
from omegaconf import OmegaConf
from pgenrm_rewards import trainers
from tensordict import TensorDict
from verl import DataProto
from verl.trainer.ppo.reward import load_reward_manager

CHAIN = (
    "PART 1: Chain-of-Thought Analysis\n\nWants short answers.\n\nPART 2: Final Scoring and JSON Output\n"
    '<JSON_START>\n{"rationale": "", "better_response": {"response_1": 8, "response_2": 3}}\n<JSON_END>'
)
KEYS = {
    "cre": {"stage": "cre", "label": 1, "responses": 2, "criteria": ["Short answers", "Sources"]},
    "curriculum": {"stage": "curriculum", "label": 2, "responses": 2},
}
#: The judge of the dry run finds every criterion half covered; the halves of alpha and beta are the default.
EXPECTED = {"cre": 0.5 * 0.5 + 0.5 * 1.0, "curriculum": 0.0}


class Bytes:
    """As much of a tokenizer as both trainers use."""

    def decode(self, ids, skip_special_tokens=True):
        return bytes(int(one) for one in ids).decode()

    def __call__(self, text, **_):
        class Ids(list):
            def tolist(self):
                return list(self)

        return {"input_ids": [Ids(text.encode())]}


def one(value):
    array = numpy.empty(1, dtype=object)
    array[0] = value
    return array


async def in_verl():
    custom = {"path": trainers.__file__, "name": "compute_score", "reward_kwargs": {}}
    kept = {"name": "naive", "source": "register", "module": {"path": None, "name": None}}
    reward = {"custom_reward_function": custom, "reward_manager": kept}
    manager = load_reward_manager(OmegaConf.create({"reward": reward, "data": {"reward_fn_key": "data_source"}}), Bytes())
    for stage, key in KEYS.items():
        ids = torch.tensor([list(CHAIN.encode())])
        batch = TensorDict({"responses": ids, "attention_mask": torch.ones_like(ids)}, batch_size=[1])
        rest = {"data_source": one(f"pgenrm/{stage}"), "reward_model": one({"ground_truth": json.dumps(key)}), "extra_info": one({})}
        found = await manager.run_single(DataProto(batch=batch, non_tensor_batch=rest))
        print(f"verl {distribution('verl').version}, {stage}: {found}")
        assert abs(found["reward_score"] - EXPECTED[stage]) < 1e-6


def openrlhf_agent():
    """Its file alone: the package needs CUDA."""
    logging_utils = types.ModuleType("openrlhf.utils.logging_utils")
    logging_utils.init_logger = lambda name: types.SimpleNamespace(info=lambda *_: None, warning=print)
    for name in ["openrlhf", "openrlhf.utils"]:
        sys.modules[name] = types.ModuleType(name)
    sys.modules["openrlhf.utils.logging_utils"] = logging_utils
    spec = importlib.util.spec_from_file_location("agent", distribution("openrlhf").locate_file("openrlhf/utils/agent.py"))
    agent = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(agent)
    return agent


class Engine:
    async def generate(self, ids, params, multi_modal_data=None):
        output = types.SimpleNamespace(token_ids=list(CHAIN.encode()), text=CHAIN, finish_reason="stop", logprobs=None)
        return types.SimpleNamespace(outputs=[output])


def in_openrlhf():
    executor = openrlhf_agent().SingleTurnAgentExecutor(trainers.__file__)
    params = types.SimpleNamespace(max_tokens=4096, logprobs=None)
    for stage, key in KEYS.items():
        found = asyncio.run(executor.execute("A prompt.\n", json.dumps(key), params, 8192, Bytes(), Engine()))
        print(f"openrlhf {distribution('openrlhf').version}, {stage}: reward {found['reward']}, {found['extra_logs']}")
        value = found["reward"]
        assert abs(float(value[0] if hasattr(value, "__getitem__") else value) - EXPECTED[stage]) < 1e-6


asyncio.run(in_verl())
in_openrlhf()
