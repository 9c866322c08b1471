# Source of the solution, the student template and the mutants of notebook 5.1 (format: autograder/template.py).
# The set-up imports what students need; formulas are long.
# ruff: noqa: F401, I001
# mypy: disable-error-code="import-untyped, arg-type"
# %% [markdown] tags=["given"]
# # Coding Assignment 5: Generative Deep Learning
# # 5.1 Language Models: RNNs to Transformers (60 points and 10 extra)
#
# You write a recurrent network and a Transformer that continue simple stories, count what they cost, and replace
# characters by subwords.
#
# **What to do**
#
# 1. Work from top to bottom. Replace every `...` and every `your code here` with your code. You may add cells,
#    functions, classes and imports wherever you like.
# 2. Answer the questions in the cells that are marked **YOUR ANSWER:**. Keep the marker, edit it or delete it. Where a
#    formula is asked for, write it behind the number of its question, on one line: `1. 4DH + 4H^2`,
#    `1. $4 D \cdot H + 4 H^2$` and `1. 4*H*(D + H)` are all read. What cannot be read is looked at by a person.
# 3. Take the numbers from the cell *Budget*. While you are writing, smaller numbers there give a trial run of seconds. Put
#    the numbers back before you hand in.
# 4. Before you hand in: *Restart kernel and run all cells*, and save as `FirstName_5.1_LanguageModels.ipynb`, with all
#    outputs.
#
# **How it is marked**
#
# - The notebook is run from top to bottom in a fresh kernel without a network, perhaps with a smaller budget. A cell that
#   fails does not end the run: the rest is still marked.
# - Your classes and functions are also called with other inputs: use the parameters, not the global variables.
# - Sizes and training settings are suggestions. No loss has to reach a given value.
# - A mistake costs marks once. Extra credit counts above the 60 points and is not needed for full marks.
#
# | item | points | classes and functions | values |
# | --- | --- | --- | --- |
# | R1 RNN | 10 | `ElmanCell`, `RnnLM`, `generate` | `rnn`, `rnn_losses`, `rnn_text` |
# | R2 questions on it | 10 | | |
# | R3 several layers | 5 extra | | `deep_rnn`, `deep_rnn_losses` |
# | T1 Transformer | 10 | `TransformerLM` | `transformer`, `transformer_losses`, `transformer_text` |
# | T2 questions on it | 15 | | |
# | S1 subwords | 9 | | `subwords`, `subword_data`, `subword_rnn`, `subword_losses`, `subword_text` |
# | S2 questions on them | 6 | | |
# | S3 Transformer with subwords | 5 extra | | `subword_transformer`, `subword_transformer_losses` |

# %% [markdown] tags=["given"]
# ## Set-up

# %% tags=["given"]
import io
import math
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import sentencepiece as spm
import torch
import torch.nn.functional as F
from torch import Tensor, nn

torch.manual_seed(1234)
rng = torch.Generator().manual_seed(1234)

# %% [markdown] tags=["given"]
# **Budget.** How much text, and how long each model trains.

# %% tags=["given", "parameters"]
N_CHARACTERS = 200_000
N_STEPS = 420  # updates of each model
WINDOW_LENGTH = 64  # tokens that a model is shown
BATCH_SIZE = 32
VOCAB_SIZE = 500  # subwords; the made stories allow 2,000

# %% [markdown] tags=["given"]
# The stories: the file `stories.txt` beside this notebook, one story a line (TinyStories, say); where there is none,
# stories that a small grammar makes.

# %% tags=["given"]
from reference.story_texts import ENDS, STORIES, SYLLABLES, WORDS, load_stories, made_stories

has_stories = Path("stories.txt").exists()
text = load_stories("stories.txt", N_CHARACTERS) if has_stories else made_stories(N_CHARACTERS, 0)
characters = sorted(set(text))
token_of = {character: token for token, character in enumerate(characters)}
data = torch.tensor([token_of[character] for character in text])  # (N,)
print(text[:300])
print(f"{len(text):,} characters, {len(characters)} of them different")


