"""Writes what the GGUF must reproduce: token ids of many texts, and, for a few prompts, the greedy chain
and the probabilities of the next token after the prompt, from the PyTorch model. Read by check_gguf.mjs.
"""
import argparse
import json

import numpy as np
import torch
from tokenizers import Tokenizer

from evaluate import load_model
from prompt import render_system, render_user, system_message, user_message
from sampler import prefill, sample
from style_data import load_pool

ODD = ["", " ", "\n", "a\n\n\nb  c\t d", "don't I'm we'll THEY'RE", "12345 3.14 1,000", "\u00e9t\u00e9 na\u00efve \u2014 \u65e5\u672c\u8a9e \U0001f642",
       "x\u00a0y", "\nChosen: \nRejected: \n\nUser: ", "f(x) = (a) + (b) = c", "- Length: open\n- Tone: warm (strong)", "\r\n mixed \r ends",
       "[The End of Response 1]\n\n[The Start of Response 2]\n", "Voice: yes. Depth (20%): no", "   leading", "trailing   "]


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--run", required=True)
    args.add_argument("--data", required=True)
    args.add_argument("--out", required=True)
    args.add_argument("--prompts", type=int, default=3)
    args = args.parse_args()
    tokenizer, model = Tokenizer.from_file(f"{args.run}/tokenizer.json"), load_model(f"{args.run}/checkpoint.pt")
    pool, rng = load_pool(args.data), np.random.default_rng(5)

    def texts(n):
        item = pool[rng.integers(len(pool))]
        return [item["prompt"]] + [item["responses"][i]["text"] for i in rng.choice(len(item["responses"]), n, replace=False)]
    prompts = []
    for i in range(24):
        history = [tuple(texts(2)) for _ in range(i % 4)]
        prompt, *responses = texts(2 + (i % 10 == 9))
        prompts.append((render_system(system_message(history, "Keep it short." if i % 2 else "")),
                        render_user(user_message(prompt, responses))))
    many = ODD + [a + b for a, b in prompts] + [t for _ in range(60) for t in texts(3)]
    cases = []
    for system, user in prompts[:args.prompts]:
        prefix, tail = tokenizer.encode(system).ids, tokenizer.encode(user).ids
        chain = sample(model, prefix, [tail], tokenizer.token_to_id("<|end|>"), 0.0)[0]
        tops = [prefill(model, prefix, [tail + chain[:n]])[3][0].double().softmax(-1).topk(20) for n in (0, 3)]
        cases.append({"prompt": system + user, "chain": chain, "text": tokenizer.decode(chain, skip_special_tokens=False),
                      "probabilities": [dict(zip(map(str, t.indices.tolist()), t.values.tolist())) for t in tops]})
    with open(args.out, "w") as file:
        json.dump({"texts": [{"text": t, "tokens": tokenizer.encode(t).ids} for t in many], "cases": cases}, file)
    print(args.out, len(many), "texts", len(cases), "cases")


if __name__ == "__main__":
    main()
