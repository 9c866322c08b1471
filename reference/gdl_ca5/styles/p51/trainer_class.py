# style: classes of a configuration, a model and a trainer that keeps its losses; fused attention, tied head; one matrix in the cell
# %% [markdown]
# # Language models, from RNNs to Transformers

# %%
import dataclasses
import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import sentencepiece
import torch
from torch import nn
from torch.nn import functional as F

SEED = 5
torch.manual_seed(SEED)
np.random.seed(SEED)

# %% tags=["parameters"]
STEPS = 420
CONTEXT = 64
BATCH = 24
PIECES = 300

# %%
def load_corpus():
    """Local stories, else some that are put together at random."""
    if Path("stories.txt").exists():
        return Path("stories.txt").read_text()[:150_000]
    names = ["Lily", "Tom", "Mia", "Ben", "Sara", "Max", "Zoe", "Leo", "Ivy", "Sam"]
    goods = ["apple", "drum", "feather", "whistle", "basket", "lantern", "blanket", "marble", "ribbon", "bucket"]
    places = ["forest", "kitchen", "village", "harbour", "meadow", "castle", "garden", "library"]
    rows = []
    for _ in range(1500):
        a, b = np.random.choice(names, 2, replace=False)
        g, p = np.random.choice(goods), np.random.choice(places)
        rows.append(f"Once upon a time {a} went to the {p} and saw a {g}. {b} wanted the {g} too. They shared it and were happy.")
    return "\n".join(rows)


CORPUS = load_corpus()


class CharTokenizer:
    def __init__(self, corpus):
        self.itos = sorted(set(corpus))
        self.stoi = {c: i for i, c in enumerate(self.itos)}

    @property
    def vocab_size(self):
        return len(self.itos)

    def encode(self, s):
        return [self.stoi[c] for c in s]

    def decode(self, ids):
        return "".join(self.itos[i] for i in ids)


chars = CharTokenizer(CORPUS)
print(chars.vocab_size, "characters;", len(CORPUS), "in all")


@dataclasses.dataclass
class Config:
    vocab_size: int
    d_model: int = 64
    n_head: int = 4
    n_layer: int = 2
    context: int = CONTEXT


class Trainer:
    def __init__(self, model, ids, lr=3e-3):
        self.model, self.ids = model, torch.as_tensor(ids)
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        self.losses = []

    def batch(self):
        starts = torch.randint(0, len(self.ids) - CONTEXT - 1, (BATCH,))
        rows = torch.stack([self.ids[s : s + CONTEXT + 1] for s in starts])
        return rows[:, :-1], rows[:, 1:]

    def run(self, steps):
        self.model.train()
        for _ in range(steps):
            inputs, targets = self.batch()
            _, loss = self.model(inputs, targets)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.losses.append(loss.item())
        return self

    def plot(self, title):
        plt.figure()
        plt.plot(self.losses)
        plt.title(title)
        plt.xlabel("step")
        plt.ylabel("cross-entropy")
        plt.show()


class LanguageModel(nn.Module):
    """What both architectures share: the loss, and sampling."""

    def scores(self, idx):
        raise NotImplementedError

    def forward(self, idx, targets=None):
        logits = self.scores(idx)
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten())

    @torch.no_grad()
    def generate(self, idx, max_new_tokens, temperature=1.0, top_k=None):
        self.eval()
        for _ in range(max_new_tokens):
            logits, _ = self(idx[:, -CONTEXT:])
            logits = logits[:, -1] / temperature
            if top_k is not None:
                least = torch.topk(logits, min(top_k, logits.size(-1))).values[:, [-1]]
                logits[logits < least] = -float("inf")
            idx = torch.cat((idx, torch.multinomial(logits.softmax(-1), 1)), dim=1)
        return idx

# %% [markdown]
# ## RNN: Elman cells

# %%
class ElmanLayer(nn.Module):
    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.both = nn.Linear(n_in + n_hidden, n_hidden)
        self.n_hidden = n_hidden

    def forward(self, x):
        h = x.new_zeros(x.size(0), self.n_hidden)
        states = []
        for x_t in x.unbind(1):
            h = self.both(torch.cat((x_t, h), dim=-1)).tanh()
            states.append(h)
        return torch.stack(states, 1)


class ElmanLM(LanguageModel):
    def __init__(self, vocab_size, n_hidden=80, n_layer=1):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, 40)
        self.layers = nn.Sequential(*(ElmanLayer(40 if i == 0 else n_hidden, n_hidden) for i in range(n_layer)))
        self.readout = nn.Linear(n_hidden, vocab_size)

    def scores(self, idx):
        return self.readout(self.layers(self.embed(idx)))


