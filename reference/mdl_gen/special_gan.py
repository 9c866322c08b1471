"""Notebooks of the lab of lecture 3 that are neither correct nor one mistake away from it, and what they should earn."""

from __future__ import annotations

from reference.aml_a3.mutants import swap
from reference.aml_a3.special import Special, before_item

PROSE = """\
# %% [markdown]
# # GAN and WGAN
# I did not finish the code, so this is what I would do.

# %% [markdown]
# ## G4 Training
# The generator covers 8 of 8 modes; the loss of the discriminator is 1.38.

# %% [markdown]
# ## G5 Wasserstein GAN
# The weights of the critic are clipped to 0.1 after each of five steps.
"""

CONSTANTS = """\
# %%
import torch

# %% [markdown]
# ## G4 Training
# Both losses and the number of modes.

# %%
losses_d = [1.39, 1.2, 1.1, 1.3, 1.38]
losses_g = [0.7, 0.9, 1.1, 0.8, 0.7]
modes_gan = [2, 6, 8, 8]
n_covered = 8
print("the GAN covers", n_covered, "of 8 modes")
"""


def crash(solution: str) -> str:
    """Return the solution with a misspelt name where the WGAN is trained: a NameError, and the rest is right."""
    return swap(solution, "for _ in range(WGAN_STEPS):", "for _ in range(WGAN_STPES):")


SPECIALS: dict[str, Special] = {
    special.id: special
    for special in (
        Special("prose_only", "gan", "a description without code", "nothing", lambda solution: PROSE),
        Special(
            "printed_constants",
            "gan",
            "numbers, printed, and nothing else",
            "scalars",
            lambda solution: CONSTANTS,
        ),
        Special("crash", "gan", "a crash in the middle", "all_elsewhere", crash, ("g5",)),
        Special(
            "unfinished",
            "gan",
            "a notebook that ends after G4",
            "all_elsewhere",
            lambda solution: before_item(solution, "g5"),
            ("g5", "g6"),
        ),
    )
}
