# style: no nn.Module: a dictionary of tensors and a function, one fused QKV matrix, einsum, sequence first (T, B, C), clipping and evaluation by hand, dataclass of results
# %% [markdown]
# # Part C, functional
# The model is a function of a dictionary of parameters.

# %%
from dataclasses import dataclass
import os
import urllib.request

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F

np.random.seed(1234)
torch.manual_seed(1234)

# %% [markdown]
# Constants.

# %% tags=["parameters"]
EPOCHS = 3
CHARS = 1_115_394
B, T, C, H, L, FF = 64, 128, 192, 3, 2, 768

# %% [markdown]
# Text to tokens. Splits: 90, 5 and 5 percent.

# %%
if not os.path.isfile("input.txt"):
    urllib.request.urlretrieve(
        "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt", "input.txt")
raw = open("input.txt", encoding="utf-8").read()[:CHARS]
symbols, codes = np.unique(np.array(list(raw)), return_inverse=True)
V = len(symbols)
codes = torch.from_numpy(codes.reshape(-1).astype(np.int64))
tr, va, te = codes.tensor_split([len(codes) * 9 // 10, len(codes) * 19 // 20])
print(V, len(tr), len(va), len(te))

# %% [markdown]
# Parameters: Xavier for matrices, zeros for biases, ones for the gains of the norms.

# %%
def matrix(n_in, n_out):
    w = torch.empty(n_out, n_in)
    torch.nn.init.xavier_uniform_(w)
    return w.requires_grad_()


def zeros(*shape):
    return torch.zeros(*shape, requires_grad=True)


P = {"emb": torch.randn(V, C).requires_grad_()}
for l in range(L):
    # Xavier for each of the three projections, not for the stacked matrix
    P[f"qkv{l}"] = torch.cat([matrix(C, C).detach() for _ in range(3)]).requires_grad_()
    P[f"qkv_b{l}"] = zeros(3 * C)
    P[f"o{l}"], P[f"o_b{l}"] = matrix(C, C), zeros(C)
    P[f"up{l}"], P[f"up_b{l}"] = matrix(C, FF), zeros(FF)
    P[f"down{l}"], P[f"down_b{l}"] = matrix(FF, C), zeros(C)
    for k in "12":
        P[f"g{k}{l}"], P[f"n{k}{l}"] = torch.ones(C, requires_grad=True), zeros(C)
P["g"], P["n"] = torch.ones(C, requires_grad=True), zeros(C)
P["head"], P["head_b"] = matrix(C, V), zeros(V)

pos = torch.arange(T).unsqueeze(1)
freq = 10000.0 ** (-torch.arange(0, C, 2) / C)
SIN = torch.zeros(T, 1, C)
SIN[:, 0, 0::2], SIN[:, 0, 1::2] = torch.sin(pos * freq), torch.cos(pos * freq)

# %% [markdown]
# The model, for tokens of shape (T, B).

# %%
def attention(x, l):
    t, b, _ = x.shape
    q, k, v = F.linear(x, P[f"qkv{l}"], P[f"qkv_b{l}"]).view(t, b, 3, H, C // H).unbind(2)
    scores = torch.einsum("qbhd,kbhd->bhqk", q, k) / (C // H) ** 0.5
    scores = scores + torch.full((t, t), float("-inf")).triu(1)
    mixed = torch.einsum("bhqk,kbhd->qbhd", scores.softmax(-1), v)
    return F.linear(mixed.reshape(t, b, C), P[f"o{l}"], P[f"o_b{l}"])


def lm(tokens):
    x = P["emb"][tokens] + SIN[: len(tokens)]
    for l in range(L):
        x = x + attention(F.layer_norm(x, (C,), P[f"g1{l}"], P[f"n1{l}"]), l)
        h = F.layer_norm(x, (C,), P[f"g2{l}"], P[f"n2{l}"])
        x = x + F.linear(F.gelu(F.linear(h, P[f"up{l}"], P[f"up_b{l}"])), P[f"down{l}"], P[f"down_b{l}"])
    return F.linear(F.layer_norm(x, (C,), P["g"], P["n"]), P["head"], P["head_b"])


def windows(tokens):
    n = (len(tokens) - 1) // T
    return tokens[: n * T].view(n, T).T, tokens[1 : n * T + 1].view(n, T).T

# %% [markdown]
# Training; the norm of all gradients is clipped by hand.

# %%
@dataclass
class Result:
    train: float
    validation: float
    perplexity: float


optimizer = torch.optim.AdamW(list(P.values()), lr=3e-4, weight_decay=0.01, betas=(0.9, 0.95))


def update(x, y):
    loss = -lm(x).log_softmax(-1).gather(-1, y.unsqueeze(-1)).mean()
    optimizer.zero_grad()
    loss.backward()
    norm = torch.sqrt(sum((w.grad ** 2).sum() for w in P.values()))
    if norm > 1.0:
        for w in P.values():
            w.grad *= 1.0 / norm
    optimizer.step()
    return loss.item()


def nll(tokens):
    x, y = windows(tokens)
    with torch.no_grad():
        parts = [-lm(a).log_softmax(-1).gather(-1, c.unsqueeze(-1)).sum() for a, c in zip(x.split(B, 1), y.split(B, 1))]
    return (sum(parts) / y.numel()).item()


X, Y = windows(tr)
results = []
for epoch in range(EPOCHS):
    losses = [update(X[:, i], Y[:, i]) for i in torch.randperm(X.shape[1]).split(B)]
    v = nll(va)
    results.append(Result(float(np.mean(losses)), v, float(np.exp(v))))
    print(epoch + 1, results[-1])

# %% [markdown]
# Loss curves.

# %%
plt.plot([r.train for r in results], label="train")
plt.plot([r.validation for r in results], label="validation")
plt.xlabel("epoch")
plt.legend()
plt.show()

# %% [markdown]
# Perplexity per epoch, and a unigram for comparison.

# %%
print("PPL per epoch:", [round(r.perplexity, 3) for r in results], "final:", results[-1].perplexity)
p1 = (torch.bincount(tr, minlength=V) + 1) / (len(tr) + V)
print("unigram PPL:", float(torch.exp(-p1[va].log().mean())))
plt.bar(range(1, EPOCHS + 1), [r.perplexity for r in results])
plt.title("validation perplexity")
plt.show()

# %% [markdown]
# Decoding. A filter turns probabilities into other probabilities.

# %%
def only_best(p):
    return F.one_hot(p.argmax(), V).float()


def best_k(p, k=20):
    out = torch.zeros_like(p)
    i = p.argsort(descending=True)[:k]
    out[i] = p[i]
    return out / out.sum()


def mass(p, top=0.9):
    i = p.argsort(descending=True)
    below = p[i].cumsum(0) < top
    n = int(below.sum()) + 1
    out = torch.zeros_like(p)
    out[i[:n]] = p[i[:n]]
    return out / out.sum()


prompt = va[:64]
texts = {}
for name, keep in {"greedy": only_best, "top-k": best_k, "nucleus": mass}.items():
    seq = prompt.clone()
    with torch.no_grad():
        for _ in range(200):
            p = torch.softmax(lm(seq[-T:].unsqueeze(1))[-1, 0] / 1.0, 0)
            seq = torch.cat([seq, torch.multinomial(keep(p), 1)])
    texts[name] = "".join(symbols[seq.numpy()])
    print(f"** {name} **\n{texts[name]}\n")

# %% [markdown]
# The greedy continuation repeats itself. Top-k is more varied and has more errors; the nucleus adapts to how sure the model is and reads best.
