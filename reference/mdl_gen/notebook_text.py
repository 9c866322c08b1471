# Source of the solution, the student template and the mutants of the lab of lecture 5 (format: autograder/template.py).
# The set-up imports what students need; tables and formulas are long.
# ruff: noqa: E501, F401
# mypy: untyped-calls-exclude="torch"
# %% [markdown] tags=["given"]
# # Generative Models, lab of lecture 5
# # Text, one character after another (20 points)
#
# You turn the characters of Shakespeare into numbers, train two language models on them (an LSTM and a Transformer), and
# let them write with three decoders.
#
# **What to do**
#
# 1. Work from top to bottom. Replace every `...` and every `your code here` with your code. Cells, functions and classes
#    of your own are welcome wherever you like; layers, sizes and optimizers are yours.
# 2. Write the two answers after **YOUR ANSWER:**.
# 3. Take the numbers from the cell *Budget*. With 20 for `STEPS` a trial run takes seconds.
# 4. Before you hand in: *Restart kernel and run all cells*.
#
# **What is looked at**
#
# - Your notebook is run from top to bottom. Functions and models are called with other inputs too, so use their
#   parameters and not the global variables.
# - A mistake costs points once: where a later task needs an earlier one, ours takes its place.
# - Keep the names of the table. If you rename, nothing breaks, but your values have to be searched for.
#
# | task | classes and functions | values |
# | --- | --- | --- |
# | X1 Characters (4) | `build_vocab`, `encode`, `decode` | `stoi`, `itos`, `V`, `train_tokens`, `validation_tokens` |
# | X2 Windows (2) | `make_windows` | |
# | X3 LSTM (3) | `LstmLM` | |
# | X4 Transformer (3.5) | `TransformerLM` | |
# | X5 Training (3.5) | `perplexity` | `lstm`, `transformer`, `lstm_losses`, `transformer_losses`, `lstm_perplexity`, `transformer_perplexity` |
# | X6 Decoders (4) | `greedy_decode`, `beam_search`, `sample` | `texts` |

# %% [markdown] tags=["given"]
# ## Set-up

# %% tags=["given"]
import math
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reference.mdl_gen.settings_text import SEED

torch.manual_seed(SEED)
rng = torch.Generator().manual_seed(SEED)

# %% [markdown] tags=["given"]
# **Budget.** How long each model is trained, and on how much.

# %% tags=["given", "parameters"]
STEPS = 500  # updates of each model
N_CHARACTERS = 1_115_394  # of the text that is read: all
BATCH_SIZE = 32
CONTEXT_LENGTH = 64

# %% [markdown] tags=["given"]
# Tiny Shakespeare: the first 90 % for training, the next 5 % for validation.

# %% tags=["given"]
from reference.data import split_text

URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
if not Path("input.txt").exists():
    urllib.request.urlretrieve(URL, "input.txt")
text = Path("input.txt").read_text(encoding="utf-8")[:N_CHARACTERS]
train_text, validation_text, test_text = split_text(text)
print(f"{len(train_text)} characters for training, {len(validation_text)} for validation")
print(train_text[:100])

# %% [markdown] tags=["given"]
# **The baseline.** A model that only counts which character follows which has this perplexity on the validation text:
# both of your models have to be below it in the end.

# %% tags=["given"]
from reference.mdl_gen.counting import bigram_perplexity

counted_perplexity = bigram_perplexity(train_text, validation_text)
print(f"perplexity of counting pairs: {counted_perplexity:.2f}")

# %% [markdown] tags=["given"] item="x1"
# ## X1 Characters (4 points)
#
# - `build_vocab(text)`: the tables `stoi` (character to token) and `itos` (token to character). Every character of the text
#   has a token, the newline and the blank too.
# - `encode(text)`: the tokens of a text, one for each character. `decode(tokens)`: the text of tokens, so that
#   `decode(encode(text)) == text`.
# - **Unknown characters.** `encode` will be given a text with a character that is not in the vocabulary, such as `€`. Decide
#   what it does and write it down in the code: either it gives such characters a token of their own (`<unk>`, for example),
#   or it raises a `ValueError` that names the character. Leaving the character out, giving it the token of another one, or
#   stopping with the bare `KeyError` of a table are no answers.

