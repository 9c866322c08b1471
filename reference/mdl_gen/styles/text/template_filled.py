# style: the template filled in by another student: a token for unknown characters, random batches, torch's layers, a list of hypotheses
# %% [markdown]
# # Lab 5

# %%
import math
import urllib.request
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)

# %% tags=["parameters"]
STEPS = 500
N_CHARACTERS = 1_115_394
BATCH_SIZE = 32
CONTEXT_LENGTH = 64

# %%
if not Path("input.txt").exists():
    urllib.request.urlretrieve("https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt", "input.txt")
text = Path("input.txt").read_text(encoding="utf-8")[:N_CHARACTERS]
n = len(text)
train_text, validation_text = text[: n * 90 // 100], text[n * 90 // 100 : n * 95 // 100]

# %% [markdown]
# ## X1 Characters

# %%
UNK = "<unk>"


def build_vocab(text):
    chars = [UNK] + sorted(set(text))
    return {c: i for i, c in enumerate(chars)}, {i: c for i, c in enumerate(chars)}


stoi, itos = build_vocab(text)
V = len(stoi)


def encode(text):
    return torch.tensor([stoi.get(c, stoi[UNK]) for c in text], dtype=torch.long)


def decode(tokens):
    return "".join(itos[t] for t in tokens.tolist())


train_tokens, validation_tokens = encode(train_text), encode(validation_text)
print(decode(encode("hello there")))

# %% [markdown]
# **YOUR ANSWER:** Characters give a tiny vocabulary without unknown words, but long sequences. Words give short sequences and a huge vocabulary with unknown words.

# %% [markdown]
# ## X2 Windows

# %%
def make_windows(tokens, context_length):
    starts = torch.randint(0, len(tokens) - context_length, (BATCH_SIZE,))
    inputs = torch.stack([tokens[s : s + context_length] for s in starts])
    targets = torch.stack([tokens[s + 1 : s + context_length + 1] for s in starts])
    return inputs, targets


# %% [markdown]
# ## X3 LSTM

# %%
class LstmLM(nn.Module):
    def __init__(self, V):
        super().__init__()
        self.emb = nn.Embedding(V, 48)
        self.lstm = nn.LSTM(48, 96, num_layers=2, batch_first=True, dropout=0.1)
        self.fc = nn.Linear(96, V)

    def forward(self, x, state=None):
        out, state = self.lstm(self.emb(x), state)
        return self.fc(out), state


# %% [markdown]
# ## X4 Transformer

# %%
class TransformerLM(nn.Module):
    def __init__(self, V, d=64):
        super().__init__()
        self.emb = nn.Embedding(V, d)
        self.pos = nn.Embedding(CONTEXT_LENGTH, d)
        layer = nn.TransformerEncoderLayer(d, 4, 4 * d, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.fc = nn.Linear(d, V)

    def forward(self, x):
        T = x.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(T)
        h = self.emb(x) + self.pos(torch.arange(T))
        return self.fc(self.encoder(h, mask=mask, is_causal=True))


# %% [markdown]
# ## X5 Training

# %%
def logits_of(model, x):
    out = model(x)
    return out[0] if isinstance(out, tuple) else out


def train(model):
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    model.train()
    losses = []
    for step in range(STEPS):
        x, y = make_windows(train_tokens, CONTEXT_LENGTH)
        optimizer.zero_grad()
        loss = F.cross_entropy(logits_of(model, x).reshape(-1, V), y.reshape(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


def perplexity(model, tokens):
    model.eval()
    n = (len(tokens) - 1) // CONTEXT_LENGTH
    x = tokens[: n * CONTEXT_LENGTH].reshape(n, -1)
    y = tokens[1 : n * CONTEXT_LENGTH + 1].reshape(n, -1)
    total = 0.0
    with torch.no_grad():
        for i in range(0, n, 64):
            logits = logits_of(model, x[i : i + 64])
            total += F.cross_entropy(logits.transpose(1, 2), y[i : i + 64], reduction="sum").item()
    return math.exp(total / y.numel())


lstm = LstmLM(V)
transformer = TransformerLM(V)
lstm_losses = train(lstm)
transformer_losses = train(transformer)
lstm_perplexity = perplexity(lstm, validation_tokens)
transformer_perplexity = perplexity(transformer, validation_tokens)
print("LSTM perplexity", lstm_perplexity)
print("Transformer perplexity", transformer_perplexity)
plt.plot(lstm_losses, label="LSTM")
plt.plot(transformer_losses, label="Transformer")
plt.legend()
plt.show()

# %% [markdown]
# ## X6 Decoders

# %%
@torch.no_grad()
def next_log_probs(model, tokens):
    return F.log_softmax(logits_of(model, tokens[:, -CONTEXT_LENGTH:])[:, -1], dim=-1)


def greedy_decode(model, prompt, n_tokens):
    tokens = prompt.reshape(1, -1)
    for _ in range(n_tokens):
        tokens = torch.cat([tokens, next_log_probs(model, tokens).argmax(-1, keepdim=True)], dim=1)
    return tokens[0]


def beam_search(model, prompt, n_tokens, beam_width=3):
    beams = [(0.0, prompt.reshape(1, -1))]
    for _ in range(n_tokens):
        candidates = []
        for score, tokens in beams:
            top = next_log_probs(model, tokens)[0].topk(beam_width)
            for lp, tok in zip(top.values, top.indices):
                candidates.append((score + lp.item(), torch.cat([tokens, tok.view(1, 1)], dim=1)))
        beams = sorted(candidates, key=lambda c: c[0], reverse=True)[:beam_width]
    return beams[0][1][0]


def sample(model, prompt, n_tokens, temperature=1.0, top_k=None):
    tokens = prompt.reshape(1, -1)
    for _ in range(n_tokens):
        lp = next_log_probs(model, tokens)[0] / temperature
        if top_k:
            values, indices = lp.topk(top_k)
            choice = indices[torch.multinomial(F.softmax(values, dim=-1), 1)]
        else:
            choice = torch.multinomial(F.softmax(lp, dim=-1), 1)
        tokens = torch.cat([tokens, choice.view(1, 1)], dim=1)
    return tokens[0]


prompt = validation_tokens[:32]
texts = {}
for model in (lstm, transformer):
    model.eval()
    name = type(model).__name__
    texts[name + " greedy"] = decode(greedy_decode(model, prompt, 150))
    texts[name + " beam"] = decode(beam_search(model, prompt, 150))
    texts[name + " sample"] = decode(sample(model, prompt, 150, 0.8, 10))
for name, t in texts.items():
    print(name, "\n", t, "\n")

# %% [markdown]
# **YOUR ANSWER:** Greedy and beam repeat themselves, sampling is more diverse. A low temperature makes sampling more like greedy; a small k cuts unlikely characters.
