"""Notebooks of lecture 5 that are neither correct nor one mistake away from it, and what they should earn."""

from __future__ import annotations

from reference.aml_a3.mutants import swap
from reference.aml_a3.special import Special, before_item

CONSTANTS = """\
# %% [markdown]
# # Lecture 5

# %%
import torch

# %% [markdown]
# ## X5 Training

# %%
V = 65
lstm_losses = [4.2, 3.1, 2.5, 2.1]
transformer_losses = [4.3, 3.0, 2.6, 2.2]
lstm_perplexity = 6.9
transformer_perplexity = 8.1
print("LSTM validation perplexity", lstm_perplexity, "Transformer", transformer_perplexity)

# %% [markdown]
# ## X6 Decoders

# %%
texts = {("LSTM", "greedy"): "the the the", ("LSTM", "beam"): "the the", ("LSTM", "sampling"): "thou hast"}
print(texts)
"""
"""Plausible numbers and texts under the right names, and nothing that could have made them."""

PROSE = """\
# %% [markdown]
# # Lecture 5
# I did not finish the code, so this is how I would do it.

# %% [markdown]
# ## X1 Characters
# sorted(set(text)), and a table in each direction.

# %% [markdown]
# ## X4 Transformer
# Two blocks with a causal mask, and positions.

# %% [markdown]
# ## X6 Decoders
# Greedy takes the argmax, beam search keeps several paths, sampling draws.
"""


def printed_constants(solution: str) -> str:
    """Return a notebook that computes nothing."""
    return CONSTANTS


def prose_only(solution: str) -> str:
    """Return a notebook of Markdown cells."""
    return PROSE


def crash(solution: str) -> str:
    """Return the solution with a misspelt name where the losses are drawn: a NameError, the rest is right."""
    return swap(solution, "fig, ax = plt.subplots(figsize=(7, 4))", "fig, ax = plot.subplots(figsize=(7, 4))")


def unfinished(solution: str) -> str:
    """Return the cells of the solution before X6."""
    return before_item(solution, "x6")


SPECIALS: dict[str, Special] = {
    special.id: special
    for special in (
        Special(
            "printed_constants",
            "text",
            "plausible numbers and texts, printed, and nothing else",
            "nothing",
            printed_constants,
        ),
        Special("prose_only", "text", "a description without code", "nothing", prose_only),
        Special("crash", "text", "a crash in the middle", "all_elsewhere", crash, ("x5",)),
        Special("unfinished", "text", "a notebook that ends after X5", "all_elsewhere", unfinished, ("x6",)),
    )
}
