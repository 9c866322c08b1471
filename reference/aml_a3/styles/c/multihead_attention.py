# style: nn.MultiheadAttention with a boolean mask, Dataset and DataLoader, cosines and sines filled by slices, generation by one function with a strategy name, perplexity over a loader
# %% [markdown]
# # Assignment 3, Part C: a tiny Transformer
# Imports and the seed.

# %%
import math
import os
import urllib.request

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

np.random.seed(1234)
torch.manual_seed(1234)
device = "cpu"

# %% [markdown]
# Hyperparameters of the sheet.

# %% tags=["parameters"]
NUM_EPOCHS = 3
NUM_CHARS = 1115394
BATCH_SIZE = 64
SEQ_LEN = 128
D_MODEL = 192

# %% [markdown]
# Download the text, build the vocabulary, split 90/5/5.

# %%
url = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
if not os.path.exists("input.txt"):
    urllib.request.urlretrieve(url, "input.txt")
with open("input.txt", "r", encoding="utf-8") as f:
    text = f.read()[:NUM_CHARS]
chars = sorted(list(set(text)))
vocab_size = len(chars)
stoi = {ch: i for i, ch in enumerate(chars)}
itos = {i: ch for ch, i in stoi.items()}
encode = lambda s: [stoi[c] for c in s]
decode = lambda ids: "".join(itos[int(i)] for i in ids)
data = torch.tensor(encode(text), dtype=torch.long)
n = len(data)
train_data, val_data, test_data = data[: int(0.9 * n)], data[int(0.9 * n): int(0.95 * n)], data[int(0.95 * n):]
print("vocabulary:", vocab_size, "tokens:", len(train_data), len(val_data), len(test_data))

# %% [markdown]
# A data set of windows side by side; the target is the window shifted by one.

# %%
class CharDataset(Dataset):
    def __init__(self, ids, seq_len):
        self.ids = ids
        self.seq_len = seq_len

    def __len__(self):
        return (len(self.ids) - 1) // self.seq_len

    def __getitem__(self, i):
        start = i * self.seq_len
        chunk = self.ids[start:start + self.seq_len + 1]
        return chunk[:-1], chunk[1:]


train_loader = DataLoader(CharDataset(train_data, SEQ_LEN), batch_size=BATCH_SIZE, shuffle=True)
val_loader = DataLoader(CharDataset(val_data, SEQ_LEN), batch_size=BATCH_SIZE, shuffle=False)

# %% [markdown]
# The model: embedding, sinusoidal positions, two pre-norm blocks, head.

# %%
class PositionalEncoding(nn.Module):
    def __init__(self, d_model, max_len=128):
        super().__init__()
        pe = torch.zeros(max_len, d_model)
        position = torch.arange(0, max_len).unsqueeze(1).float()
        div_term = torch.exp(torch.arange(0, d_model, 2).float() * (-math.log(10000.0) / d_model))
        pe[:, 0::2] = torch.sin(position * div_term)
        pe[:, 1::2] = torch.cos(position * div_term)
        self.register_buffer("pe", pe.unsqueeze(0))

    def forward(self, x):
        return x + self.pe[:, : x.size(1)]


class TransformerBlock(nn.Module):
    def __init__(self, d_model=D_MODEL, n_heads=3, d_ff=768):
        super().__init__()
        self.ln1 = nn.LayerNorm(d_model)
        self.attn = nn.MultiheadAttention(d_model, n_heads, batch_first=True)
        self.ln2 = nn.LayerNorm(d_model)
        self.ff = nn.Sequential(nn.Linear(d_model, d_ff), nn.GELU(), nn.Linear(d_ff, d_model))

    def forward(self, x):
        T = x.size(1)
        mask = torch.triu(torch.ones(T, T, dtype=torch.bool), diagonal=1)
        h = self.ln1(x)
        a, _ = self.attn(h, h, h, attn_mask=mask, need_weights=False)
        x = x + a
        return x + self.ff(self.ln2(x))


class CharTransformer(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, D_MODEL)
        self.pos = PositionalEncoding(D_MODEL, SEQ_LEN)
        self.blocks = nn.ModuleList([TransformerBlock() for _ in range(2)])
        self.ln_f = nn.LayerNorm(D_MODEL)
        self.lm_head = nn.Linear(D_MODEL, vocab_size)
        for p in self.modules():
            if isinstance(p, nn.Linear):
                nn.init.xavier_uniform_(p.weight)
                nn.init.zeros_(p.bias)

    def forward(self, idx):
        x = self.pos(self.embed(idx))
        for block in self.blocks:
            x = block(x)
        return self.lm_head(self.ln_f(x))


