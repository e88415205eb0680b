"""Tiny random models with a byte tokenizer, as Transformers folders and as GGUF: stand-ins for what the recipes train.

python tiny_models.py FOLDER  ->  FOLDER/llama, FOLDER/llama.gguf, FOLDER/qwen3, FOLDER/qwen3.gguf
"""
import sys
from pathlib import Path

import gguf
import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ["<|im_end|>", "<|im_start|>"]
# Votes are read from one token: " yes" and " no".
MERGES = [("t", "h"), ("th", "e"), ("\u0120", "y"), ("\u0120y", "e"), ("\u0120ye", "s"), ("\u0120", "n"), ("\u0120n", "o")]
CONTEXT = 16384


def tokenizer_of():
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [*alphabet, *("".join(pair) for pair in MERGES)]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    raw = Tokenizer(models.BPE(vocabulary, MERGES, unk_token=None))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    raw.add_special_tokens(SPECIAL)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token=SPECIAL[0], pad_token=SPECIAL[0], padding_side="left")
    tokenizer.chat_template = CHAT
    return tokenizer, [*pieces, *SPECIAL]


def write_gguf(path, architecture, config, tokens, state):
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_name(f"tiny {architecture}")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL if token in SPECIAL else gguf.TokenType.NORMAL for token in tokens])
    writer.add_token_merges([" ".join(pair) for pair in MERGES])
    for add in (writer.add_eos_token_id, writer.add_bos_token_id, writer.add_pad_token_id):
        add(tokens.index(SPECIAL[0]))
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT)
    # Its weights are not read: names and shapes are what an export is held to.
    kinds = {name: kind for kind, name in gguf.MODEL_ARCH_NAMES.items()}
    names = gguf.get_tensor_name_map(kinds[architecture], config.num_hidden_layers)
    for name, weight in state.items():
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight",)), weight.float().numpy().astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    folder = Path(sys.argv[1])
    torch.manual_seed(1)
    tokenizer, tokens = tokenizer_of()
    sizes = dict(vocab_size=len(tokens), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                 head_dim=16, max_position_embeddings=CONTEXT, eos_token_id=tokens.index(SPECIAL[0]), pad_token_id=tokens.index(SPECIAL[0]),
                 bos_token_id=tokens.index(SPECIAL[0]), tie_word_embeddings=False)
    for name, config, kind in (("llama", LlamaConfig(**sizes), LlamaForCausalLM), ("qwen3", Qwen3Config(**sizes), Qwen3ForCausalLM)):
        model = kind(config)
        model.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
        write_gguf(folder / f"{name}.gguf", name, config, tokens, model.state_dict())
        print(f"{name}: {sum(weight.numel() for weight in model.parameters())} parameters")


if __name__ == "__main__":
    main()
