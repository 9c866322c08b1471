# style: nn.TransformerEncoder with norm_first=True, functions for training and evaluation, batches by reshaping a permutation, requests for the text, decoders as three functions of logits
# %% [markdown]
# # Part C with PyTorch's own Transformer layers

# %% [markdown]
# Imports, seed, settings.

# %% tags=["parameters"]
import math
import random
import numpy as np
import pandas as pd
import requests
import torch
from torch import nn
import matplotlib.pyplot as plt

random.seed(1234)
np.random.seed(1234)
torch.manual_seed(1234)
epochs = 3
limit = 1115394
batch_size = 64
block_size = 128

# %% [markdown]
# The text from Karpathy's repository, as numbers.

# %%
URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
corpus = requests.get(URL, timeout=30).text[:limit]
alphabet = "".join(sorted(set(corpus)))
to_id = {c: i for i, c in enumerate(alphabet)}
ids = torch.tensor([to_id[c] for c in corpus])
a, b = int(len(ids) * 0.90), int(len(ids) * 0.95)
splits = {"train": ids[:a], "val": ids[a:b], "test": ids[b:]}
assert "\n" in to_id
print(len(alphabet), {k: len(v) for k, v in splits.items()})


def windows(t):
    m = (len(t) - 1) // block_size
    return t[: m * block_size].reshape(m, block_size), t[1: m * block_size + 1].reshape(m, block_size)

# %% [markdown]
# ## Model
# `TransformerEncoder` with a causal mask is a decoder-only Transformer. No dropout, since the sheet has none.

# %%
class LM(nn.Module):
    def __init__(self, V, d=192, heads=3, layers=2, ff=768):
        super().__init__()
        self.tok = nn.Embedding(V, d)
        t = torch.arange(block_size)[:, None]
        i = torch.arange(d // 2)[None, :]
        angle = t / 10000 ** (2 * i / d)
        self.register_buffer("pos", torch.cat([angle.sin(), angle.cos()], dim=1))
        layer = nn.TransformerEncoderLayer(
            d_model=d, nhead=heads, dim_feedforward=ff, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, num_layers=layers, norm=nn.LayerNorm(d), enable_nested_tensor=False)
        self.head = nn.Linear(d, V)

    def forward(self, x):
        T = x.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(T)
        h = self.encoder(self.tok(x) + self.pos[:T], mask=mask, is_causal=True)
        return self.head(h)


def init_weights(m):
    if isinstance(m, nn.Linear):
        nn.init.xavier_uniform_(m.weight)
    if isinstance(m, nn.MultiheadAttention):
        nn.init.xavier_uniform_(m.in_proj_weight)


net = LM(len(alphabet))
net.apply(init_weights)
opt = torch.optim.AdamW(net.parameters(), lr=3e-4, weight_decay=0.01, betas=(0.9, 0.95))

# %% [markdown]
# ## Training
# The loss is the mean cross-entropy per character.

# %%
loss_fn = nn.CrossEntropyLoss()


def step(x, y):
    opt.zero_grad()
    out = net(x)
    loss = loss_fn(out.reshape(-1, out.shape[-1]), y.reshape(-1))
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), max_norm=1.0)
    opt.step()
    return float(loss.detach())


def evaluate(t):
    net.eval()
    X, Y = windows(t)
    with torch.no_grad():
        nll = [loss_fn(net(x).flatten(0, 1), y.flatten()) * len(x) for x, y in zip(X.split(batch_size), Y.split(batch_size))]
    net.train()
    return float(sum(nll)) / len(X)


X, Y = windows(splits["train"])
rows = []
for epoch in range(1, epochs + 1):
    order = torch.randperm(len(X))
    losses = [step(X[k], Y[k]) for k in order.split(batch_size)]
    val = evaluate(splits["val"])
    rows.append({"epoch": epoch, "train loss": np.mean(losses), "val loss": val, "val PPL": np.exp(val)})
    print(rows[-1])
frame = pd.DataFrame(rows).set_index("epoch")

# %% [markdown]
# Losses per epoch.

# %%
frame[["train loss", "val loss"]].plot(marker="o", ylabel="nats per character")
plt.show()

# %% [markdown]
# ## Perplexity per epoch
# The last one is the final perplexity.

# %%
print(frame.round(4).to_string())
frame["val PPL"].plot(marker="s", title="validation perplexity")
plt.show()
print("Final validation PPL: %.3f" % frame["val PPL"].iloc[-1])

# %% [markdown]
# n-gram baselines with add-one smoothing, by dictionaries.

# %%
from collections import Counter


def ngram_ppl(n):
    train, val = splits["train"].tolist(), splits["val"].tolist()
    grams = Counter(tuple(train[i:i + n]) for i in range(len(train) - n + 1))
    heads = Counter()
    for g, c in grams.items():
        heads[g[:-1]] += c
    logs = [math.log((grams[tuple(val[i:i + n])] + 1) / (heads[tuple(val[i:i + n - 1])] + len(alphabet)))
            for i in range(len(val) - n + 1)]
    return math.exp(-sum(logs) / len(logs))


for n in (1, 2, 3):
    print(n, "gram perplexity", ngram_ppl(n))

# %% [markdown]
# ## Decoding
# Each strategy is a function from logits to the next token.

# %%
def greedy(logits):
    return int(torch.argmax(logits))


def top_k_sample(logits, k=20):
    values, indices = torch.topk(logits, k)
    return int(indices[torch.multinomial(torch.softmax(values, 0), 1)])


def nucleus_sample(logits, p=0.9):
    probs, indices = torch.sort(torch.softmax(logits, 0), descending=True)
    n_kept = int((torch.cumsum(probs, 0) < p).sum()) + 1
    return int(indices[torch.multinomial(probs[:n_kept] / probs[:n_kept].sum(), 1)])


@torch.no_grad()
def sample(next_token, n=200, temperature=1.0):
    net.eval()
    out = splits["val"][:64].tolist()
    for _ in range(n):
        logits = net(torch.tensor([out[-block_size:]]))[0, -1] / temperature
        out.append(next_token(logits))
    return "".join(alphabet[i] for i in out)


outputs = {f.__name__: sample(f) for f in (greedy, top_k_sample, nucleus_sample)}
for name, s in outputs.items():
    print(f"[{name}]\n{s}\n")

# %% [markdown]
# Fluency: greedy > nucleus > top-k. Diversity: the other way round. The greedy text ends in a loop.
