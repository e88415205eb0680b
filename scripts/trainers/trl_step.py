"""One real GRPO step of TRL on a CPU: a one-layer random Llama, a byte tokenizer, rewards of the server."""

import tempfile

import torch
import trl
from datasets import Dataset
from pgenrm_client import trl_reward
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import GRPOConfig, GRPOTrainer

alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
vocabulary = {piece: index for index, piece in enumerate(["<pad>", "<eos>", *alphabet])}
raw = Tokenizer(models.BPE(vocabulary, [], unk_token=None))
raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
raw.decoder = decoders.ByteLevel()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", eos_token="<eos>", padding_side="left")

torch.manual_seed(1)
config = LlamaConfig(
    vocab_size=len(vocabulary),
    hidden_size=32,
    intermediate_size=64,
    num_hidden_layers=1,
    num_attention_heads=2,
    max_position_embeddings=512,
    pad_token_id=0,
    eos_token_id=1,
)
model = LlamaForCausalLM(config)
before = {name: weight.detach().clone() for name, weight in model.named_parameters()}

history = [{"prompt": "Where to?", "chosen": "To the sea.", "rejected": "Nowhere."}]
rows = [
    {"prompt": "Name a city.", "user_id": "ann", "criteria": "Short answers.", "history": history},
    {"prompt": "Name a river.", "user_id": "bob", "criteria": "Long answers.", "history": history},
]

calls = []
reward = trl_reward()


async def counted(prompts, completions, **columns):
    rewards = await reward(prompts, completions, **columns)
    calls.append(rewards)
    return rewards


counted.__name__ = reward.__name__
with tempfile.TemporaryDirectory() as folder:
    trainer = GRPOTrainer(
        model=model,
        processing_class=tokenizer,
        reward_funcs=[counted],
        train_dataset=Dataset.from_list(rows),
        args=GRPOConfig(
            output_dir=folder,
            use_cpu=True,
            bf16=False,
            max_steps=1,
            per_device_train_batch_size=4,
            num_generations=4,
            max_completion_length=8,
            learning_rate=0.1,
            logging_steps=1,
            report_to=[],
            save_strategy="no",
            seed=1,
        ),
    )
    trainer.train()

logged = {name: value for row in trainer.state.log_history for name, value in row.items()}
shown = {name: logged[name] for name in logged if "reward" in name or name.startswith("pgenrm")}
print(f"trl {trl.__version__}: rewards {calls}")
print(f"logged {shown}")
given = [one for call in calls for one in call if one is not None]
assert len(calls) == 1 and len(calls[0]) == 4, calls
assert given and all(0 <= one <= 1 for one in given), calls
assert abs(logged["rewards/pgenrm_reward/mean"] - sum(given) / len(given)) < 1e-5
assert "pgenrm/no_score" in logged, sorted(logged)
moved = any(not torch.equal(before[name], weight) for name, weight in model.named_parameters())
print(f"weights moved: {moved} (they stay where all four rewards are equal)")
assert moved or len(set(given)) == 1
