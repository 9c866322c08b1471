"""Notebooks of 5.1 that are neither correct nor one mistake away from it, and what they should earn."""

from __future__ import annotations

from reference.aml_a3.mutants import swap
from reference.aml_a3.special import Special, before_item

CONSTANTS = """\
# %% [markdown]
# # 5.1 Language Models
# ## R1 RNN

# %%
import torch

torch.manual_seed(0)
rnn_losses = [3.71, 2.94, 2.41, 1.83, 1.22]
for i, loss in enumerate(rnn_losses):
    print("update", i + 1, "loss", loss)

# %% [markdown]
# ## T1 Transformer
# It was trained as well.

# %%
transformer_losses = [3.80, 2.60, 2.20, 1.70, 1.10]
for i, loss in enumerate(transformer_losses):
    print("update", i + 1, "loss", loss)
"""
"""Plausible numbers under the right names, and nothing that could have made them."""

PROSE = """\
# %% [markdown]
# # 5.1 Language Models
# I did not finish the code, so this is how I would do it.

# %% [markdown]
# ## R1 A recurrent network
# The state is a tanh of the input and of the state before it.

# %% [markdown]
# ## T1 A Transformer
# Attention with a causal mask, residual connections and norms.
"""


def printed_constants(solution: str) -> str:
    """Return a notebook that computes nothing."""
    return CONSTANTS


def prose_only(solution: str) -> str:
    """Return a notebook of Markdown cells."""
    return PROSE


def crash(solution: str) -> str:
    """Return the solution with a misspelt name where the second RNN is made: a NameError, and the rest is right."""
    return swap(
        solution,
        "deep_rnn = RnnLM(len(characters), n_layer=2)",
        "deep_rnn = RnLM(len(characters), n_layer=2)",
    )


def unfinished(solution: str) -> str:
    """Return the cells of the solution before T1."""
    return before_item(solution, "t1")


SPECIALS: dict[str, Special] = {
    special.id: special
    for special in (
        Special(
            "printed_constants", "p51", "plausible numbers, and nothing else", "scalars", printed_constants
        ),
        Special("prose_only", "p51", "a description without code", "nothing", prose_only),
        Special("crash", "p51", "a crash where the second RNN is made", "all_elsewhere", crash, ("r3",)),
        Special(
            "unfinished",
            "p51",
            "a notebook that ends after R3",
            "all_elsewhere",
            unfinished,
            ("t1", "t2", "s1", "s2", "s3"),
        ),
    )
}
