# Source of the solution, the student template and the mutants of part c (format: autograder/template.py).
# The set-up imports what students need; the sheet asks for NumPy's global seed; tables and formulas are long.
# ruff: noqa: F401, I001, NPY002
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

from reference.aml_a3.settings import SEED

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
from reference.data import split_text

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
# The vocabulary: every character that occurs, in the order of code points, and the tables from characters to tokens and
# back. It is built on the whole text, so that no character of the validation split is unknown.

# %% tags=["task"] item="c1" functions=["build_vocab"] values=["stoi", "itos", "V", "train_tokens", "validation_tokens"]
#: stoi: dict: character to token
#: itos: dict: token to character
#: V: int: the number of tokens
#: train_tokens: (n,) int64: the tokens of the training split
#: validation_tokens: (n,) int64: the tokens of the validation split
def build_vocab(text: str) -> tuple[dict[str, int], dict[int, str]]:
    """Return stoi (character to token) and itos (token to character); tokens are 0, ..., V - 1."""
    characters = sorted(set(text))
    stoi = {character: token for token, character in enumerate(characters)}
    return stoi, dict(enumerate(characters))


stoi, itos = build_vocab(text)
V = len(stoi)
train_tokens = torch.tensor([stoi[character] for character in train_text])
validation_tokens = torch.tensor([stoi[character] for character in validation_text])
print(f"{V} tokens: {''.join(stoi)!r}")

# %% [markdown] tags=["explain"] item="c1"
# Windows of the context length, side by side, with the same windows one token further on as targets.

# %% tags=["task"] item="c1" functions=["make_xy"]
from reference.transformer import chunked_windows


def make_xy(tokens: Tensor, context_length: int) -> tuple[Tensor, Tensor]:
    """Return inputs and targets, windows (n, context_length) of tokens (n_tokens,)."""
    return chunked_windows(tokens, context_length)

# %% [markdown] tags=["explain"] item="c1"
# The sizes of the sheet, and the parts of the model: sinusoidal positions, causal attention with three heads, the block
# with a norm before each of its two parts, and Xavier's initialisation.

# %% tags=["task"] item="c1"
#: The parts of the Transformer.
from reference.transformer import (
    Block,
    CausalSelfAttention,
    TransformerConfig,
    causal_attention,
    fused_attention,
    init_linear,
    sinusoidal_positions,
)

# %% [markdown] tags=["explain"] item="c1"
# The whole model. A norm after the last block is part of the pre-norm layout: without it the head would see a sum that
# nothing normalises.

# %% tags=["task"] item="c1" functions=["TransformerLM", "TransformerLM.forward"]
from reference.transformer import TransformerLM

# %% [markdown] tags=["explain"] item="c1"
# The optimizer of the sheet, the loss, and one step with clipped gradients.

# %% tags=["task"] item="c1" functions=["make_optimizer", "train_step"]
from reference.transformer import make_optimizer, next_token_nll, train_step

# %% [markdown] tags=["explain"] item="c1"
# Batches of windows in a random order, the mean over batches that may differ in size, and the loss of a whole split by
# teacher forcing.

# %% tags=["task"] item="c1"
#: Helpers, if you want any.
from reference.batches import mean_over_examples, shuffled_batches
from reference.transformer import split_nll

# %% [markdown] tags=["explain"] item="c1"
# Training: every epoch goes once through all windows in a new order and then computes the validation loss.

# %% tags=["task"] item="c1" values=["model", "optimizer", "train_losses", "validation_losses"]
#: model: the trained TransformerLM
#: optimizer: its optimizer
#: train_losses: list of EPOCHS numbers: the mean training loss of each epoch, in nats per token
#: validation_losses: list of EPOCHS numbers: the validation loss at the end of each epoch
model = TransformerLM(V)
optimizer = make_optimizer(model)
inputs, targets = make_xy(train_tokens, CONTEXT_LENGTH)
train_losses, validation_losses = [], []
for epoch in range(1, EPOCHS + 1):
    losses, sizes = [], []
    for batch in islice(shuffled_batches(len(inputs), BATCH_SIZE, rng), MAX_BATCHES):
        losses.append(train_step(model, optimizer, inputs[batch], targets[batch]))
        sizes.append(len(batch))
    train_losses.append(float(mean_over_examples(losses, sizes)))
    validation_losses.append(split_nll(model, validation_tokens, CONTEXT_LENGTH))
    print(f"epoch {epoch}: loss {train_losses[-1]:.4f}, on validation {validation_losses[-1]:.4f}")

# %% [markdown] tags=["explain"] item="c1"
# Both losses per epoch. The training loss is a mean over the epoch, while the model still improves, so it can lie above
# the validation loss.

# %% tags=["task"] item="c1"
#: Figure: training and validation loss per epoch.
epochs = np.arange(1, EPOCHS + 1)
fig, ax = plt.subplots(figsize=(7, 4))
ax.plot(epochs, train_losses, marker="o", label="training")
ax.plot(epochs, validation_losses, marker="o", label="validation")
ax.set(title="Transformer: loss", xlabel="epoch", ylabel="nats per token")
ax.legend()
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
# Teacher forcing: each window of true tokens is put in at once, and the model is asked for the probability of every next
# true token. The perplexity is exp of the mean over all tokens: the number of equally likely characters that would be
# as hard to guess.

