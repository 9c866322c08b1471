"""Notebooks of lab 2 that are neither correct nor one mistake away from it, and what they should earn."""

from __future__ import annotations

from reference.aml_a3.mutants import swap
from reference.aml_a3.special import Special, before_item

CONSTANTS = """\
# %% [markdown]
# # Lab 2
# ## What beta does

# %%
import torch

torch.manual_seed(0)
kls = [18.3, 8.1, 1.9]
reconstructions = [101.5, 127.0, 182.4]
for beta, kl, nll in zip((1, 4, 16), kls, reconstructions):
    print("beta", beta, "KL", kl, "reconstruction", nll)
"""
"""Plausible numbers under the right names, and nothing that could have made them."""

PROSE = """\
# %% [markdown]
# # Lab 2
# I did not finish the code, so this is how I would do it.

# %% [markdown]
# ## W4 Loss
# The cross-entropy plus beta times the KL divergence.
"""


def crash(solution: str) -> str:
    """Return the solution with a misspelt name where digits are generated: a NameError, and the rest is right."""
    return swap(solution, "digits = cvae.decode(", "digits = cvea.decode(")


SPECIALS: dict[str, Special] = {
    special.id: special
    for special in (
        Special(
            "printed_constants",
            "vae2",
            "plausible numbers, and nothing else",
            "scalars",
            lambda solution: CONSTANTS,
        ),
        Special("prose_only", "vae2", "a description without code", "nothing", lambda solution: PROSE),
        Special("crash", "vae2", "a crash where digits are generated", "all_elsewhere", crash, ("w6",)),
        Special(
            "unfinished",
            "vae2",
            "a notebook that ends after W5",
            "all_elsewhere",
            lambda solution: before_item(solution, "w6"),
            ("w6",),
        ),
    )
}
