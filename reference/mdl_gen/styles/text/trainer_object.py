# style: a base class and a trainer object that keep models, histories and decoders; get_batch(split) on a dictionary of splits; configuration objects
# %% [markdown]
# # Character language models

# %% tags=["parameters"]
MAX_ITERS = 500
N_CHARS = 1115394
BATCH = 32
BLOCK = 64

# %%
import math
import os
import urllib.request
from collections import defaultdict
from dataclasses import dataclass

import matplotlib.pyplot as plt
import torch
import torch.nn as nn
import torch.nn.functional as F


@dataclass
class Config:
    vocab_size: int
    block_size: int = BLOCK
    n_embd: int = 64
    n_head: int = 4
    n_layer: int = 2
    hidden: int = 128


class CharTokenizer:
    def __init__(self, text):
        chars = sorted(set(text))
        self.unk_token = "<unk>"
        self.char_to_id = {ch: i for i, ch in enumerate(chars)}
        self.char_to_id[self.unk_token] = len(chars)
        self.id_to_char = {i: ch for ch, i in self.char_to_id.items()}

    @property
    def vocab_size(self):
        return len(self.char_to_id)

    def encode(self, s):
        unk = self.char_to_id[self.unk_token]
        return [self.char_to_id.get(ch, unk) for ch in s]

    def decode(self, ids):
        return "".join(self.id_to_char[int(i)] for i in ids)


if not os.path.isfile("input.txt"):
    urllib.request.urlretrieve("https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt", "input.txt")
raw = open("input.txt").read()[:N_CHARS]
tokenizer = CharTokenizer(raw)
n1, n2 = int(0.9 * len(raw)), int(0.95 * len(raw))
splits = {
    "train": torch.tensor(tokenizer.encode(raw[:n1])),
    "val": torch.tensor(tokenizer.encode(raw[n1:n2])),
}


def get_batch(split):
    data = splits[split]
    ix = torch.randint(len(data) - BLOCK, (BATCH,))
    x = torch.stack([data[i : i + BLOCK] for i in ix])
    y = torch.stack([data[i + 1 : i + 1 + BLOCK] for i in ix])
    return x, y


# %% [markdown]
# Characters: few tokens and long sequences. Words: many tokens, short sequences, unknown words.

# %% [markdown]
# ## The two models

# %%
class LanguageModel(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)

    def loss(self, idx, targets):
        logits = self(idx)
        return F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1))

    @torch.no_grad()
    def generate(self, idx, max_new_tokens, method="greedy", temperature=1.0, top_k=None, num_beams=4):
        self.eval()
        if method == "beam":
            return self._beam(idx, max_new_tokens, num_beams)
        for _ in range(max_new_tokens):
            logits = self(idx[:, -self.config.block_size :])[:, -1, :]
            if method == "greedy":
                new = logits.argmax(dim=-1, keepdim=True)
            elif method == "sample":
                logits = logits / temperature
                if top_k is not None:
                    v, _ = torch.topk(logits, min(top_k, logits.size(-1)))
                    logits[logits < v[:, [-1]]] = -float("Inf")
                new = torch.multinomial(F.softmax(logits, dim=-1), num_samples=1)
            else:
                raise ValueError(method)
            idx = torch.cat((idx, new), dim=1)
        return idx

    def _beam(self, idx, steps, num_beams):
        beams, scores = idx, torch.zeros(1)
        for _ in range(steps):
            logp = F.log_softmax(self(beams[:, -self.config.block_size :])[:, -1], dim=-1)
            all_scores = scores.unsqueeze(1) + logp
            flat = all_scores.reshape(-1)
            scores, best = torch.topk(flat, num_beams)
            rows = torch.div(best, logp.size(1), rounding_mode="floor")
            beams = torch.cat([beams[rows], (best % logp.size(1)).unsqueeze(1)], dim=1)
        return beams[:1]


