# style: the template's names filled in by hand, attention head by head, learned positions, counts of multiply-adds
# %% [markdown]
# # 5.1 Language Models: RNNs to Transformers

# %%
import io
import random

import matplotlib.pyplot as plt
import sentencepiece as spm
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(7)
random.seed(7)

# %% tags=["parameters"]
N_CHARACTERS = 200_000
N_STEPS = 420
WINDOW_LENGTH = 48
BATCH_SIZE = 32
VOCAB_SIZE = 400

# %% [markdown]
# The stories that I made up.

# %%
animals = "cat dog bear mouse fox owl frog hen goat lamb duck wolf".split()
things = "ball kite stone key cake hat boat drum lamp rope shell leaf".split()
verbs = "found lost made hid saw shared painted carried wanted dropped".split()
pieces = []
while sum(map(len, pieces)) < N_CHARACTERS:
    a, b = random.sample(animals, 2)
    t = random.choice(things)
    pieces.append(f"Once upon a time a little {a} {random.choice(verbs)} a {t}. A {b} came and {random.choice(verbs)} the {t} too. "
                  f"The {a} and the {b} were friends from then on.\n")
text = "".join(pieces)
characters = sorted(set(text))
stoi = {c: i for i, c in enumerate(characters)}
data = torch.tensor([stoi[c] for c in text])
print(len(text), len(characters))


def decode(tokens):
    return "".join(characters[int(t)] for t in tokens)

# %% [markdown]
# ## R1 A recurrent network (10 points)

# %%
class ElmanCell(nn.Module):
    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.x2h = nn.Linear(n_in, n_hidden)
        self.h2h = nn.Linear(n_hidden, n_hidden)

    def forward(self, x, h):
        return torch.tanh(self.x2h(x) + self.h2h(h))


class RnnLM(nn.Module):
    def __init__(self, vocab_size, n_embed=24, n_hidden=96, n_layers=1):
        super().__init__()
        self.n_hidden = n_hidden
        self.embed = nn.Embedding(vocab_size, n_embed)
        self.cells = nn.ModuleList(ElmanCell(n_embed if i == 0 else n_hidden, n_hidden) for i in range(n_layers))
        self.out = nn.Linear(n_hidden, vocab_size)

    def forward(self, tokens, state=None):
        x = self.embed(tokens)
        if state is None:
            state = [torch.zeros(x.size(0), self.n_hidden) for _ in self.cells]
        outputs = []
        for t in range(x.size(1)):
            inp = x[:, t, :]
            new = []
            for cell, h in zip(self.cells, state):
                inp = cell(inp, h)
                new.append(inp)
            state = new
            outputs.append(self.out(inp))
        return torch.stack(outputs, dim=1)

# %%
@torch.no_grad()
def generate(model, prompt, n_tokens, temperature=1.0, window=None):
    tokens = list(prompt)
    for _ in range(n_tokens):
        x = torch.tensor([tokens[-window:] if window else tokens])
        logits = model(x)[0, -1] / temperature
        tokens.append(int(torch.multinomial(F.softmax(logits, dim=-1), 1)))
    return tokens

# %%
def get_batch(tokens):
    at = torch.randint(len(tokens) - WINDOW_LENGTH - 1, (BATCH_SIZE,))
    x = torch.stack([tokens[i : i + WINDOW_LENGTH] for i in at])
    y = torch.stack([tokens[i + 1 : i + WINDOW_LENGTH + 1] for i in at])
    return x, y


def fit(model, tokens):
    opt = torch.optim.AdamW(model.parameters(), lr=2e-3)
    losses = []
    for step in range(N_STEPS):
        x, y = get_batch(tokens)
        logits = model(x)
        loss = F.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1))
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        losses.append(loss.item())
    return losses


prompt = [stoi[c] for c in "Once upon a time"]
rnn = RnnLM(len(characters))
rnn_losses = fit(rnn, data)
plt.plot(rnn_losses)
plt.xlabel("update")
plt.ylabel("loss")
plt.show()
rnn_text = decode(generate(rnn, prompt, 200, 0.7))
print(rnn_text)

# %% [markdown]
# ## R2 What it costs, and what it cannot do (10 points)

# %% [markdown]
# **YOUR ANSWER:** (multiply-adds count as one)
#
# - Operations of one step: $DH + H^2$
# - Operations of a sequence: $TH(D + H)$
# - Steps that follow each other: $O(T)$
# - Numbers in the hidden states: $LTH$

# %% [markdown]
# **YOUR ANSWER:** The gradient is a product of as many Jacobians as there are steps between loss and state. It vanishes when their
# norms are below one and explodes when above; I clip it.

# %% [markdown]
# ## R3 Several layers (5 points of extra credit)

# %%
deep_rnn = RnnLM(len(characters), n_layers=2)
deep_rnn_losses = fit(deep_rnn, data)
plt.plot(rnn_losses, label="1 layer")
plt.plot(deep_rnn_losses, label="2 layers")
plt.legend()
plt.show()

