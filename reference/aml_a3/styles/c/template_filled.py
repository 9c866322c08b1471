# style: the student template filled in: its cells, tags and names kept, bodies by someone else; one QKV layer, additive mask, scale 1/8
# %% [markdown] tags=["given"]
# # Advanced Machine Learning (CS60073), Assignment 3
# # Part C: LLMs (40 marks)
#
# You build a tiny autoregressive Transformer for the characters of Shakespeare, measure its perplexity and compare ways
# to generate from it.
#
# **What to do**
#
# 1. Work from top to bottom. Replace every `...` and every `your code here` with your code. You may add cells,
#    functions, classes and imports wherever you like.
# 2. The sheet asks for a brief Markdown explanation before every code cell: replace the prompts
#    *Describe in a sentence or two ...* with your own words. Cells that you add need an explanation too.
# 3. Write the comment (C3) after **YOUR ANSWER:**.
# 4. Use the CPU only, and the seed 1234; the set-up cell does both.
# 5. Take the numbers of epochs, characters and batches from the cell *Budget*. While you are writing, smaller numbers
#    there give a trial run of a minute. Put the numbers of the sheet back before you hand in.
# 6. Before you hand in: *Restart kernel and run all cells*, then look at every result and figure.
#
# **How it is marked**
#
# - Your notebook is run from top to bottom in a fresh kernel without a network, with a smaller budget than the
#   sheet's. The text is there. A cell that fails does not end the run: the rest is still marked.
# - Values are read by their names, right after the cell that makes them. Your model and functions are also
#   called with other inputs: use the parameters, not the global variables.
# - Your random numbers need not equal ours, and no loss has to reach a given value.
# - A mistake costs marks once: where a later item needs an earlier one, ours takes its place.
# - Keep the names below. If you rename, nothing breaks, but your values must be searched for, and
#   what cannot be told apart waits until a person has looked at it.
# - The comment is read by a person.
#
# | item | classes and functions | values | figures |
# | --- | --- | --- | --- |
# | C1, text | `build_vocab`, `make_xy` | `stoi`, `itos`, `V`, `train_tokens`, `validation_tokens` | |
# | C1, model | `TransformerLM`, `make_optimizer`, `train_step` | `model`, `optimizer` | |
# | C1, training | | `train_losses`, `validation_losses` | two curves |
# | C2 | `perplexity` | `validation_perplexities`, `final_perplexity`, `ngram_perplexities` | perplexity per epoch |
# | C3 | `generate` | `prompt`, `generations` | |

# %% [markdown] tags=["given"]
# ## Set-up
#
# Imports, the seed for NumPy and PyTorch, and the generator that batches and tokens can be drawn from.

# %% tags=["given"]
import math
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

SEED = 1234  # NumPy and PyTorch

np.random.seed(SEED)
torch.manual_seed(SEED)
rng = torch.Generator().manual_seed(SEED)

# %% [markdown] tags=["given"]
# **Budget.** How long the notebook trains, and on how much. These are the numbers of the sheet; a whole epoch of the
# text, in windows side by side, has 123 batches.

# %% tags=["given", "parameters"]
EPOCHS = 3
N_CHARACTERS = 1_115_394  # of the text that is read: all
MAX_BATCHES = 1_000  # at most this many batches in an epoch
BATCH_SIZE = 64
CONTEXT_LENGTH = 128

# %% [markdown] tags=["given"]
# Tiny Shakespeare, and its contiguous splits: the first 90 % for training, the next 5 % for validation, the rest for a
# test.

# %% tags=["given"]
def split_text(text: str) -> tuple[str, str, str]:
    """Return the first 90 %, the next 5 % and the last 5 % of the characters (both borders rounded down)."""
    first, second = len(text) * 90 // 100, len(text) * 95 // 100
    return text[:first], text[first:second], text[second:]


URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
if not Path("input.txt").exists():
    urllib.request.urlretrieve(URL, "input.txt")