def decode(tokens: Tensor) -> str:
    """Return the text of tokens (n,)."""
    return "".join(characters[token] for token in tokens.tolist())

# %% [markdown] tags=["given"] item="r1"
# ## R1 A recurrent network (10 points)
#
# - `ElmanCell`: $h_t = \tanh(W x_t + U h_{t-1} + b)$.
# - `RnnLM`: an embedding (suggestion: 32 dimensions), the cell unrolled over the tokens (128 hidden units; a parameter for
#   the number of layers helps with R3), and a linear head; tokens (B, T) to logits (B, T, V).
# - Training: cross-entropy of the next token at every position; gradients flow back through all steps.
# - `generate`: draws token after token from softmax(logits / temperature).

# %% tags=["task"] item="r1" functions=["ElmanCell", "ElmanCell.forward", "RnnLM", "RnnLM.forward"]
from reference.recurrent import ElmanCell, ElmanRNN, RnnLM

# %% tags=["task"] item="r1" functions=["generate"]
from reference.recurrent import generate, next_token_loss, random_windows, train_step

# %% tags=["task"] item="r1" values=["rnn", "rnn_losses", "rnn_text"]
#: rnn: the trained RnnLM
#: rnn_losses: list of N_STEPS numbers: the loss of each update, in nats per token
#: rnn_text: 200 characters that go on from "Once upon a time"
#: Figure: rnn_losses. Print the text.
def train(model: nn.Module, tokens: Tensor, n_steps: int) -> list[float]:
    """Train a model on random windows of tokens and return the loss of each update."""
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return [
        train_step(model, optimizer, random_windows(tokens, BATCH_SIZE, WINDOW_LENGTH + 1, rng))
        for _ in range(n_steps)
    ]


def show(losses: list[float], title: str) -> None:
    """Draw the loss of each update."""
    _, ax = plt.subplots(figsize=(6, 3), layout="constrained")
    ax.plot(losses)
    ax.set(title=title, xlabel="update", ylabel="nats per token")
    plt.show()


prompt = torch.tensor([token_of[character] for character in "Once upon a time"])
rnn = RnnLM(len(characters))
rnn_losses = train(rnn, data, N_STEPS)
rnn_text = decode(generate(rnn, prompt, 200, 0.8, generator=rng))
show(rnn_losses, "Elman network")
print(f"last loss {np.mean(rnn_losses[-20:]):.3f}")
print(rnn_text)

# %% [markdown] tags=["given"] item="r2"
# ## R2 What it costs, and what it cannot do (10 points)
#
# $D$: inputs of the cell; $H$: hidden units; $T$: tokens; $L$: layers, each with $H$ units. Count a multiplication
# and its addition as two operations (or as one, and say so), and only the products of matrices; leave out embedding
# and head.
#
# 1. (2 points) How many operations does one step of one cell take?
# 2. (2 points) How many does a sequence of $T$ tokens take in one layer?
# 3. (1 point) How many steps must follow each other for $T$ tokens, as an order of growth?
# 4. (2 points) How many numbers do the hidden states hold that backpropagation through time keeps, for $L$ layers?
# 5. (3 points) What does backpropagation through time do to gradients over many steps, and why? Name a remedy.

# %% [markdown] tags=["answer"] item="r2"
# - Operations of one step: $2DH + 2H^2$
# - Operations of a sequence: $T (2DH + 2H^2)$
# - Steps that follow each other: $O(T)$
# - Numbers in the hidden states: $T H L$

# %% [markdown] tags=["answer"] item="r2"
# The gradient of a late loss with respect to an early state is a product of one Jacobian $\text{diag}(1 - h_t^2) U$ a
# step. Where its singular values lie below 1, the product vanishes exponentially and early tokens are not learnt
# from; above 1 it explodes. Clipping the norm helps against explosion; gates (LSTM, GRU), or attention, against
# vanishing.

# %% [markdown] tags=["given"] item="r3"
# ## R3 Several layers (5 points of extra credit)
#
# Stack two Elman layers (the states of one are the inputs of the next), train as before, and compare the losses.

