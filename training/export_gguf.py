"""Writes a checkpoint as GGUF, architecture llama, Q8_0 (or F16, F32), with tokenizer and chat template.

Query and key rows are permuted: llama.cpp rotates neighbouring pairs, the training code rotates halves.
"""
import argparse
import json
import os

import gguf
import numpy as np
import torch

from prompt import CHAT_TEMPLATE, CONTROL_TOKENS

TYPES = {"F32": (gguf.GGMLQuantizationType.F32, gguf.LlamaFileType.ALL_F32),
         "F16": (gguf.GGMLQuantizationType.F16, gguf.LlamaFileType.MOSTLY_F16),
         "Q8_0": (gguf.GGMLQuantizationType.Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0)}


def interleave(weight, heads):
    """Rows of every head from halves (x1.. | x2..) to neighbouring pairs (x1 x2 ..)."""
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(weight.shape)


def tensors(state, config):
    """(GGUF name, float32 array) of every tensor."""
    names = {"norm1": "attn_norm", "norm2": "ffn_norm", "q": "attn_q", "k": "attn_k", "v": "attn_v", "o": "attn_output",
             "gate": "ffn_gate", "up": "ffn_up", "down": "ffn_down"}
    yield "token_embd.weight", state["embed.weight"].numpy()
    yield "output_norm.weight", state["norm.weight"].numpy()
    for i in range(config["layers"]):
        for short, name in names.items():
            weight = state[f"blocks.{i}.{short}.weight"].numpy()
            if short in "qk":
                weight = interleave(weight, config["heads"])
            yield f"blk.{i}.{name}.weight", weight


def add_tokenizer(writer, path):
    with open(path) as file:
        spec = json.load(file)
    vocabulary = dict(spec["model"]["vocab"])
    added = {t["content"]: t["id"] for t in spec["added_tokens"]}
    vocabulary.update(added)
    tokens = sorted(vocabulary, key=vocabulary.get)
    assert [vocabulary[t] for t in tokens] == list(range(len(tokens)))
    kind = gguf.TokenType
    types = [kind.CONTROL if t in CONTROL_TOKENS else kind.USER_DEFINED if t in added else kind.NORMAL for t in tokens]
    merges = [" ".join(m) if isinstance(m, list) else m for m in spec["model"]["merges"]]
    end = vocabulary["<|end|>"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    writer.add_eos_token_id(end)
    writer.add_bos_token_id(end)
    writer.add_pad_token_id(end)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)
    return len(tokens)


def export(checkpoint, tokenizer, out, kind="Q8_0", version="0.1.0", logit_scale=1.0, embeds=False, embedder=""):
    saved = torch.load(checkpoint, weights_only=False, map_location="cpu")
    config, state = saved["config"], {k: v.float() for k, v in saved["model"].items()}
    state["norm.weight"] *= logit_scale
    quantization, file_type = TYPES[kind]
    writer = gguf.GGUFWriter(f"{out}.part", "llama")
    writer.add_name("pgenrm nano embedder" if embeds else "pgenrm nano")
    writer.add_version(version)
    writer.add_license("cc-by-nc-4.0")
    if embeds:
        writer.add_pooling_type(gguf.PoolingType.MEAN)
    else:
        writer.add_string("pgenrm.template", "compact")
        writer.add_string("pgenrm.max_tokens", "448")  # a chain of ten choices has about 290; what runs on is lost anyway
    if embedder:
        writer.add_string("pgenrm.embedder", embedder)
    writer.add_file_type(file_type)
    writer.add_context_length(config["context"])
    writer.add_embedding_length(config["dim"])
    writer.add_block_count(config["layers"])
    writer.add_feed_forward_length(config["ffn"])
    writer.add_head_count(config["heads"])
    writer.add_head_count_kv(config["heads"])
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(config["rope_base"])
    writer.add_rope_dimension_count(config["dim"] // config["heads"])
    writer.add_vocab_size(add_tokenizer(writer, tokenizer))
    for name, array in tensors(state, config):
        if array.ndim == 1:
            writer.add_tensor(name, array.astype(np.float32))
        else:
            data = gguf.quantize(np.ascontiguousarray(array, np.float32), quantization)
            writer.add_tensor(name, data, raw_dtype=quantization)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(f"{out}.part", out)
    return saved["state"]


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--run", required=True)
    args.add_argument("--out", required=True)
    args.add_argument("--type", choices=TYPES, default="Q8_0")
    args.add_argument("--version", default="0.1.0")
    args.add_argument("--logit-scale", type=float, default=1.0,
                      help="folded into the output norm: sampling at temperature 1 then equals 1 / scale before")
    args.add_argument("--embeds", action="store_true", help="an embedder (train_embedder.py): mean pooling, no template")
    args.add_argument("--embedder", default="", help="file beside this one, or hf: address, by which the judge's users are embedded")
    args = args.parse_args()
    state = export(f"{args.run}/checkpoint.pt", f"{args.run}/tokenizer.json", args.out, args.type, args.version, args.logit_scale,
                   args.embeds, args.embedder)
    print(args.out, os.path.getsize(args.out), "bytes", state)


if __name__ == "__main__":
    main()