text = Path("input.txt").read_text(encoding="utf-8")[:N_CHARACTERS]
train_text, validation_text, test_text = split_text(text)
print(f"{len(train_text)} characters for training, {len(validation_text)} for validation")

# %% [markdown] tags=["given"] item="c1"
# ## C1 Tiny Transformer LM (10 marks)
#
# - Tokens are characters, the newline among them. Embedding of $V$ tokens in 192 dimensions, plus sinusoidal positions
#   (not learned).
# - Two blocks, pre-norm: $x + \text{attention}(\text{LayerNorm}(x))$, then $x + \text{feed-forward}(\text{LayerNorm}(x))$.
#   Attention: 3 heads of 64 dimensions, projections 192→192, a causal mask over the context of 128. Feed-forward:
#   Linear(192→768), GELU, Linear(768→192).
# - Head: Linear(192→V). Linear layers are initialised with Xavier uniform.
# - Training: cross-entropy for the next token, AdamW(lr=3e-4, weight_decay=0.01, betas=(0.9, 0.95)), gradients clipped
#   to norm 1.0, batches of 64 windows of 128 tokens, shuffled, `EPOCHS` epochs.
#
# Write `build_vocab`, `make_xy`, `TransformerLM(V)`, `make_optimizer` and `train_step`. Train `model`, and keep the mean
# training loss of each epoch and the validation loss at its end.
#
# **Figure:** training and validation loss per epoch.

# %% [markdown] tags=["explain"] item="c1"
# The characters of the text and their numbers.

# %% tags=["task"] item="c1" functions=["build_vocab"] values=["stoi", "itos", "V", "train_tokens", "validation_tokens"]
def build_vocab(text: str) -> tuple[dict[str, int], dict[int, str]]:
    chars = sorted(list(set(text)))
    return {c: i for i, c in enumerate(chars)}, {i: c for i, c in enumerate(chars)}


stoi, itos = build_vocab(text)
V = len(stoi)
train_tokens = torch.tensor([stoi[c] for c in train_text], dtype=torch.long)
validation_tokens = torch.tensor([stoi[c] for c in validation_text], dtype=torch.long)

# %% [markdown] tags=["explain"] item="c1"
# Windows without overlap; y is x one character later.

# %% tags=["task"] item="c1" functions=["make_xy"]
def make_xy(tokens: Tensor, context_length: int = 128) -> tuple[Tensor, Tensor]:
    starts = range(0, len(tokens) - context_length, context_length)
    x = torch.stack([tokens[i : i + context_length] for i in starts])
    y = torch.stack([tokens[i + 1 : i + 1 + context_length] for i in starts])
    return x, y

# %% [markdown] tags=["explain"] item="c1"
# The parts of the model: positions and one block.

# %% tags=["task"] item="c1"
def position_table(length, d):
    table = np.zeros((length, d))
    for i in range(0, d, 2):
        table[:, i] = np.sin(np.arange(length) / 10000 ** (i / d))
        table[:, i + 1] = np.cos(np.arange(length) / 10000 ** (i / d))
    return torch.tensor(table, dtype=torch.float32)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(192, 3 * 192)
        self.out = nn.Linear(192, 192)

    def forward(self, x):
        b, t, _ = x.shape
        q, k, v = self.qkv(x).reshape(b, t, 3, 3, 64).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2) / 8.0
        scores = scores + torch.triu(torch.full((t, t), float("-inf")), diagonal=1)
        y = F.softmax(scores, dim=-1) @ v
        return self.out(y.permute(0, 2, 1, 3).reshape(b, t, 192))


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(192)
        self.attention = Attention()
        self.norm2 = nn.LayerNorm(192)
        self.mlp = nn.Sequential(nn.Linear(192, 768), nn.GELU(), nn.Linear(768, 192))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))

# %% [markdown] tags=["explain"] item="c1"
# The whole model.

