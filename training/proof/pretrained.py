"""SmolLM2-135M-Instruct from a quantised GGUF: dequantised weights and rebuilt tokenizer as a Transformers folder.

python pretrained.py --gguf SmolLM2-135M-Instruct.Q4_1.gguf --out R/base
"""
import argparse
import json
import os
import tempfile
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def import_gguf(gguf, out):
    """Writes the folder `out` whole or not at all: float32 weights, tokenizer, chat template. Raises ValueError where a tensor or the tokenizer cannot be read."""
    gguf, out = Path(gguf).resolve(), Path(out)
    source = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    try:
        tokenizer = AutoTokenizer.from_pretrained(**source)
        model = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
    except (KeyError, NotImplementedError, ValueError) as error:
        raise ValueError(f"{gguf} cannot be dequantised or has no known tokenizer: {error}; export it as F16 or Q8_0") from error
    with tempfile.TemporaryDirectory(dir=out.parent) as part:
        # The weights are no longer quantised, and a config that says so would be refused.
        model.hf_quantizer = None
        model.is_quantized = False
        if hasattr(model.config, "quantization_config"):
            del model.config.quantization_config
        model.config._name_or_path = ""
        model.save_pretrained(part)
        tokenizer.save_pretrained(part)
        os.rename(part, out)
        os.mkdir(part)
    return sum(weight.numel() for weight in model.parameters())


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--gguf", required=True)
    args.add_argument("--out", required=True)
    args = args.parse_args()
    print(json.dumps({"parameters": import_gguf(args.gguf, args.out), "out": args.out}))


if __name__ == "__main__":
    main()
