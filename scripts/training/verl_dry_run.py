"""Stands in for verl's trainers: composes their released configuration with a recipe's overrides, and reads the recipe's parquet by verl's data set.

python verl_dry_run.py sft_trainer|main_ppo OVERRIDE...
"""
import importlib.util
import sys
import types
from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from transformers import AutoTokenizer

CONFIGS = {"sft_trainer": "sft_trainer_engine", "main_ppo": "ppo_trainer"}


def without_vision():
    """verl's module for images is of an older release of transformers than TRL's; no recipe has images."""
    name = "verl.models.transformers.qwen2_vl"
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].get_rope_index = None


def main():
    without_vision()
    trainer, *overrides = sys.argv[1:]
    folder = Path(importlib.util.find_spec("verl").origin).parent / "trainer/config"
    with initialize_config_dir(str(folder), version_base=None):
        # An unknown key is an error: the released configuration is the whole of what there is.
        config = compose(CONFIGS[trainer], overrides=overrides)
    if trainer == "sft_trainer":
        from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset

        tokenizer = AutoTokenizer.from_pretrained(config.model.path)
        rows = MultiTurnSFTDataset(config.data.train_files, tokenizer, config.data)
        row = rows[0]
        trained = int(row["loss_mask"].sum())
        print(f"verl sft_trainer: {len(overrides)} overrides fit; {len(rows)} rows, the first of {len(row['input_ids'])} tokens, {trained} of them trained")
        assert 0 < trained < len(row["input_ids"])
    else:
        from verl.utils.dataset.rl_dataset import RLHFDataset

        OmegaConf.update(config, "data.filter_overlong_prompts_workers", 1)
        tokenizer = AutoTokenizer.from_pretrained(config.actor_rollout_ref.model.path)
        rows = RLHFDataset(config.data.train_files, tokenizer, config.data)
        row = rows[0]
        print(f"verl main_ppo: {len(overrides)} overrides fit; {len(rows)} rows; key {row['reward_model']['ground_truth']}")
        assert row["raw_prompt"][0]["role"] == "system"
        assert Path(config.reward.custom_reward_function.path).exists()


if __name__ == "__main__":
    main()