# %% tags=["task"] item="x1" functions=["build_vocab", "encode", "decode"] values=["stoi", "itos", "V", "train_tokens", "validation_tokens"]
#: stoi: dict: character to token
#: itos: dict: token to character
#: V: int: the number of tokens
#: train_tokens: (n,) int64: the tokens of the training text
#: validation_tokens: (n,) int64: the tokens of the validation text
def build_vocab(text: str) -> tuple[dict[str, int], dict[int, str]]:
    """Return stoi (character to token) and itos (token to character)."""
    characters = sorted(set(text))
    stoi = {character: token for token, character in enumerate(characters)}
    return stoi, dict(enumerate(characters))


stoi, itos = build_vocab(text)
V = len(stoi)


def encode(text: str) -> list[int]:
    """Return the tokens of a text, one for each character."""
    unknown = sorted(set(text) - set(stoi))
    if unknown:
        raise ValueError(f"these characters are not in the vocabulary: {unknown}")
    return [stoi[character] for character in text]


def decode(tokens: list[int]) -> str:
    """Return the text of tokens."""
    return "".join(itos[int(token)] for token in tokens)


train_tokens = torch.tensor(encode(train_text))
validation_tokens = torch.tensor(encode(validation_text))
print(f"{V} tokens; {decode(encode('Speak, speak.'))!r}")

# %% [markdown] tags=["given"] item="x1"
# **Question (X1).** Tokens could also be words, or pieces of words. What is gained and what is lost with characters? Name
# one advantage and one drawback of each, in three or four sentences.

# %% [markdown] tags=["answer"] item="x1"
# Characters need a vocabulary of only 65 tokens, and nearly no text has unknown ones; but sequences become long, and the
# model spends its capacity on spelling. Words make short sequences of meaningful tokens, but the vocabulary is huge, rare
# words are hardly learnt, and new words are unknown. Pieces of words (BPE) lie between: frequent words are one token, and any
# word can be put together; the pieces depend on the text that they were learnt from.

# %% [markdown] tags=["given"] item="x2"
# ## X2 Windows (2 points)
#
# `make_windows(tokens, context_length)` cuts a long row of tokens into `inputs` and `targets`, both of shape
# (n, context_length). The model predicts the next token at every place, so the targets are the inputs one token further on.
# Windows may lie side by side, overlap, or be drawn at random.

# %% tags=["task"] item="x2" functions=["make_windows"]
def make_windows(tokens: Tensor, context_length: int) -> tuple[Tensor, Tensor]:
    """Return inputs and targets, (n, context_length) each, of tokens (n_tokens,)."""
    n = (len(tokens) - 1) // context_length
    inputs = tokens[: n * context_length].view(n, context_length)
    targets = tokens[1 : n * context_length + 1].view(n, context_length)
    return inputs, targets

# %% [markdown] tags=["given"] item="x3"
# ## X3 LSTM (3 points)
#
# `LstmLM(V)` maps tokens (B, T) to logits (B, T, V): an embedding, one or more LSTM layers (`nn.LSTM`, `nn.LSTMCell` or your
# own), and a linear head. Logits are numbers of any size: the cross-entropy has a softmax of its own.

# %% tags=["task"] item="x3" functions=["LstmLM", "LstmLM.forward"]
from reference.lstm import LstmLM

# %% [markdown] tags=["given"] item="x4"
# ## X4 Transformer (3.5 points)
#
# `TransformerLM(V)` maps tokens (B, T) to logits (B, T, V), for T of at most `CONTEXT_LENGTH`: an embedding, positions (learned
# or sinusoidal), blocks of attention with a **causal mask** and a feed-forward network, and a linear head. Torch's own layers
# (`nn.TransformerEncoderLayer`, `nn.MultiheadAttention`, `F.scaled_dot_product_attention`) are welcome.