model = CharTransformer(vocab_size).to(device)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, weight_decay=0.01, betas=(0.9, 0.95))
criterion = nn.CrossEntropyLoss()
print(f"{sum(p.numel() for p in model.parameters()):,} parameters")

# %% [markdown]
# One step of training, and the mean loss over a loader.

# %%
def training_step(model, optimizer, xb, yb):
    model.train()
    logits = model(xb)
    loss = criterion(logits.view(-1, logits.size(-1)), yb.reshape(-1))
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()


@torch.no_grad()
def mean_nll(model, loader):
    model.eval()
    total, count = 0.0, 0
    for xb, yb in loader:
        logits = model(xb)
        total += F.cross_entropy(logits.transpose(1, 2), yb, reduction="sum").item()
        count += yb.numel()
    return total / count

# %% [markdown]
# Training with the validation loss and perplexity at the end of every epoch.

# %%
train_losses, val_losses, val_ppls = [], [], []
for epoch in range(NUM_EPOCHS):
    batch_losses = [training_step(model, optimizer, xb, yb) for xb, yb in train_loader]
    train_losses.append(sum(batch_losses) / len(batch_losses))
    val_losses.append(mean_nll(model, val_loader))
    val_ppls.append(math.exp(val_losses[-1]))
    print(f"Epoch {epoch + 1}: train {train_losses[-1]:.4f} val {val_losses[-1]:.4f} ppl {val_ppls[-1]:.3f}")

plt.plot(range(1, NUM_EPOCHS + 1), train_losses, "o-", label="train")
plt.plot(range(1, NUM_EPOCHS + 1), val_losses, "o-", label="validation")
plt.xlabel("epoch")
plt.ylabel("cross-entropy")
plt.legend()
plt.show()

# %% [markdown]
# ## Perplexity
# exp of the mean loss per token; the baseline are unigrams and bigrams.

# %%
def perplexity(model, loader):
    return math.exp(mean_nll(model, loader))


print("final validation perplexity:", perplexity(model, val_loader))
uni = torch.bincount(train_data, minlength=vocab_size).float() + 1
uni = uni / uni.sum()
print("unigram perplexity:", torch.exp(-uni[val_data].log().mean()).item())
pairs = torch.ones(vocab_size, vocab_size)
pairs.index_put_((train_data[:-1], train_data[1:]), torch.ones(len(train_data) - 1), accumulate=True)
bi = pairs / pairs.sum(1, keepdim=True)
print("bigram perplexity:", torch.exp(-bi[val_data[:-1], val_data[1:]].log().mean()).item())

# %% [markdown]
# ## Decoding
# Greedy, top-k, nucleus.

# %%
@torch.no_grad()
def generate(model, prompt_ids, max_new_tokens=200, strategy="greedy", temperature=1.0, top_k=20, top_p=0.9):
    model.eval()
    idx = prompt_ids.clone().unsqueeze(0)
    for _ in range(max_new_tokens):
        logits = model(idx[:, -SEQ_LEN:])[:, -1, :] / temperature
        if strategy == "greedy":
            next_id = logits.argmax(dim=-1, keepdim=True)
        elif strategy == "top_k":
            v, _ = torch.topk(logits, min(top_k, logits.size(-1)))
            logits[logits < v[:, [-1]]] = -float("inf")
            next_id = torch.multinomial(F.softmax(logits, dim=-1), 1)
        elif strategy == "top_p":
            sorted_logits, sorted_idx = torch.sort(logits, descending=True)
            cumulative = torch.cumsum(F.softmax(sorted_logits, dim=-1), dim=-1)
            remove = cumulative > top_p
            remove[:, 1:] = remove[:, :-1].clone()
            remove[:, 0] = False
            logits[remove.scatter(1, sorted_idx, remove)] = -float("inf")
            next_id = torch.multinomial(F.softmax(logits, dim=-1), 1)
        idx = torch.cat([idx, next_id], dim=1)
    return idx[0]


prompt = val_data[:64]
for strategy in ["greedy", "top_k", "top_p"]:
    print("=" * 20, strategy)
    print(decode(generate(model, prompt, 200, strategy)))

# %% [markdown]
# Greedy text loops: it is fluent for a word or two and repeats itself. Top-k (20) is diverse and makes many spelling errors. Nucleus
# (0.9) is between the two.