# %% tags=["task"] item="r3" values=["deep_rnn", "deep_rnn_losses"]
#: deep_rnn: a trained RnnLM of two layers
#: deep_rnn_losses: list of N_STEPS numbers
#: Figure: both losses.
deep_rnn = RnnLM(len(characters), n_layer=2)
deep_rnn_losses = train(deep_rnn, data, N_STEPS)
fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
ax.plot(rnn_losses, label="one layer")
ax.plot(deep_rnn_losses, label="two layers")
ax.set(xlabel="update", ylabel="nats per token")
ax.legend()
plt.show()
print(f"one layer {np.mean(rnn_losses[-20:]):.3f}, two layers {np.mean(deep_rnn_losses[-20:]):.3f}")

# %% [markdown] tags=["given"] item="t1"
# ## T1 A Transformer (10 points)
#
# A decoder-only Transformer: token embedding plus positions, blocks of causal self-attention and a feed-forward
# network, each with a residual connection and a norm, and a linear head; tokens (B, T) to logits (B, T, V).
# Suggestion: 2 blocks, 64 dimensions, 4 heads, a feed-forward network of 256 units.
#
# Train it as the RNN, and let it write.

# %% tags=["task"] item="t1" functions=["TransformerLM", "TransformerLM.forward"]
from reference.transformer import (
    Block,
    CausalSelfAttention,
    TransformerConfig,
    TransformerLM,
    causal_attention,
    fused_attention,
    init_linear,
    sinusoidal_positions,
)

# %% tags=["task"] item="t1" values=["transformer", "transformer_losses", "transformer_text"]
#: transformer: the trained TransformerLM
#: transformer_losses: list of N_STEPS numbers: the loss of each update, in nats per token
#: transformer_text: 200 characters that go on from "Once upon a time"
#: Figure: transformer_losses. Print the text.
sizes = {"context_length": WINDOW_LENGTH, "n_layer": 2, "n_head": 4, "d_model": 64, "d_ff": 256}
transformer = TransformerLM(TransformerConfig(len(characters), **sizes))
transformer_losses = train(transformer, data, N_STEPS)
transformer_text = decode(generate(transformer, prompt, 200, 0.8, WINDOW_LENGTH, rng))
show(transformer_losses, "Transformer")
print(f"last loss {np.mean(transformer_losses[-20:]):.3f}")
print(transformer_text)

# %% [markdown] tags=["given"] item="t2"
# ## T2 What it costs (15 points)
#
# $D$: model dimensions; $T$: tokens; $L$: blocks; the feed-forward network has $4D$ units. Count as in R2, only
# products of matrices, and the whole $T \times T$ attention although half of it is masked.
#
# 1. (2 points) How many operations do the four projections of the attention take in one block?
# 2. (2 points) How many do the scores $Q K^\top$ and the weighted sum of the values take together in one block?
# 3. (2 points) How many does the feed-forward network take in one block?
# 4. (2 points) How many do $L$ blocks take altogether?
# 5. (2 points) How many steps must follow each other in training, as an order of growth in $T$ and $L$?
# 6. (2 points) How many numbers do the attention weights of one head hold, as an order of growth?
# 7. (3 points) Compare both models: which is faster in training, which in generating token after token, and why? When is the
#    attention the larger part of the cost?

# %% [markdown] tags=["answer"] item="t2"
# - Operations of the projections: $8 T D^2$
# - Operations of scores and values: $4 T^2 D$
# - Operations of the feed-forward network: $16 T D^2$
# - Operations of all blocks: $L (24 T D^2 + 4 T^2 D)$
# - Steps that follow each other: $O(L)$
# - Numbers in the attention weights: $O(T^2)$

# %% [markdown] tags=["answer"] item="t2"
# In training the Transformer handles all positions at once, as matrix products that fill the hardware, while the RNN
# needs $T$ steps after each other. In generation both go token by token; the RNN's step costs the same at every
# length, and the Transformer's grows with the tokens before it (with a cache of keys and values, $O(TD)$ a token).
# The attention is the larger part where $4 T^2 D > 24 T D^2$, for $T > 6D$.

