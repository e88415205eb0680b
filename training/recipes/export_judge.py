"""Merges an adapter and writes the judge as GGUF, with the metadata that pgenrm reads.

python export_judge.py --model Qwen/Qwen3-4B --adapter runs/psi --merged runs/psi-merged --like Qwen3-4B-Q8_0.gguf --out runs/psi.gguf

Tokenizer, chat template and hyperparameters come from LIKE, a GGUF of the same base model in any type; the weights from MODEL and ADAPTER.
"""
import argparse
import os
from pathlib import Path

import gguf
import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

TYPES = {"F32": (gguf.GGMLQuantizationType.F32, gguf.LlamaFileType.ALL_F32),
         "F16": (gguf.GGMLQuantizationType.F16, gguf.LlamaFileType.MOSTLY_F16),
         "BF16": (gguf.GGMLQuantizationType.BF16, gguf.LlamaFileType.MOSTLY_BF16),
         "Q8_0": (gguf.GGMLQuantizationType.Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0)}
# llama.cpp rotates neighbouring pairs of these architectures, Transformers rotates halves.
INTERLEAVED = {"llama"}
# Computed from the configuration, and no weights of the checkpoint.
COPIED = {"rope_freqs.weight"}
REPLACED = ("general.name", "general.file_type", "general.quantization_version")


def merged_model(model, adapter, out):
    """The weights as one model; in the folder `out`, too, where it is given, for the next stage."""
    loaded = AutoModelForCausalLM.from_pretrained(model, dtype="auto")
    if adapter:
        from peft import PeftModel

        loaded = PeftModel.from_pretrained(loaded, adapter).merge_and_unload()
    if out:
        loaded.save_pretrained(out)
        AutoTokenizer.from_pretrained(model).save_pretrained(out)
    return loaded


def interleave(weight, heads):
    """Rows of every head from halves (x1.. | x2..) to neighbouring pairs (x1 x2 ..)."""
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(weight.shape)


def named_tensors(model, architecture):
    """{GGUF name: name in the model}. Raises ValueError for a weight that the architecture does not have."""
    config = model.config
    kinds = {name: kind for kind, name in gguf.MODEL_ARCH_NAMES.items()}
    names = gguf.get_tensor_name_map(kinds[architecture], config.num_hidden_layers)
    found = {}
    tied = config.tie_word_embeddings
    for name in model.state_dict():
        if tied and name == "lm_head.weight":
            continue
        target = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if target is None:
            raise ValueError(f"{name} has no place in a GGUF of architecture {architecture}")
        found[target] = name
    return found


def copy_metadata(reader, writer):
    for field in reader.fields.values():
        if field.name.startswith(("GGUF.", "pgenrm.")) or field.name == "general.architecture" or field.name in REPLACED:
            continue
        kind = field.types[0]
        writer.add_key_value(field.name, field.contents(), kind, sub_type=field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None)


def write_gguf(model, like, out, kind="Q8_0", template="standard", max_tokens=3072, embedder="", name="judge"):
    """Writes `out` whole or not at all. Raises ValueError where `like` is of another model."""
    reader = gguf.GGUFReader(like)
    architecture = reader.get_field("general.architecture").contents()
    names = named_tensors(model, architecture)
    state, config = model.state_dict(), model.config
    quantization, file_type = TYPES[kind]
    part = f"{out}.part"
    writer = gguf.GGUFWriter(part, architecture, use_temp_file=True)
    copy_metadata(reader, writer)
    writer.add_name(name)
    writer.add_file_type(file_type)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_string("pgenrm.template", template)
    writer.add_string("pgenrm.max_tokens", str(max_tokens))
    if embedder:
        writer.add_string("pgenrm.embedder", embedder)
    expected = {tensor.name: tensor for tensor in reader.tensors}
    missing = set(expected) - set(names) - COPIED - ({"output.weight"} if config.tie_word_embeddings else set())
    if missing or set(names) - set(expected):
        raise ValueError(f"{like} is of another model: {sorted(missing | set(names) - set(expected))[:5]} differ")
    for target, tensor in expected.items():
        if target in COPIED:
            writer.add_tensor(target, np.array(tensor.data))
            continue
        # A GGUF may hold a tied output of its own.
        weight = state[names.get(target, names["token_embd.weight"])].to(torch.float32).numpy()
        if list(weight.shape) != list(reversed(tensor.shape.tolist())):
            raise ValueError(f"{target} has shape {list(weight.shape)} in the model and {list(reversed(tensor.shape.tolist()))} in {like}")
        if architecture in INTERLEAVED and target.endswith(("attn_q.weight", "attn_k.weight")):
            weight = interleave(weight, config.num_attention_heads if ".attn_q." in target else config.num_key_value_heads)
        if weight.ndim == 1:
            writer.add_tensor(target, weight)
        elif kind == "F32":
            writer.add_tensor(target, np.ascontiguousarray(weight))
        else:
            writer.add_tensor(target, gguf.quantize(np.ascontiguousarray(weight), quantization), raw_dtype=quantization)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(part, out)


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--model", required=True)
    args.add_argument("--adapter")
    args.add_argument("--merged", help="a folder for the merged weights, from which the next stage starts")
    args.add_argument("--like")
    args.add_argument("--out")
    args.add_argument("--type", choices=TYPES, default="Q8_0")
    args.add_argument("--template", default="standard", help="the template that the training data was written with")
    args.add_argument("--max-tokens", type=int, default=3072)
    args.add_argument("--embedder", default="", help="file beside this one, or hf: address, by which the judge's users are embedded")
    args = args.parse_args()
    if (args.out is None) != (args.like is None):
        raise SystemExit("--out needs --like, a GGUF of the base model, and the other way round")
    model = merged_model(args.model, args.adapter, args.merged)
    if args.out:
        write_gguf(model, args.like, args.out, args.type, args.template, args.max_tokens, args.embedder, Path(args.out).stem)
        print(args.out, os.path.getsize(args.out), "bytes")


if __name__ == "__main__":
    main()
