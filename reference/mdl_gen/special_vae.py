"""Notebooks of lab 1 that are neither correct nor one mistake away from it, and what they should earn."""

from __future__ import annotations

from reference.aml_a3.mutants import swap
from reference.aml_a3.special import Special, before_item

CONSTANTS = """\
# %% [markdown]
# # Lab 1
# ## Training

# %%
import torch

torch.manual_seed(0)
total_losses = [192.1, 170.3, 165.2, 162.0, 160.4]
reconstruction_losses = [187.6, 165.0, 159.5, 156.0, 154.2]
kl_losses = [4.5, 5.3, 5.7, 6.0, 6.2]
for i, loss in enumerate(total_losses):
    print("epoch", i + 1, "total", loss, "KL", kl_losses[i])
"""
"""Plausible numbers under the right names, and nothing that could have made them."""

PROSE = """\
# %% [markdown]
# # Lab 1: variational autoencoders
# I did not finish the code, so this is how I would do it.

# %% [markdown]
# ## V4 Loss
# The cross-entropy plus the KL divergence, which is $-0.5 (1 + log var - mu^2 - var)$.
"""


def crash(solution: str) -> str:
    """Return the solution with a misspelt name where codes are drawn: a NameError, and the rest is right."""
    return swap(solution, "codes, _ = vae.encoder(shown_images)", "codes, _ = vea.encoder(shown_images)")


SPECIALS: dict[str, Special] = {
    special.id: special
    for special in (
        Special(
            "printed_constants",
            "vae",
            "plausible numbers, and nothing else",
            "scalars",
            lambda solution: CONSTANTS,
        ),
        Special("prose_only", "vae", "a description without code", "nothing", lambda solution: PROSE),
        Special("crash", "vae", "a crash where codes are drawn", "all_elsewhere", crash, ("v7",)),
        Special(
            "unfinished",
            "vae",
            "a notebook that ends after V5",
            "all_elsewhere",
            lambda solution: before_item(solution, "v6"),
            ("v6", "v7"),
        ),
    )
}
