"""Makes the first checkpoint of a run from a GGUF of the same shape, so that training goes on from published weights.

Tokens that the run's vocabulary has beyond the file's start as the mean embedding; taps start anew.
"""
import argparse
import json

import gguf
import numpy as np
import torch

from model import Model


def halves(weight, heads):
    """The inverse of export_gguf.py's interleave."""
    return weight.reshape(heads, weight.shape[0] // heads // 2, 2, -1).swapaxes(1, 2).reshape(weight.shape)


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--gguf", required=True)
    args.add_argument("--config", required=True)
    args.add_argument("--run", required=True)
    args.add_argument("--logit-scale", type=float, default=1.0, help="that the file was written with")
    args = args.parse_args()
    with open(args.config) as file:
        config = json.load(file)["model"]
    names = {"attn_norm": "norm1", "ffn_norm": "norm2", "attn_q": "q", "attn_k": "k", "attn_v": "v", "attn_output": "o",
             "ffn_gate": "gate", "ffn_up": "up", "ffn_down": "down"}
    torch.manual_seed(0)
    model = Model(**config)
    state = model.state_dict()
    for tensor in gguf.GGUFReader(args.gguf).tensors:
        array = gguf.dequantize(tensor.data, tensor.tensor_type)
        part = tensor.name.split(".")
        if part[0] == "blk":
            name = f"blocks.{part[1]}.{names[part[2]]}.weight"
            array = halves(array, config["heads"]) if part[2] in ("attn_q", "attn_k") else array
        else:
            name = {"token_embd": "embed.weight", "output_norm": "norm.weight"}[part[0]]
        value = torch.tensor(np.ascontiguousarray(array))
        if name == "norm.weight":
            value /= args.logit_scale
        if name == "embed.weight":
            value = torch.cat([value, value.mean(0).expand(config["vocab"] - len(value), -1)])
        assert state[name].shape == value.shape, (name, state[name].shape, value.shape)
        state[name] = value
    model.load_state_dict(state)
    torch.save({"model": state, "config": model.config, "state": {"step": 0, "tokens": 0, "seconds": 0.0}}, f"{args.run}/checkpoint.pt")
    print(f"{args.run}/checkpoint.pt: {sum(p.numel() for p in model.parameters())} parameters")


if __name__ == "__main__":
    main()