# %% tags=["task"] item="c1" functions=["TransformerLM", "TransformerLM.forward"]
class TransformerLM(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, 192)
        self.register_buffer("positions", position_table(128, 192))
        self.layers = nn.ModuleList([Layer(), Layer()])
        self.norm = nn.LayerNorm(192)
        self.head = nn.Linear(192, vocab_size)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.constant_(module.bias, 0)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embedding(tokens) + self.positions[: tokens.shape[1]]
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x))

# %% [markdown] tags=["explain"] item="c1"
# Optimizer and one step.

# %% tags=["task"] item="c1" functions=["make_optimizer", "train_step"]
def make_optimizer(model):
    return torch.optim.AdamW(model.parameters(), lr=3e-4, betas=(0.9, 0.95), weight_decay=0.01)


def train_step(model, optimizer, inputs, targets):
    optimizer.zero_grad()
    logits = model(inputs)
    loss = nn.CrossEntropyLoss()(logits.reshape(-1, logits.shape[2]), targets.reshape(-1))
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()

# %% [markdown] tags=["explain"] item="c1"
# The loss of a whole split, without gradients.

# %% tags=["task"] item="c1"
def split_loss(model, tokens):
    model.eval()
    x, y = make_xy(tokens)
    total = 0.0
    with torch.no_grad():
        for i in range(0, len(x), BATCH_SIZE):
            logits = model(x[i : i + BATCH_SIZE])
            total += F.cross_entropy(logits.reshape(-1, logits.shape[2]), y[i : i + BATCH_SIZE].reshape(-1), reduction="sum").item()
    model.train()
    return total / y.numel()

# %% [markdown] tags=["explain"] item="c1"
# I train for EPOCHS epochs.

# %% tags=["task"] item="c1" values=["model", "optimizer", "train_losses", "validation_losses"]
model = TransformerLM(V)
optimizer = make_optimizer(model)
x_train, y_train = make_xy(train_tokens, CONTEXT_LENGTH)
train_losses, validation_losses = [], []
for epoch in range(EPOCHS):
    order = torch.randperm(len(x_train))
    losses = []
    for i in range(0, len(order), BATCH_SIZE):
        if len(losses) == MAX_BATCHES:
            break
        pick = order[i : i + BATCH_SIZE]
        losses.append(train_step(model, optimizer, x_train[pick], y_train[pick]))
    train_losses.append(np.mean(losses))
    validation_losses.append(split_loss(model, validation_tokens))
    print("epoch", epoch + 1, train_losses[-1], validation_losses[-1])

# %% [markdown] tags=["explain"] item="c1"
# Training and validation loss.

# %% tags=["task"] item="c1"
plt.plot(range(1, EPOCHS + 1), train_losses, "o-", label="train")
plt.plot(range(1, EPOCHS + 1), validation_losses, "o-", label="validation")
plt.legend()
plt.xlabel("epoch")
plt.show()

# %% [markdown] tags=["given"] item="c2"
# ## C2 Perplexity (10 marks)
#
# - Write `perplexity(model, tokens)`: exp of the mean negative log-likelihood per token, by teacher forcing.
# - `validation_perplexities`: of each epoch. `final_perplexity`: of the final model. Print both.
# - `ngram_perplexities`: the validation perplexity of n-gram models for n = 1, 2, 3 as a baseline (with add-one
#   smoothing, counted on the training split).
#
# **Figure:** the validation perplexity per epoch.

# %% [markdown] tags=["explain"] item="c2"
# Perplexity: exp of the mean loss per character.

# %% tags=["task"] item="c2" functions=["perplexity"] values=["validation_perplexities", "final_perplexity"]
def perplexity(model, tokens) -> float:
    return float(np.exp(split_loss(model, tokens)))


