"""Notebooks of gm-a0 that are neither correct nor one mistake away from it, and what they should earn."""

from __future__ import annotations

from reference.aml_a3.mutants import swap
from reference.aml_a3.special import Special, before_item

CONSTANTS = """\
# %% [markdown]
# # Part 1
# The loss of my autoencoder.

# %%
import torch

torch.manual_seed(0)
losses = [52.8, 33.2, 22.4, 18.1, 15.9]
for i, loss in enumerate(losses):
    print("epoch", i + 1, "loss", loss)

# %% [markdown]
# ## Reconstructions
# They look reasonable.

# %%
print("squared error of a test image: 15.21; of the mean image 52.70")

# %% [markdown]
# # Part 2
# A Bernoulli distribution gives the binary cross-entropy.

# %%
nll_losses = [210.4, 141.8, 121.7, 112.3, 107.0]
print("negative log-likelihood", nll_losses)
"""
"""Plausible numbers under the right names, and nothing that could have made them."""

PROSE = """\
# %% [markdown]
# # Part 1
# I did not finish the code, so this is how I would do it.

# %% [markdown]
# ## 1.2 Reconstructions
# The reconstructions look like the test images but are blurred.

# %% [markdown]
# ## 1.4 Hypotheses
# The codes have holes, because nothing in the loss shapes their distribution.

# %% [markdown]
# # Part 2
# With a Gaussian distribution of fixed variance the negative log-likelihood is the squared error, because the logarithm
# of the density is a square and a constant.
"""


def printed_constants(solution: str) -> str:
    """Return a notebook that computes nothing."""
    return CONSTANTS


def prose_only(solution: str) -> str:
    """Return a notebook of Markdown cells."""
    return PROSE


def crash(solution: str) -> str:
    """Return the solution with a misspelt name where Part 2 is trained: a NameError, and the rest is right."""
    return swap(solution, "nll_losses = train_autoencoder(", "nll_losses = trian_autoencoder(")


def unfinished(solution: str) -> str:
    """Return the cells of the solution before Part 2."""
    return before_item(solution, "a5")


SPECIALS: dict[str, Special] = {
    special.id: special
    for special in (
        Special(
            "printed_constants",
            "a0",
            "plausible numbers, printed, and nothing else",
            "scalars",
            printed_constants,
        ),
        Special("prose_only", "a0", "a description without code", "nothing", prose_only),
        Special("crash", "a0", "a crash where Part 2 is trained", "all_elsewhere", crash, ("a6",)),
        Special("unfinished", "a0", "a notebook of Part 1 alone", "all_elsewhere", unfinished, ("a5", "a6")),
    )
}