# %% [markdown] tags=["given"] item="s1"
# ## S1 Subwords (9 points)
#
# - Train a SentencePiece model on the text: byte-pair encoding, `VOCAB_SIZE` pieces. Show how it cuts a sentence, and that
#   decoding gives the sentence back.
# - `subword_data`: the text as pieces. Train `subword_rnn`, an `RnnLM` on them, and let it write.

# %% tags=["task"] item="s1" values=["subwords", "subword_data"]
#: subwords: the trained SentencePieceProcessor
#: subword_data: tokens (N,): the text as pieces
#: Print the pieces of a sentence, and the sentence that comes back.
from reference.subwords import characters_per_token, subword_tokens, train_subwords

subwords = train_subwords(text, VOCAB_SIZE)
subword_data = subword_tokens(subwords, text)
sentence = "Once upon a time there was a little mouse."
print(subwords.encode(sentence, out_type=str))
print(subwords.decode(subwords.encode(sentence)))
print(f"{subwords.vocab_size()} pieces; {characters_per_token(subwords, text):.2f} characters a token")

# %% tags=["task"] item="s1" values=["subword_rnn", "subword_losses", "subword_text"]
#: subword_rnn: an RnnLM trained on subword_data
#: subword_losses: list of N_STEPS numbers: the loss of each update, in nats per token
#: subword_text: 60 pieces that go on from "Once upon a time", as text
#: Figure: subword_losses. Print the text.
subword_prompt = torch.tensor(subwords.encode("Once upon a time"))
subword_rnn = RnnLM(subwords.vocab_size())
subword_losses = train(subword_rnn, subword_data, N_STEPS)
subword_text = subwords.decode(generate(subword_rnn, subword_prompt, 60, 0.8, generator=rng).tolist())
show(subword_losses, "Elman network on subwords")
print(f"last loss {np.mean(subword_losses[-20:]):.3f} nats per token")
print(subword_text)

# %% [markdown] tags=["given"] item="s2"
# ## S2 Characters or subwords (6 points)
#
# 1. (1 point) With $c$ characters a piece on average, by which factor does the length of a text in tokens change?
# 2. (1 point) By which factor do the operations of one attention layer's scores and values change?
# 3. (4 points) Why can the losses of both models not be compared as they are, and how could they? What does a larger
#    vocabulary gain, and what does it cost?

# %% [markdown] tags=["answer"] item="s2"
# - Factor of the length: $1/c$
# - Factor of scores and values: $1/c^2$

# %% [markdown] tags=["answer"] item="s2"
# A loss per token is spread over more or fewer characters, and its uniform baseline is $\log V$ with another $V$.
# Divided by the characters a token stands for (nats or bits per character), both compare. A larger vocabulary
# shortens sequences, so that a window holds more text and fewer steps follow each other; it costs larger embeddings
# and heads, and rare pieces are seen too seldom to be learnt.

# %% [markdown] tags=["given"] item="s3"
# ## S3 A Transformer with subwords (5 points of extra credit)
#
# Train `subword_transformer` on `subword_data`, let it write, and compare both models of subwords per character.

# %% tags=["task"] item="s3" values=["subword_transformer", "subword_transformer_losses"]
#: subword_transformer: a TransformerLM trained on subword_data
#: subword_transformer_losses: list of N_STEPS numbers
#: Print a text, and the losses per character.
subword_transformer = TransformerLM(TransformerConfig(subwords.vocab_size(), **sizes))
subword_transformer_losses = train(subword_transformer, subword_data, N_STEPS)
written = generate(subword_transformer, subword_prompt, 60, 0.8, WINDOW_LENGTH, rng)
print(subwords.decode(written.tolist()))
per_token = characters_per_token(subwords, text)
for name, losses in (("RNN", subword_losses), ("Transformer", subword_transformer_losses)):
    print(f"{name}: {np.mean(losses[-20:]) / per_token:.3f} nats per character")
