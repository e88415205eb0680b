"""Writes what a GGUF must reproduce of a Transformers model, read by ../check_gguf.mjs: token ids of texts, greedy answers, next-token probabilities.

python logits_reference.py --base R/base --out R/reference.json && node ../check_gguf.mjs MODEL.gguf R/reference.json
"""
import argparse
import json

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

TEXTS = ["", " ", "\n", "a\n\n\nb  c\t d", "don't I'm we'll THEY'RE", "12345 3.14 1,000", "\u00e9t\u00e9 na\u00efve \u2014 \u65e5\u672c\u8a9e \U0001f642",
         "x\u00a0y", "\nChosen: \nRejected: \n\nUser: ", "f(x) = (a) + (b) = c", "\r\n mixed \r ends", "   leading", "trailing   ",
         "BG Parks needs more funding from the City\n=> yes\nRefugees should learn English.\n=> no", "3 October 2026, 17:05; 100%"]
PROMPTS = ["What is the capital of France?", "Name three colours.", "Write a sentence about parks and taxes."]


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--base", required=True)
    args.add_argument("--out", required=True)
    args.add_argument("--new-tokens", type=int, default=24)
    args = args.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(args.base)
    model = AutoModelForCausalLM.from_pretrained(args.base, dtype=torch.float32).eval()
    cases = []
    for question in PROMPTS:
        prompt = tokenizer.apply_chat_template([{"role": "user", "content": question}], add_generation_prompt=True, tokenize=False)
        ids = tokenizer(prompt, add_special_tokens=False, return_tensors="pt")["input_ids"]
        with torch.inference_mode():
            written = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=args.new_tokens, do_sample=False)[0, ids.shape[1]:]
            chain = [token for token in written.tolist() if token != tokenizer.eos_token_id]
            tops = []
            for at in (0, 3):
                shown = torch.cat([ids, torch.tensor([chain[:at]], dtype=ids.dtype)], 1)
                tops.append(model(shown).logits[0, -1].double().softmax(-1).topk(20))
        cases.append({"prompt": prompt, "chain": chain, "text": tokenizer.decode(chain),
                      "probabilities": [dict(zip(map(str, top.indices.tolist()), top.values.tolist())) for top in tops]})
    texts = [{"text": text, "tokens": tokenizer(text, add_special_tokens=False)["input_ids"]} for text in TEXTS + PROMPTS]
    with open(args.out, "w") as file:
        json.dump({"texts": texts, "cases": cases}, file)
    print(args.out, len(texts), "texts", len(cases), "cases")


if __name__ == "__main__":
    main()