# %% [markdown]
# ## T1 A Transformer (10 points)

# %%
class Head(nn.Module):
    def __init__(self, d_model, d_head, max_len):
        super().__init__()
        self.q = nn.Linear(d_model, d_head, bias=False)
        self.k = nn.Linear(d_model, d_head, bias=False)
        self.v = nn.Linear(d_model, d_head, bias=False)
        self.register_buffer("mask", torch.tril(torch.ones(max_len, max_len)))

    def forward(self, x):
        T = x.size(1)
        scores = self.q(x) @ self.k(x).transpose(-2, -1) / self.q.out_features**0.5
        scores = scores.masked_fill(self.mask[:T, :T] == 0, float("-inf"))
        return F.softmax(scores, dim=-1) @ self.v(x)


class Block(nn.Module):
    def __init__(self, d_model, n_head, max_len):
        super().__init__()
        self.heads = nn.ModuleList([Head(d_model, d_model // n_head, max_len) for _ in range(n_head)])
        self.proj = nn.Linear(d_model, d_model)
        self.ff = nn.Sequential(nn.Linear(d_model, 4 * d_model), nn.ReLU(), nn.Linear(4 * d_model, d_model))
        self.ln1, self.ln2 = nn.LayerNorm(d_model), nn.LayerNorm(d_model)

    def forward(self, x):
        y = self.ln1(x)
        x = x + self.proj(torch.cat([h(y) for h in self.heads], dim=-1))
        return x + self.ff(self.ln2(x))


class TransformerLM(nn.Module):
    def __init__(self, vocab_size, d_model=48, n_head=4, n_layer=2, max_len=48):
        super().__init__()
        self.tok = nn.Embedding(vocab_size, d_model)
        self.pos = nn.Embedding(max_len, d_model)
        self.blocks = nn.Sequential(*[Block(d_model, n_head, max_len) for _ in range(n_layer)])
        self.ln = nn.LayerNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size)

    def forward(self, tokens):
        x = self.tok(tokens) + self.pos(torch.arange(tokens.size(1)))
        return self.head(self.ln(self.blocks(x)))

# %%
transformer = TransformerLM(len(characters))
transformer_losses = fit(transformer, data)
plt.plot(transformer_losses)
plt.show()
transformer_text = decode(generate(transformer, prompt, 200, 0.7, WINDOW_LENGTH))
print(transformer_text)

# %% [markdown]
# ## T2 What it costs (15 points)

# %% [markdown]
# **YOUR ANSWER:** (multiply-adds count as one)
#
# - Operations of the projections: $4 T D^2$
# - Operations of scores and values: $2 T^2 D$
# - Operations of the feed-forward network: $T \cdot D \cdot 4D + T \cdot 4D \cdot D = 8 T D^2$
# - Operations of all blocks: $L (12 T D^2 + 2 T^2 D)$
# - Steps that follow each other: $O(L)$
# - Numbers in the attention weights: $O(T^2)$

# %% [markdown]
# **YOUR ANSWER:** Training is faster with the Transformer, since all positions run in parallel; generating is cheaper with the RNN. The
# attention dominates once T is larger than 6D.

# %% [markdown]
# ## S1 Subwords (9 points)

# %%
buffer = io.BytesIO()
spm.SentencePieceTrainer.train(
    sentence_iterator=iter(text.splitlines()), model_writer=buffer, vocab_size=VOCAB_SIZE, model_type="bpe", minloglevel=2,
    hard_vocab_limit=False,
)
subwords = spm.SentencePieceProcessor(model_proto=buffer.getvalue())
subword_data = torch.tensor(subwords.encode(text))
print(subwords.encode("Once upon a time there was a mouse.", out_type=str))
print(subwords.decode(subwords.encode("Once upon a time there was a mouse.")))

# %%
subword_rnn = RnnLM(subwords.get_piece_size())
subword_losses = fit(subword_rnn, subword_data)
plt.plot(subword_losses)
plt.show()
subword_prompt = subwords.encode("Once upon a time")
subword_text = subwords.decode(generate(subword_rnn, subword_prompt, 60, 0.7))
print(subword_text)

# %% [markdown]
# ## S2 Characters or subwords (6 points)

# %% [markdown]
# **YOUR ANSWER:**
#
# - Factor of the length: $\frac{1}{c}$
# - Factor of scores and values: $c^{-2}$

# %% [markdown]
# **YOUR ANSWER:** They are losses of another number of classes for another amount of text; per character they compare. More pieces make
# sequences shorter and the embedding larger.

# %% [markdown]
# ## S3 A Transformer with subwords (5 points of extra credit)

# %%
subword_transformer = TransformerLM(subwords.get_piece_size())
subword_transformer_losses = fit(subword_transformer, subword_data)
print(subwords.decode(generate(subword_transformer, subword_prompt, 40, 0.7, WINDOW_LENGTH)))
per_piece = len(text) / len(subword_data)
print(subword_losses[-1] / per_piece, subword_transformer_losses[-1] / per_piece)