# %% tags=["task"] item="x4" functions=["TransformerLM", "TransformerLM.forward"]
class Block(nn.Module):
    """Attention to the past and present, then a feed-forward network, each added to the residual stream."""

    def __init__(self, d_model: int, n_head: int) -> None:
        super().__init__()
        self.n_head = n_head
        self.attention_norm = nn.LayerNorm(d_model)
        self.qkv = nn.Linear(d_model, 3 * d_model)
        self.output = nn.Linear(d_model, d_model)
        self.feed_forward_norm = nn.LayerNorm(d_model)
        self.feed_forward = nn.Sequential(
            nn.Linear(d_model, 4 * d_model), nn.GELU(), nn.Linear(4 * d_model, d_model)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the residual stream (B, T, C) after this block."""
        b, t, c = x.shape
        projected = self.qkv(self.attention_norm(x)).split(c, dim=-1)
        q, k, v = (one.view(b, t, self.n_head, -1).transpose(1, 2) for one in projected)  # (B, H, T, D)
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.output(attended.transpose(1, 2).reshape(b, t, c))
        update: Tensor = self.feed_forward(self.feed_forward_norm(x))
        return x + update


class TransformerLM(nn.Module):
    """Tokens (B, T) to the logits (B, T, V) of the next token at every position."""

    def __init__(self, vocab_size: int, d_model: int = 96, n_head: int = 4, n_layer: int = 2) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.positions = nn.Embedding(CONTEXT_LENGTH, d_model)
        self.blocks = nn.Sequential(*[Block(d_model, n_head) for _ in range(n_layer)])
        self.norm = nn.LayerNorm(d_model)
        self.head = nn.Linear(d_model, vocab_size)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the logits (B, T, V) of tokens (B, T)."""
        places = torch.arange(tokens.shape[1])
        x = self.embedding(tokens) + self.positions(places)  # (B, T, C)
        logits: Tensor = self.head(self.norm(self.blocks(x)))
        return logits

# %% [markdown] tags=["given"] item="x5"
# ## X5 Training (3.5 points)
#
# - Train `lstm` and `transformer` with the cross-entropy of the next token, `STEPS` updates each on batches of `BATCH_SIZE`
#   windows of the training text. Keep the losses of the updates in `lstm_losses` and `transformer_losses`.
# - `perplexity(model, tokens)`: exp of the mean loss of a token. `lstm_perplexity` and `transformer_perplexity`: on the whole
#   validation text, after the training. Print both; in the full run they are below `counted_perplexity`.
#
# **Figure:** both losses.

# %% tags=["task"] item="x5" functions=["perplexity"] values=["lstm", "transformer", "lstm_losses", "transformer_losses", "lstm_perplexity", "transformer_perplexity"]
#: lstm: the trained LstmLM
#: transformer: the trained TransformerLM
#: lstm_losses: list of numbers: its losses in training, in nats per token
#: transformer_losses: list of numbers
#: lstm_perplexity: float: on the validation text
#: transformer_perplexity: float: on the validation text
#: Figure: both losses.
def train(model: nn.Module, learning_rate: float) -> list[float]:
    """Train a model and return the loss of every update."""
    inputs, targets = make_windows(train_tokens, CONTEXT_LENGTH)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    model.train()
    losses = []
    for _ in range(STEPS):
        batch = torch.randint(len(inputs), (BATCH_SIZE,), generator=rng)
        logits = model(inputs[batch])
        loss = F.cross_entropy(logits.flatten(0, 1), targets[batch].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@torch.no_grad()
def perplexity(model: nn.Module, tokens: Tensor) -> float:
    """Return exp of the mean loss of a token of tokens (n,): 1 or more (lower is better)."""
    model.eval()
    total, n = 0.0, 0
    for start in range(0, len(tokens) - 1, CONTEXT_LENGTH):
        window = tokens[start : start + CONTEXT_LENGTH + 1]
        total += F.cross_entropy(model(window[None, :-1])[0], window[1:], reduction="sum").item()
        n += len(window) - 1
    return math.exp(total / n)


lstm, transformer = LstmLM(V), TransformerLM(V)
lstm_losses = train(lstm, 5e-3)
lstm_perplexity = perplexity(lstm, validation_tokens)
print(f"LSTM: loss {lstm_losses[-1]:.3f}, validation perplexity {lstm_perplexity:.3f}")
transformer_losses = train(transformer, 2e-3)
transformer_perplexity = perplexity(transformer, validation_tokens)
print(f"Transformer: loss {transformer_losses[-1]:.3f}, validation perplexity {transformer_perplexity:.3f}")

fig, ax = plt.subplots(figsize=(7, 4))
ax.plot(lstm_losses, label="LSTM")
ax.plot(transformer_losses, label="Transformer")
ax.set(xlabel="update", ylabel="nats per token", title="Loss in training")
ax.legend()
plt.show()

# %% [markdown] tags=["given"] item="x6"
# ## X6 Decoders (4 points)
#
# Each takes a model, a prompt (tokens) and how many tokens to write, and returns the prompt with the new tokens. Show the model
# the last `CONTEXT_LENGTH` tokens at most.
#
# - `greedy_decode(model, prompt, n_tokens)`: the most probable token each time.
# - `beam_search(model, prompt, n_tokens, beam_width)`: of all continuations of the paths that are kept, keep the `beam_width`
#   with the largest probability of the whole path; return the best in the end.
# - `sample(model, prompt, n_tokens, temperature, top_k)`: draw from softmax(logits / temperature), from the `top_k` most
#   probable tokens alone where `top_k` is not None.
#
# `texts`: a text of 150 characters by each of the three, of both models, from the same prompt. Print them.

# %% tags=["task"] item="x6" functions=["greedy_decode", "beam_search", "sample"] values=["texts"]
#: texts: dict: (model, decoder) to text
@torch.no_grad()
def greedy_decode(model: nn.Module, prompt: Tensor, n_tokens: int) -> Tensor:
    """Return the prompt (n,) followed by n_tokens tokens, the most probable one each time."""
    tokens = prompt
    for _ in range(n_tokens):
        logits = model(tokens[None, -CONTEXT_LENGTH:])[0, -1]  # (V,)
        tokens = torch.cat([tokens, logits.argmax()[None]])
    return tokens


from reference.beam_search import beam_search


@torch.no_grad()
def sample(
    model: nn.Module, prompt: Tensor, n_tokens: int, temperature: float = 1.0, top_k: int | None = None
) -> Tensor:
    """Return the prompt (n,) followed by n_tokens tokens that are drawn."""
    tokens = prompt
    for _ in range(n_tokens):
        logits = model(tokens[None, -CONTEXT_LENGTH:])[0, -1] / temperature  # (V,)
        if top_k is not None:
            smallest = logits.topk(top_k).values[-1]
            logits = logits.masked_fill(logits < smallest, -math.inf)
        drawn = torch.multinomial(torch.softmax(logits, dim=-1), 1, generator=rng)
        tokens = torch.cat([tokens, drawn])
    return tokens


prompt = validation_tokens[:32]
texts = {}
for name, model in (("LSTM", lstm), ("Transformer", transformer)):
    model.eval()
    texts[name, "greedy"] = decode(greedy_decode(model, prompt, 150).tolist())
    texts[name, "beam"] = decode(beam_search(model, prompt, 150, 4).tolist())
    texts[name, "sampling"] = decode(sample(model, prompt, 150, temperature=0.7, top_k=10).tolist())
for (name, decoder), written in texts.items():
    print(f"--- {name}, {decoder}\n{written}\n")

# %% [markdown] tags=["given"] item="x6"
# **Question (X6).** How do the texts of the three decoders differ, and why is the likeliest text not the best one? What do
# temperature and k change? Three or four sentences.

# %% [markdown] tags=["answer"] item="x6"
# Greedy decoding and beam search write the most probable words and fall into loops: "the the the". The beam's text has a
# higher probability than the greedy one and is no better, because real text is not always the most probable continuation.
# Sampling is more diverse and misspells words. A temperature below 1 sharpens the law, so that texts become safer and more
# repetitive; a small k cuts the tail of improbable characters, where most of the misspellings come from.