char_ids = chars.encode(CORPUS)
rnn_trainer = Trainer(ElmanLM(chars.vocab_size), char_ids).run(STEPS)
rnn_trainer.plot("Elman network")
start = torch.tensor([chars.encode("Once upon a time")])
print(chars.decode(rnn_trainer.model.generate(start, 200, 0.8)[0].tolist()))

# %% [markdown]
# ## RNN analysis
#
# | quantity | answer |
# | --- | --- |
# | operations of one step | 2DH + 2H^2 + 2H (bias and tanh counted) |
# | operations of a sequence | T(2DH + 2H^2 + 2H) |
# | steps that follow each other | O(T) |
# | hidden states kept | T·H·L |
#
# Gradients through time are products of Jacobians and therefore vanish or explode exponentially; clipping, gating and attention help.

# %% [markdown]
# ## Multi-layer RNN (extra credit)

# %%
deep_trainer = Trainer(ElmanLM(chars.vocab_size, n_layer=2), char_ids).run(STEPS)
deep_trainer.plot("two layers")
print("one layer", rnn_trainer.losses[-1], "two layers", deep_trainer.losses[-1])

# %% [markdown]
# ## Transformer

# %%
class SelfAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.qkv = nn.Linear(config.d_model, 3 * config.d_model)
        self.proj = nn.Linear(config.d_model, config.d_model)
        self.n_head = config.n_head

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (z.view(B, T, self.n_head, C // self.n_head).transpose(1, 2) for z in self.qkv(x).split(C, dim=2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.proj(y.transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(config.d_model), nn.LayerNorm(config.d_model)
        self.attention = SelfAttention(config)
        self.mlp = nn.Sequential(nn.Linear(config.d_model, 4 * config.d_model), nn.GELU(), nn.Linear(4 * config.d_model, config.d_model))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class GPT(LanguageModel):
    def __init__(self, config):
        super().__init__()
        self.tokens = nn.Embedding(config.vocab_size, config.d_model)
        self.positions = nn.Parameter(0.02 * torch.randn(config.context, config.d_model))
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.norm = nn.LayerNorm(config.d_model)
        self.head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        nn.init.normal_(self.tokens.weight, std=0.02)
        self.head.weight = self.tokens.weight

    def scores(self, idx):
        x = self.tokens(idx) + self.positions[: idx.size(1)]
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


gpt_trainer = Trainer(GPT(Config(chars.vocab_size)), char_ids).run(STEPS)
gpt_trainer.plot("Transformer")
print(chars.decode(gpt_trainer.model.generate(start, 200, 0.8, top_k=10)[0].tolist()))

# %% [markdown]
# ## Transformer analysis
#
# | quantity | answer |
# | --- | --- |
# | operations of the projections | 8TD^2 |
# | operations of scores and values | 4T^2D |
# | operations of the feed-forward network | 16TD^2 |
# | operations of all blocks | 4LTD(6D + T) |
# | steps that follow each other | O(L) |
# | attention weights of one head | T^2 |
#
# Training parallelises over positions, generation does not; an RNN generates at a constant price a token. The quadratic part wins beyond
# T = 6D.

# %% [markdown]
# ## Subword tokenization

# %%
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "corpus.txt")
    Path(path).write_text(CORPUS)
    sentencepiece.SentencePieceTrainer.Train(
        f"--input={path} --model_prefix={folder}/m --vocab_size={PIECES} --model_type=bpe --minloglevel=2"
    )
    sp = sentencepiece.SentencePieceProcessor()
    sp.Load(f"{folder}/m.model")
print(sp.EncodeAsPieces("Once upon a time Lily went home."))
print(sp.DecodeIds(sp.EncodeAsIds("Once upon a time Lily went home.")))
piece_ids = sp.EncodeAsIds(CORPUS)
piece_trainer = Trainer(ElmanLM(sp.GetPieceSize()), piece_ids).run(STEPS)
piece_trainer.plot("Elman network on pieces")
piece_start = torch.tensor([sp.EncodeAsIds("Once upon a time")])
print(sp.DecodeIds(piece_trainer.model.generate(piece_start, 50, 0.8)[0].tolist()))

# %% [markdown]
# ## Subword analysis
#
# - factor of the length: 1/c
# - factor of the attention: 1/c**2
#
# Losses per token are not comparable, bits per character are. A larger vocabulary gives shorter sequences for a larger softmax.

# %% [markdown]
# ## Transformer with subwords (extra credit)

# %%
piece_gpt_trainer = Trainer(GPT(Config(sp.GetPieceSize())), piece_ids).run(STEPS)
piece_gpt_trainer.plot("Transformer on pieces")
print(sp.DecodeIds(piece_gpt_trainer.model.generate(piece_start, 50, 0.8)[0].tolist()))
