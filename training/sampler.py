"""Samples chains from the PyTorch model: judgments of one user share the prefix, computed once."""
import torch
import torch.nn.functional as F

from model import rotate


@torch.no_grad()
def prefill(model, prefix, tails):
    """prefix: tokens of the system message; tails: tokens of each judgment after it.

    Per layer: prefix (k, v) [H, P, D] and tail (k, v) [n, H, T, D]; the logits after each tail [n, V]."""
    n, p, t, device = len(tails), len(prefix), max(map(len, tails)), model.embed.weight.device
    lengths = torch.tensor([len(x) for x in tails], device=device)
    _, _, shared = model.run(torch.tensor(prefix, device=device)[None], torch.arange(p, device=device)[None])
    tokens = torch.zeros(n, t, dtype=torch.long)
    for i, tail in enumerate(tails):
        tokens[i, :len(tail)] = torch.tensor(tail)
    tokens = tokens.to(device)
    mask = torch.cat([torch.ones(t, p, dtype=torch.bool), torch.ones(t, t, dtype=torch.bool).tril()], dim=1).to(device)
    past = [tuple(x.expand(n, -1, -1, -1) for x in kv) for kv in shared]
    hidden, _, own = model.run(tokens, (p + torch.arange(t, device=device)).expand(n, t), past, mask.expand(n, 1, t, p + t))
    logits = model.logits(hidden[torch.arange(n, device=device), lengths - 1]).float()
    return [tuple(x[0] for x in kv) for kv in shared], own, lengths, logits


@torch.no_grad()
def sample(model, prefix, tails, end, temperature=1.0, copies=1, max_new=340, generator=None, fast=False):
    """`copies` chains (token lists) per tail, tail by tail; temperature 0 takes the likeliest; fast: bfloat16."""
    device = model.embed.weight.device
    with torch.autocast(device.type, torch.bfloat16, enabled=fast):
        shared, own, lengths, logits = prefill(model, prefix, tails)
        t = own[0][0].shape[2]
        lengths, logits = lengths.repeat_interleave(copies), logits.repeat_interleave(copies, 0)
        n = len(lengths)
        caches = [tuple(F.pad(x, (0, 0, 0, max_new)).repeat_interleave(copies, 0) for x in kv) for kv in own]
        place = torch.arange(t + max_new, device=device)
        hidden_past = (place >= lengths[:, None]) & (place < t)
        chains, alive = [[] for _ in range(n)], torch.ones(n, dtype=torch.bool, device=device)
        for step in range(max_new):
            if temperature == 0:
                token = logits.argmax(-1)
            else:
                token = torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator)[:, 0]
            alive &= token != end
            if not alive.any():
                break
            for i, (t_i, goes_on) in enumerate(zip(token.tolist(), alive.tolist())):
                if goes_on:
                    chains[i].append(t_i)
            x = model.embed(token[:, None])
            cos, sin = model.rope((len(prefix) + lengths + step)[:, None])
            for block, first, own_cache in zip(model.blocks, shared, caches):
                x = decode_block(block, x, cos, sin, first, own_cache, t + step, hidden_past)
            logits = model.logits(model.norm(x)[:, 0]).float()
    return chains


def decode_block(block, x, cos, sin, shared, own, at, hidden_past):
    """One token per row through a block; writes its key and value into the rows' own cache at index `at`."""
    n, _, c = x.shape
    h = block.norm1(x)
    q, new_k, new_v = (w(h).view(n, 1, block.heads, -1) for w in (block.q, block.k, block.v))
    k, v = own
    k[:, :, at], v[:, :, at] = rotate(new_k, cos, sin)[:, 0], new_v[:, 0]
    q = rotate(q, cos, sin)[:, 0].to(k.dtype) * q.shape[-1] ** -0.5                           # [n, H, D]
    before = (q.transpose(0, 1) @ shared[0].transpose(1, 2)).transpose(0, 1)                  # [n, H, P]
    after = (k[:, :, :at + 1] @ q[..., None])[..., 0]                                         # [n, H, S]
    after = after.masked_fill(hidden_past[:, None, :at + 1], -1e30)
    p = torch.cat([before.float(), after.float()], dim=-1).softmax(-1).to(v.dtype)
    p1, p2 = p.split([before.shape[-1], after.shape[-1]], dim=-1)
    y = (p1.transpose(0, 1) @ shared[1]).transpose(0, 1) + (p2[:, :, None] @ v[:, :, :at + 1])[:, :, 0]
    x = x + block.o(y.reshape(n, 1, c))
    h = block.norm2(x)
    return x + block.down(F.silu(block.gate(h)) * block.up(h))
