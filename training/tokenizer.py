"""Trains the byte-level BPE tokenizer (GPT-2 split) on the texts of the training split.

Control tokens come first, then BPE, then the fixed phrases of prompt and chain as added tokens.
"""
import argparse

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from chain import AMOUNT, AMOUNTS, VALUES, chain_tokens, evidence_tokens
from prompt import CONTROL_TOKENS, prompt_tokens
from style_data import load_pool
from wishes import SENTENCES


def corpus(folder):
    for item in load_pool(folder):
        if item["split"] == "train":
            yield item["prompt"]
            yield from (r["text"] for r in item["responses"])
    for _ in range(20):
        yield from (s for group in SENTENCES.values() for s in group)
    words = [v for pair in VALUES for v in pair] + AMOUNT + [a for group in AMOUNTS.values() for a in group]
    words += [str(n) for n in range(101)] + ["open"]
    for _ in range(200):
        yield from words


def train_tokenizer(folder, size):
    fixed = list(dict.fromkeys(prompt_tokens() + chain_tokens() + evidence_tokens()))
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=size - len(fixed), special_tokens=CONTROL_TOKENS, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(corpus(folder), trainer)
    tokenizer.add_tokens([AddedToken(t, normalized=False, special=False) for t in fixed])
    return tokenizer


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--data", required=True)
    args.add_argument("--out", required=True)
    args.add_argument("--size", type=int, default=4164)
    args = args.parse_args()
    tokenizer = train_tokenizer(args.data, args.size)
    tokenizer.save(args.out)
    print("vocabulary", tokenizer.get_vocab_size())


if __name__ == "__main__":
    main()