# %% tags=["task"] item="c2" functions=["perplexity"] values=["validation_perplexities", "final_perplexity"]
#: validation_perplexities: list of EPOCHS numbers
#: final_perplexity: float: of the final model on the validation split
#: Figure: the validation perplexity per epoch.
def perplexity(model: nn.Module, tokens: Tensor) -> float:
    """Return the perplexity of tokens (n,) under a model: 1 or more (lower is better), V for uniform guessing."""
    return math.exp(split_nll(model, tokens, CONTEXT_LENGTH))


validation_perplexities = [math.exp(nll) for nll in validation_losses]
for epoch, ppl in enumerate(validation_perplexities, start=1):
    print(f"epoch {epoch}: validation perplexity {ppl:.3f}")
final_perplexity = perplexity(model, validation_tokens)
print(f"final validation perplexity: {final_perplexity:.3f}")

fig, ax = plt.subplots(figsize=(7, 4))
ax.plot(epochs, validation_perplexities, marker="o")
ax.set(title="Transformer: validation perplexity", xlabel="epoch", ylabel="perplexity")
plt.show()

# %% [markdown] tags=["explain"] item="c2"
# The baseline: models that count runs of one, two and three characters, with one added to every count.

# %% tags=["task"] item="c2" values=["ngram_perplexities"]
#: ngram_perplexities: {1: float, 2: float, 3: float}: n to the validation perplexity of the n-gram model
from reference.ngrams import (
    Array,
    Codes,
    NGramModel,
    count_of,
    fit_ngram,
    ngram_codes,
    ngram_perplexity,
    ngram_probs,
)

ngram_perplexities = {}
for n in (1, 2, 3):
    ngram_model = fit_ngram(train_tokens.numpy(), n, V, 1.0)
    ngram_perplexities[n] = ngram_perplexity(ngram_probs(ngram_model, validation_tokens.numpy()))
    print(f"{n}-grams: validation perplexity {ngram_perplexities[n]:.3f}")

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
# Each strategy turns the law of the next token into another law: greedy keeps the most probable token, top-k the k most
# probable ones, and nucleus the smallest set whose mass reaches p; the rest is normalised again.

# %% tags=["task"] item="c3"
#: The strategies.
from reference.decoding import _keep, greedy, nucleus, temperature, top_k

# %% [markdown] tags=["explain"] item="c3"
# Generation, one token after the other: the model sees the last 128 tokens, its logits are divided by the temperature,
# the strategy rules tokens out, and one is drawn from what is left.

# %% tags=["task"] item="c3" functions=["generate"]
at_temperature = temperature


@torch.no_grad()
def generate(
    model: nn.Module,
    prompt: Tensor,
    n_tokens: int,
    strategy: str,
    temperature: float = 1.0,
    k: int = 20,
    p: float = 0.9,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return the prompt followed by n_tokens new tokens, shape (n_prompt + n_tokens,).

    Parameters
    ----------
    model
        Tokens (1, T) to logits (1, T, V), for T of at most 128.
    prompt
        Tokens (n_prompt,).
    strategy
        "greedy", "top_k" (the k most probable tokens) or "nucleus" (the smallest set of mass p).
    temperature
        The logits are divided by it.
    generator
        Source of the draws; torch's global one by default.
    """
    model.eval()
    tokens = prompt
    for _ in range(n_tokens):
        context = tokens[-128:]
        logits = model(context[None])[0, -1]  # (V,)
        law = at_temperature(torch.log_softmax(logits, dim=-1), temperature)  # (V,)
        if strategy == "greedy":
            law = greedy(law)
        elif strategy == "top_k":
            law = top_k(law, k)
        elif strategy == "nucleus":
            law = nucleus(law, p)
        else:
            raise ValueError(f"expected greedy, top_k or nucleus, got {strategy!r}")
        token = torch.multinomial(law.exp(), 1, generator=generator)  # (1,)
        tokens = torch.cat([tokens, token])
    return tokens

# %% [markdown] tags=["explain"] item="c3"
# 200 tokens from the same prompt with each strategy, at temperature 1.0.

# %% tags=["task"] item="c3" values=["prompt", "generations"]
#: prompt: str: the first 64 characters of the validation split
#: generations: {"greedy": str, "top_k": str, "nucleus": str}: the prompt and 200 characters after it
prompt = validation_text[:64]
prompt_tokens = torch.tensor([stoi[character] for character in prompt])
generations = {}
for strategy in ("greedy", "top_k", "nucleus"):
    tokens = generate(model, prompt_tokens, 200, strategy, temperature=1.0, k=20, p=0.9, generator=rng)
    generations[strategy] = "".join(itos[token] for token in tokens.tolist())
    print(f"--- {strategy}\n{generations[strategy]}\n")

# %% [markdown] tags=["given"] item="c3"
# **Question (C3).** How do the three texts differ in fluency and diversity? Comment briefly.

# %% [markdown] tags=["answer"] item="c3"
# Greedy decoding is the most fluent from one character to the next and the least diverse: it falls into a loop and
# repeats the same few words, because the most probable continuation of a loop is the loop. Top-k with $k = 20$ is the
# most diverse; of some 65 characters it keeps nearly all that are plausible and some that are not, so words are often
# misspelt. Nucleus with $p = 0.9$ lies between them: where the model is sure it keeps one or two characters, where it is
# not it keeps many, so that its words look more like English, with names and line breaks in their places. After so short
# a training none of them makes sense for longer than a few words.
