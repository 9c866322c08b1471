"""Notebooks of 5.2 that are neither correct nor one mistake away from it, and what they should earn."""

from __future__ import annotations

from reference.aml_a3.mutants import swap
from reference.aml_a3.special import Special, before_item

CONSTANTS = """\
# %% [markdown]
# # 5.2 Variational Autoencoders
# ## Training

# %%
import torch

torch.manual_seed(0)
total_losses = [190.3, 168.2, 163.1, 160.4, 158.6]
kl_losses = [4.6, 5.2, 5.6, 5.8, 6.0]
for i, loss in enumerate(total_losses):
    print("epoch", i + 1, "total", loss, "KL", kl_losses[i])
"""
"""Plausible numbers under the right names, and nothing that could have made them."""

PROSE = """\
# %% [markdown]
# # 5.2 Variational Autoencoders
# I did not finish the code, so this is how I would do it.

# %% [markdown]
# ## V2 Loss
# The cross-entropy plus the KL divergence, which is $-0.5 (1 + log var - mu^2 - var)$.

# %% [markdown]
# ## V4 Latent space
# The digits form clusters, and the samples are blurred.
"""


def printed_constants(solution: str) -> str:
    """Return a notebook that computes nothing."""
    return CONSTANTS


def prose_only(solution: str) -> str:
    """Return a notebook of Markdown cells."""
    return PROSE


def crash(solution: str) -> str:
    """Return the solution with a misspelt name where codes are drawn: a NameError, and the rest is right."""
    return swap(solution, "points = ax.scatter(", "points = ax.scater(")


def unfinished(solution: str) -> str:
    """Return the cells of the solution before V4."""
    return before_item(solution, "v4")


SPECIALS: dict[str, Special] = {
    special.id: special
    for special in (
        Special(
            "printed_constants", "p52", "plausible numbers, and nothing else", "scalars", printed_constants
        ),
        Special("prose_only", "p52", "a description without code", "nothing", prose_only),
        Special("crash", "p52", "a crash where codes are drawn", "all_elsewhere", crash, ("v4",)),
        Special("unfinished", "p52", "a notebook that ends after V3", "all_elsewhere", unfinished, ("v4",)),
    )
}
