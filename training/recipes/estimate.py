"""Memory and hours of the recipes by arithmetic, nothing of it measured: python estimate.py

Decimal GB a GPU; hours of one H100 (80 GB, 989 TFLOP/s bfloat16) at 40% in training and at a given rate in generation.
"""
from dataclasses import dataclass

GB, FLOPS, SHARE, RANK = 1e9, 989e12, 0.40, 64
PROMPT, CHAIN, CONTEXT = 2000, 1000, 6144
EXAMPLES, PROMPTS, GENERATIONS = 20_000, 5_000, 8
#: New tokens a second of one GPU with full batches. An assumption: measure yours.
RATES = {"Llama-3.1-8B": 8000, "Qwen3-4B": 12000, "Qwen3-8B": 8000}


@dataclass(frozen=True)
class Model:
    name: str
    layers: int
    hidden: int
    ffn: int
    heads: int
    kv_heads: int
    head: int
    vocabulary: int
    tied: bool

    def shapes(self):
        """(in, out) of the linear maps of a layer."""
        q, kv = self.heads * self.head, self.kv_heads * self.head
        return [(self.hidden, q), (self.hidden, kv), (self.hidden, kv), (q, self.hidden),
                (self.hidden, self.ffn), (self.hidden, self.ffn), (self.ffn, self.hidden)]

    @property
    def parameters(self):
        embeddings = self.vocabulary * self.hidden * (1 if self.tied else 2)
        return embeddings + self.layers * sum(a * b for a, b in self.shapes())

    @property
    def adapter(self):
        return self.layers * RANK * sum(a + b for a, b in self.shapes())

    def kv_bytes(self, tokens):
        return 2 * 2 * self.layers * self.kv_heads * self.head * tokens


MODELS = [Model("Llama-3.1-8B", 32, 4096, 14336, 32, 8, 128, 128256, False),
          Model("Qwen3-4B", 36, 2560, 9728, 32, 8, 128, 151936, True),
          Model("Qwen3-8B", 36, 4096, 12288, 32, 8, 128, 151936, False)]


def activations(model, tokens):
    """Checkpointed layer inputs in bfloat16, one layer in full, logits in bfloat16 and float32."""
    layer = tokens * (4 * model.ffn + 8 * model.hidden) * 2
    return tokens * model.hidden * 2 * model.layers + layer + tokens * model.vocabulary * 6


def lora_memory(model):
    """Frozen bfloat16 weights; adapter, gradients and two AdamW moments in float32; one sequence."""
    return model.parameters * 2 + model.adapter * 16 + activations(model, CONTEXT)


def full_memory(model, gpus):
    """float32 weights, gradients and two moments, sharded; a bfloat16 layer at a time; two sequences."""
    return model.parameters * 16 / gpus + activations(model, 2 * CONTEXT)


def hours(flops):
    return flops / (FLOPS * SHARE) / 3600


def main():
    print(f"{EXAMPLES} PSI examples of {PROMPT + CHAIN} tokens, 2 epochs; {PROMPTS} prompts of {PROMPT} tokens, {GENERATIONS} chains of {CHAIN} each\n")
    print("| | parameters | LoRA adapter | PSI, LoRA: GB | GRPO, LoRA + vLLM: GB | all weights, 8 GPUs: GB each | PSI: GPU hours | GRPO: GPU hours a stage |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for model in MODELS:
        n, tokens = model.parameters, 2 * EXAMPLES * (PROMPT + CHAIN)
        # Forward, its repetition for the checkpoints, backward through activations, and, for all weights, through weights.
        psi_lora, psi_full = hours(6 * n * tokens), hours(8 * n * tokens)
        drawn = PROMPTS * GENERATIONS
        grpo = hours((6 + 2 + 2) * n * drawn * (PROMPT + CHAIN)) + drawn * CHAIN / RATES[model.name] / 3600
        with_engine = lora_memory(model) + 0.35 * 80 * GB
        print(f"| {model.name} | {n / 1e9:.2f}e9 | {model.adapter / 1e6:.0f}e6 | {lora_memory(model) / GB:.0f} | {with_engine / GB:.0f} "
              f"| {full_memory(model, 8) / GB:.0f} | {psi_lora:.0f} (all weights {psi_full:.0f}) | {grpo:.0f} |")
    print("\nKV cache of one chain at the full context: " + ", ".join(f"{m.name} {m.kv_bytes(CONTEXT) / GB:.2f} GB" for m in MODELS))


if __name__ == "__main__":
    main()
