"""OpenRLHF's single-turn agent over the server, by address and by a file with reward_func. Its file is loaded alone: the package needs CUDA."""

import asyncio
import importlib.util
import json
import os
import sys
import tempfile
import types
from importlib.metadata import distribution
from pathlib import Path

logging_utils = types.ModuleType("openrlhf.utils.logging_utils")
logging_utils.init_logger = lambda name: types.SimpleNamespace(
    info=lambda *said: print(*said, file=sys.stderr), warning=print
)
for name in ["openrlhf", "openrlhf.utils"]:
    sys.modules[name] = types.ModuleType(name)
sys.modules["openrlhf.utils.logging_utils"] = logging_utils

found = distribution("openrlhf")
spec = importlib.util.spec_from_file_location("agent", found.locate_file("openrlhf/utils/agent.py"))
agent = importlib.util.module_from_spec(spec)
spec.loader.exec_module(agent)

PROMPT = "<|im_start|>user\nWhere shall we go?<|im_end|>\n<|im_start|>assistant\n"
SAMPLES = ["To the sea.<|im_end|>", "Nowhere, and never ask me again.<|im_end|>", "Perhaps.<|im_end|>"]
HISTORY = [{"prompt": "Where to?", "chosen": "To the sea.", "rejected": "Nowhere."}]
LABEL = json.dumps({"user": {"history": HISTORY}, "groupSize": len(SAMPLES)})


class Ids(list):
    def tolist(self):
        return list(self)


class Bytes:
    """As much of a tokenizer as the agent uses."""

    def __call__(self, text, **_):
        return {"input_ids": [Ids(text.encode())]}

    def decode(self, ids, skip_special_tokens=False):
        return bytes(ids).decode()


class Engine:
    """Writes a sample a call."""

    def __init__(self):
        self.texts = list(SAMPLES)

    async def generate(self, ids, params, multi_modal_data=None):
        text = self.texts.pop(0)
        output = types.SimpleNamespace(token_ids=list(text.encode()), text=text, finish_reason="stop", logprobs=None)
        return types.SimpleNamespace(outputs=[output])


async def run(address, label=LABEL):
    executor = agent.SingleTurnAgentExecutor(address)
    params = types.SimpleNamespace(max_tokens=64, logprobs=None)
    engine = Engine()
    return await asyncio.gather(
        *[executor.execute(PROMPT, label, params, 1024, Bytes(), engine) for _ in SAMPLES]
    )


def number(value):
    return float(value[0]) if isinstance(value, (list, tuple)) or hasattr(value, "__getitem__") else float(value)


url = f"{os.environ['PGENRM_URL']}/get_reward"
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "reward.py"
    path.write_text("from pgenrm_client import openrlhf_reward_func\n\nreward_func = openrlhf_reward_func()\n")
    for kind, address in [("address", url), ("file", str(path))]:
        outputs = asyncio.run(run(address))
        print(f"openrlhf {found.version}, {kind}: {[(one['reward'], one['scores'], one['extra_logs']) for one in outputs]}")
        for one in outputs:
            assert 0 <= number(one["reward"]) <= 1
            assert number(one["extra_logs"]["group_size"]) == 3, "one comparison for all samples"
    lost = asyncio.run(run(str(path), json.dumps({"groupSize": 1})))
    print(f"  samples without anything to compare them with: {[one['reward'] for one in lost]}")
    assert all(one["reward"] is None for one in lost)
