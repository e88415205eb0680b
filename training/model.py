"""A Llama-architecture decoder in plain PyTorch: RMSNorm, RoPE, SwiGLU, tied embeddings.

`forward` runs a batch of prefixes and, on top of each, several judgments that share it.
Linear taps on inner layers read attributes off marked positions; export leaves them out.
"""
import torch
import torch.nn.functional as F
from torch import nn


def rope_table(positions, head_dim, base):
    """positions [...]: cos, sin [..., head_dim / 2]."""
    inverse = base ** (-torch.arange(0, head_dim, 2, dtype=torch.float, device=positions.device) / head_dim)
    angle = positions[..., None].float() * inverse
    return angle.cos(), angle.sin()


def rotate(x, cos, sin):
    """x [B, T, H, D], halves rotated against each other; cos, sin [B, T, D / 2]."""
    a, b = x.chunk(2, dim=-1)
    cos, sin = cos[:, :, None].to(x.dtype), sin[:, :, None].to(x.dtype)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


def attend(q, k, v, mask):
    """q [B, H, T, D], k and v [B, H, S, D]; additive mask [B or 1, 1, T, S], or None for causal attention."""
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)


class RMSNorm(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        return F.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), 1e-5)


class Block(nn.Module):
    def __init__(self, dim, heads, ffn):
        super().__init__()
        self.heads = heads
        self.queries = None                    # of the last call, rotated, where the caller asked for them
        self.norm1, self.norm2 = RMSNorm(dim), RMSNorm(dim)
        self.q, self.k, self.v, self.o = (nn.Linear(dim, dim, bias=False) for _ in range(4))
        self.gate, self.up, self.down = nn.Linear(dim, ffn, bias=False), nn.Linear(dim, ffn, bias=False), nn.Linear(ffn, dim, bias=False)

    def forward(self, x, cos, sin, past=None, mask=None, keep_queries=False):
        """x [B, T, C]; past: keys and values [B, H, P, D] to stand before these. Returns x and own (k, v)."""
        n, t, c = x.shape
        h = self.norm1(x)
        q, k, v = (w(h).view(n, t, self.heads, -1) for w in (self.q, self.k, self.v))
        q, k, v = rotate(q, cos, sin).transpose(1, 2), rotate(k, cos, sin).transpose(1, 2), v.transpose(1, 2)
        own = (k, v)
        self.queries = q if keep_queries else None
        if past is not None:
            k, v = torch.cat([past[0], k], dim=2), torch.cat([past[1], v], dim=2)
        y = attend(q, k, v, mask)
        x = x + self.o(y.transpose(1, 2).reshape(n, t, c))
        h = self.norm2(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h)), own


POINTER_LAYER, POINTER_HEAD = 5, 0             # the head that is taught where a choice's line is to look


class Model(nn.Module):
    def __init__(self, vocab, dim, layers, heads, ffn, rope_base, context, taps=(3, 4, 5, 4, 5)):
        super().__init__()
        self.config = {"vocab": vocab, "dim": dim, "layers": layers, "heads": heads, "ffn": ffn,
                       "rope_base": rope_base, "context": context}
        self.taps = taps                       # layers read: attributes, differences; in the chain differences, attributes, weights
        self.embed = nn.Embedding(vocab, dim)
        self.blocks = nn.ModuleList(Block(dim, heads, ffn) for _ in range(layers))
        self.norm = RMSNorm(dim)
        self.tap_heads = nn.ModuleList(nn.Sequential(RMSNorm(dim), nn.Linear(dim, 8)) for _ in taps)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                nn.init.normal_(p, std=0.02 if "embed" in name else dim ** -0.5)
            if name.endswith(("o.weight", "down.weight")):
                nn.init.zeros_(p)

    def rope(self, positions):
        c = self.config
        return rope_table(positions, c["dim"] // c["heads"], c["rope_base"])

    def run(self, tokens, positions, past=None, mask=None):
        """tokens, positions [B, T]: final hidden [B, T, C], outputs of every layer, keys and values of every layer."""
        x = self.embed(tokens)
        cos, sin = self.rope(positions)
        if mask is not None:
            kind = torch.bfloat16 if torch.is_autocast_enabled(x.device.type) else x.dtype
            mask = torch.zeros(mask.shape, dtype=kind, device=x.device).masked_fill_(~mask, -1e4)
        inner, kept = [], []
        for i, block in enumerate(self.blocks):
            x, own = block(x, cos, sin, past[i] if past else None, mask, past is not None and i == POINTER_LAYER - 1)
            inner.append(x)
            kept.append(own)
        return self.norm(x), inner, kept

    def logits(self, hidden):
        return F.linear(hidden, self.embed.weight)

    def forward(self, prefix, prefix_length, tail, tail_mask):
        """prefix [B, P] padded right; prefix_length [B]; tail [B * m, T]; tail_mask [B * m, 1, T, P + T] bool."""
        n, p = prefix.shape
        m = tail.shape[0] // n
        _, inner1, kept = self.run(prefix, torch.arange(p, device=prefix.device).expand(n, p))
        past = [tuple(t.repeat_interleave(m, 0) for t in kv) for kv in kept]
        positions = prefix_length.repeat_interleave(m)[:, None] + torch.arange(tail.shape[1], device=tail.device)
        hidden, inner2, own = self.run(tail, positions, past, tail_mask)
        self.pointer_keys = past[POINTER_LAYER - 1][0], own[POINTER_LAYER - 1][0], prefix_length
        return hidden, inner1, inner2

    def pointer_loss(self, pointers):
        """Cross-entropy of the pointer head's attention after `forward`; pointers: (judgment, its position, prefix position)."""
        before, own, prefix_length = self.pointer_keys
        queries, each = self.blocks[POINTER_LAYER - 1].queries, []
        m = len(own) // len(prefix_length)
        for row in pointers[0].unique().tolist():
            at, target = (x[pointers[0] == row] for x in pointers[1:])
            n, last = int(prefix_length[row // m]), int(at.max()) + 1
            keys = torch.cat([before[row, POINTER_HEAD, :n], own[row, POINTER_HEAD, :last]])
            logits = (queries[row, POINTER_HEAD, at] @ keys.T).float() * keys.shape[-1] ** -0.5
            logits = logits.masked_fill(torch.arange(n + last, device=at.device) > n + at[:, None], -1e4)
            each.append(F.cross_entropy(logits, target, reduction="none"))
        return torch.cat(each).mean()

    def tap(self, i, inner, rows, columns):
        return self.tap_heads[i](inner[self.taps[i] - 1][rows, columns]).float()