validation_perplexities = [float(np.exp(loss)) for loss in validation_losses]
final_perplexity = perplexity(model, validation_tokens)
print("perplexity of each epoch:", validation_perplexities)
print("final perplexity:", final_perplexity)
plt.plot(range(1, EPOCHS + 1), validation_perplexities, "o-")
plt.title("validation perplexity")
plt.show()

# %% [markdown] tags=["explain"] item="c2"
# n-grams with add-one smoothing.

# %% tags=["task"] item="c2" values=["ngram_perplexities"]
ngram_perplexities = {}
for n in (1, 2, 3):
    counts, contexts = {}, {}
    t = train_tokens.tolist()
    for i in range(n - 1, len(t)):
        key = tuple(t[i - n + 1 : i])
        counts[key, t[i]] = counts.get((key, t[i]), 0) + 1
        contexts[key] = contexts.get(key, 0) + 1
    v = validation_tokens.tolist()
    logs = []
    for i in range(n - 1, len(v)):
        key = tuple(v[i - n + 1 : i])
        logs.append(math.log((counts.get((key, v[i]), 0) + 1) / (contexts.get(key, 0) + V)))
    ngram_perplexities[n] = math.exp(-np.mean(logs))
print(ngram_perplexities)

# %% [markdown] tags=["given"] item="c3"
# ## C3 Decoding strategies (20 marks)
#
# - `prompt`: the first 64 characters of the validation split.
# - Write `generate(model, prompt, n_tokens, strategy, temperature, k, p)` for the strategies `"greedy"`, `"top_k"` and
#   `"nucleus"`. The prompt and what it generates are longer than the context: show the model the last 128 tokens only.
# - `generations`: for each strategy the text of 200 tokens generated at temperature 1.0, after the prompt, with
#   $k = 20$ and $p = 0.9$. Print all three.
# - **Comment** on fluency and diversity.

# %% [markdown] tags=["explain"] item="c3"
# Functions that choose the next character.

# %% tags=["task"] item="c3"
def keep_top_k(probs, k):
    smallest = torch.topk(probs, k).values[-1]
    return torch.where(probs >= smallest, probs, torch.zeros_like(probs))


def keep_top_p(probs, p):
    values, order = torch.sort(probs, descending=True)
    values[torch.cumsum(values, 0) - values >= p] = 0
    return torch.zeros_like(probs).scatter(0, order, values)

# %% [markdown] tags=["explain"] item="c3"
# Generation with the three strategies.

# %% tags=["task"] item="c3" functions=["generate"]
@torch.no_grad()
def generate(model, prompt, n_tokens, strategy, temperature=1.0, k=20, p=0.9):
    tokens = prompt
    for _ in range(n_tokens):
        logits = model(tokens[-128:].unsqueeze(0))[0, -1] / temperature
        probs = F.softmax(logits, dim=0)
        if strategy == "greedy":
            new = torch.argmax(probs).reshape(1)
        else:
            probs = keep_top_k(probs, k) if strategy == "top_k" else keep_top_p(probs, p)
            new = torch.multinomial(probs, 1)
        tokens = torch.cat((tokens, new))
    return tokens

# %% [markdown] tags=["explain"] item="c3"
# Three texts from the same prompt.

# %% tags=["task"] item="c3" values=["prompt", "generations"]
prompt = validation_text[:64]
prompt_tokens = validation_tokens[:64]
generations = {}
for strategy in ["greedy", "top_k", "nucleus"]:
    out = generate(model, prompt_tokens, 200, strategy)
    generations[strategy] = "".join(itos[i] for i in out.tolist())
    print(strategy.upper())
    print(generations[strategy])
    print()

# %% [markdown] tags=["given"] item="c3"
# **Question (C3).** How do the three texts differ in fluency and diversity? Comment briefly.

# %% [markdown] tags=["answer"] item="c3"
# **YOUR ANSWER:**
#
# Greedy repeats the same words again and again, the words themselves are right. Top-k is the most varied and has the most spelling errors. Nucleus is a compromise of both.
