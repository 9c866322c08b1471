"""Notebooks that are neither correct nor one mistake away from it, and what they should earn."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from reference.aml_a3.demo import crash_in_a3


@dataclass(frozen=True, slots=True)
class Special:
    """One notebook made of the solution (percent format)."""

    id: str
    part: str
    title: str
    expects: Literal["nothing", "scalars", "all_elsewhere"]
    """No automatic mark, what numbers alone can earn, or all marks outside `items`."""
    apply: Callable[[str], str]
    items: tuple[str, ...] = ()


SPECIALS: dict[str, Special] = {}

CONSTANTS = """\
# %% [markdown]
# # Part A
# The packages and the seeds.

# %%
import numpy as np
import torch

SEED = 1234
np.random.seed(SEED)
torch.manual_seed(SEED)

# %% [markdown]
# ## A1 Target distribution
# The density at the origin.

# %%
density_at_origin = 0.0742
print("p(0, 0) =", density_at_origin)

# %% [markdown]
# ## A2 Rejection sampling
# The acceptance rate and the number of proposals.

# %%
n_accepted = 10000
n_proposals = 122549
acceptance_rate = 10000 / 122549
print("accepted:", n_accepted, "proposals:", n_proposals, "acceptance rate:", acceptance_rate)

# %% [markdown]
# ## A3 Importance sampling
# The three estimates.

# %%
is_mean = 6.37
is_variance = 38.8
is_ess = 10290.0
print("mean:", is_mean, "variance:", is_variance, "ESS:", is_ess)

# %% [markdown]
# ## A4 Metropolis-Hastings
# The acceptance rates.

# %%
mh_results = {
    0.1: {"acceptance_rate": 0.945},
    0.5: {"acceptance_rate": 0.737},
    1.5: {"acceptance_rate": 0.411},
}
print("acceptance rates: 0.945, 0.737, 0.411; draws kept: 9000 each")

# %% [markdown]
# The larger the step, the fewer proposals are accepted and the better the chain mixes.

# %% [markdown]
# ## A5 Gibbs sampling
# The autocorrelation.

# %%
n_gibbs_draws = 9000
print("draws kept:", n_gibbs_draws, "ACF at lag 1: 0.81, at lag 10: 0.12")

# %% [markdown]
# The chain mixes well, although the coordinates are strongly correlated.
"""
"""The right numbers under the right names, seeds and explanations, and nothing that could have made them."""

PROSE = """\
# %% [markdown]
# # Part A
# I did not finish the code, so this is how I would do it.

# %% [markdown]
# ## A2 Rejection sampling
# Draw from the proposal and accept with probability p / (c q). The acceptance rate is 0.0816.

# %% [markdown]
# ## A3 Importance sampling
# The weights are p / q; the mean is 6.37, the variance 38.8 and the ESS 10290.
"""


def special(
    title: str, expects: Literal["nothing", "scalars", "all_elsewhere"], items: tuple[str, ...] = ()
) -> Callable[[Callable[[str], str]], Callable[[str], str]]:
    """Register the decorated function of the solution under its own name."""

    def register(apply: Callable[[str], str]) -> Callable[[str], str]:
        name = apply.__name__
        SPECIALS[name] = Special(name, "a", title, expects, apply, items)
        return apply

    return register


@special("the right numbers, printed, and nothing else", "scalars")
def printed_constants(solution: str) -> str:
    """Return a notebook that computes nothing."""
    return CONSTANTS


@special("a description without code", "nothing")
def prose_only(solution: str) -> str:
    """Return a notebook of Markdown cells."""
    return PROSE


@special("a crash in the middle", "all_elsewhere", items=("a3",))
def crash(solution: str) -> str:
    """Return the solution with a NameError where A3 is run."""
    return crash_in_a3(solution)


@special("a notebook that ends after A2", "all_elsewhere", items=("a3", "a4", "a5"))
def unfinished(solution: str) -> str:
    """Return the cells of the solution before A3."""
    return before_item(solution, "a3")


def before_item(solution: str, item: str) -> str:
    """Return the cells of a solution (percent format) that come before the first one of an item."""
    cells = re.split(r"^(?=# %%)", solution, flags=re.MULTILINE)
    first = next(index for index, cell in enumerate(cells) if f'item="{item}"' in cell.split("\n", 1)[0])
    return "".join(cells[:first])