class LSTMLanguageModel(LanguageModel):
    def __init__(self, config):
        super().__init__(config)
        self.cell = nn.LSTMCell(config.n_embd, config.hidden)
        self.lm_head = nn.Linear(config.hidden, config.vocab_size)

    def forward(self, idx):
        x = self.wte(idx)
        h = c = torch.zeros(idx.size(0), self.config.hidden)
        out = []
        for t in range(idx.size(1)):
            h, c = self.cell(x[:, t], (h, c))
            out.append(h)
        return self.lm_head(torch.stack(out, dim=1))


class TransformerLanguageModel(LanguageModel):
    def __init__(self, config):
        super().__init__(config)
        self.wpe = nn.Embedding(config.block_size, config.n_embd)
        self.attn = nn.ModuleList(nn.MultiheadAttention(config.n_embd, config.n_head, batch_first=True) for _ in range(config.n_layer))
        self.mlp = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(config.n_embd), nn.Linear(config.n_embd, 4 * config.n_embd), nn.GELU(), nn.Linear(4 * config.n_embd, config.n_embd))
            for _ in range(config.n_layer)
        )
        self.ln = nn.ModuleList(nn.LayerNorm(config.n_embd) for _ in range(config.n_layer + 1))
        self.lm_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.lm_head.weight = self.wte.weight
        nn.init.normal_(self.wte.weight, std=0.02)

    def forward(self, idx):
        T = idx.size(1)
        mask = torch.triu(torch.ones(T, T, dtype=torch.bool), diagonal=1)
        x = self.wte(idx) + self.wpe(torch.arange(T))
        for ln, attn, mlp in zip(self.ln, self.attn, self.mlp):
            h = ln(x)
            x = x + attn(h, h, h, attn_mask=mask, need_weights=False)[0]
            x = x + mlp(x)
        return self.lm_head(self.ln[-1](x))


# %% [markdown]
# ## Training

# %%
class Trainer:
    def __init__(self, models, lr):
        self.models = models
        self.optimizers = {name: torch.optim.AdamW(m.parameters(), lr=lr[name]) for name, m in models.items()}
        self.history = defaultdict(list)

    def fit(self):
        for name, model in self.models.items():
            model.train()
            for it in range(MAX_ITERS):
                xb, yb = get_batch("train")
                loss = model.loss(xb, yb)
                self.optimizers[name].zero_grad(set_to_none=True)
                loss.backward()
                self.optimizers[name].step()
                self.history[name].append(loss.item())
        return self

    @torch.no_grad()
    def perplexity(self, model, data):
        model.eval()
        nll, count = 0.0, 0
        for chunk in torch.split(data, BLOCK):
            if len(chunk) == BLOCK:
                pass
        for i in range(0, len(data) - 1, BLOCK):
            j = min(i + BLOCK, len(data) - 1)
            nll += model.loss(data[i:j][None], data[i + 1 : j + 1][None]).item() * (j - i)
            count += j - i
        return math.exp(nll / count)


cfg = Config(tokenizer.vocab_size)
trainer = Trainer({"lstm": LSTMLanguageModel(cfg), "transformer": TransformerLanguageModel(cfg)}, {"lstm": 4e-3, "transformer": 3e-3})
trainer.fit()
ppl = {name: trainer.perplexity(model, splits["val"]) for name, model in trainer.models.items()}
for name, value in ppl.items():
    print(f"validation perplexity of the {name}: {value:.2f}")
for name, values in trainer.history.items():
    plt.plot(values, label=name)
plt.legend()
plt.xlabel("iteration")
plt.ylabel("loss")
plt.show()

# %% [markdown]
# ## Decoding

# %%
start = splits["val"][None, :24]
for name, model in trainer.models.items():
    for kwargs in ({"method": "greedy"}, {"method": "beam"}, {"method": "sample", "temperature": 0.8, "top_k": 10}):
        out = model.generate(start, 100, **kwargs)
        print(f"[{name}, {kwargs}]\n{tokenizer.decode(out[0])}\n")

# %% [markdown]
# Greedy and beam search repeat themselves, sampling does not. Temperature and k say how adventurous the sampling is.
